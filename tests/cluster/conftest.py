"""Fixtures for tests with many processes; they live in tests/support."""

from support.cluster import cluster, fresh_url

__all__ = ["cluster", "fresh_url"]

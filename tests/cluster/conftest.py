"""Fixtures for tests with many processes; they live in tests/support."""

from support.cluster import cluster
from support.postgres_fixtures import empty_url, url

__all__ = ["cluster", "empty_url", "url"]

"""Fixtures for all tests; they live in tests/support, by subject."""

from support.google_fixtures import bucket_sdk, vertex_sdk
from support.sandbox import sandbox, sandbox_process

__all__ = ["bucket_sdk", "sandbox", "sandbox_process", "vertex_sdk"]

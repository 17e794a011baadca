"""Fixtures for all tests; they live in tests/support, by subject."""

from support.bot import bot, new_bot
from support.google_fixtures import bucket_sdk, vertex_sdk
from support.postgres_fixtures import postgres_server, postgres_template
from support.sandbox import sandbox, sandbox_process

__all__ = [
    "bot",
    "bucket_sdk",
    "new_bot",
    "postgres_server",
    "postgres_template",
    "sandbox",
    "sandbox_process",
    "vertex_sdk",
]

"""A real SQLite file for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from veobot.store.database import Database, open_database
from veobot.store.requests import SqliteRequestStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "veobot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await open_database(path, sleep=asyncio.sleep)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqliteRequestStore:
    return SqliteRequestStore(database)

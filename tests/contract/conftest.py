"""A real database for each test: a SQLite file, and one on a real PostgreSQL, with the same assertions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.postgres import PostgresServer, empty, fresh_database, running_server
from support.postgres_fixtures import empty_url, url
from veobot.store.database import Database
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase, open_database

__all__ = ["empty_url", "url"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "veobot.db"


@pytest.fixture
async def sqlite_database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_database(path, sleep=asyncio.sleep)
    yield database
    database.close()


@pytest.fixture(scope="session")
def own_server() -> Iterator[PostgresServer]:
    """A server to be stopped and killed at will; each test leaves it running."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def postgres_url(shared_url: str) -> Iterator[str]:
    """A database without a row: the same for all tests of this process, and emptied after each."""
    yield shared_url
    empty(shared_url)


@pytest.fixture
async def postgres_database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url, sleep=asyncio.sleep)
    yield database
    await database.leave()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database of either kind. A file of tests for one of them only says so by a `database` of its own."""
    database: Database = request.getfixturevalue(
        "sqlite_database" if request.param == "sqlite" else "postgres_database"
    )
    return database


@pytest.fixture
def address(database: Database) -> str:
    """Where the database is, for other processes."""
    if isinstance(database, SqliteDatabase):
        return f"sqlite:///{database.path}"
    assert isinstance(database, PostgresDatabase)
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def store(database: Database) -> SqlRequestStore:
    return SqlRequestStore(database)

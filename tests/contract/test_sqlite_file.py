"""What is particular to the SQLite file: who may read it, what stays in it, and how a transaction is begun."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from support.rows import EVERYTHING, NOON, OPTIONS, SECOND, a_request, admitted, completed
from veobot.core.status import Closure
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase


@pytest.fixture
def database(sqlite_database: SqliteDatabase) -> SqliteDatabase:
    return sqlite_database


async def test_the_file_may_be_read_by_its_owner_only(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    await admitted(store)
    modes = {file.name: file.stat().st_mode & 0o077 for file in database.path.parent.iterdir()}
    assert modes == {"veobot.db": 0, "veobot.db-wal": 0, "veobot.db-shm": 0}


async def test_what_is_committed_is_there_after_closing(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    request = await completed(store)
    await store.close(request, Closure.DELIVERED, NOON)
    closed = await store.get(request.id)
    database.close()
    assert await store.get(request.id) == closed
    assert await store.admit(a_request(2), EVERYTHING, lambda _: None) is None


async def test_an_erased_token_is_nowhere_in_the_file(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    await admitted(store)
    await database.write(lambda c: c.execute(text("UPDATE requests SET interaction_token = 'aW50ZXJh'")))
    await store.erase_expired_tokens(asked_before=NOON + SECOND)
    database.close()
    assert b"aW50ZXJh" not in database.path.read_bytes()


async def test_the_prompts_of_a_deleted_request_are_nowhere_in_the_file(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    words = replace(OPTIONS, negative_prompt="Regen und Schirme")
    request = await completed(store, a_request(options=words))
    await store.close(request, Closure.DELIVERED, NOON)
    assert await store.delete_closed(NOON + SECOND, 10) == 1
    database.close()
    content = database.path.read_bytes()
    assert b"Fuchs" not in content
    assert b"Schirme" not in content


@contextmanager
def traced_statements(database: SqliteDatabase) -> Iterator[list[str]]:
    """Record what SQLite runs, the beginnings of transactions included."""
    statements: list[str] = []
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
    driver.set_trace_callback(statements.append)
    yield statements
    driver.set_trace_callback(None)


async def test_a_writer_takes_the_write_lock_at_once_and_a_reader_never(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    with traced_statements(database) as statements:
        request = await completed(store)
        await store.close(request, Closure.DELIVERED, NOON)
    begun = [statement for statement in statements if statement.startswith("BEGIN")]
    assert begun.count("BEGIN IMMEDIATE") == 5
    assert set(begun) == {"BEGIN IMMEDIATE", "BEGIN"}


async def test_the_file_itself_refuses_an_epoch_that_is_no_number(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    await admitted(store)
    with pytest.raises(IntegrityError, match="requests_epoch"):
        await database.write(lambda c: c.execute(text("UPDATE requests SET epoch = 'one'")))

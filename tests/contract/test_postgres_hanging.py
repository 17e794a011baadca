"""Where PostgreSQL does not answer, or its answer is lost, that is said within a bound, and nothing is half done."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import Connection, text

from support.cut import Cut, cut_between
from support.postgres import PostgresServer
from support.postgres_mishaps import (
    CANCEL_SECONDS,
    REQUEST,
    SLACK_SECONDS,
    UNREACHABLE,
    ask,
    database,
    stopped,
    unavailable,
    url,
)
from support.rows import EVERYTHING, NOON, a_request, admitted
from veobot.core.errors import AlreadyKnown
from veobot.store.postgres import (
    CONNECT_TIMEOUT_SECONDS,
    IDLE_TIMEOUT_SECONDS,
    LOCK_TIMEOUT_SECONDS,
    PostgresDatabase,
)
from veobot.store.requests import SqlRequestStore

__all__ = ["database", "url"]


# -- the server does not answer


async def test_a_server_that_hangs_while_we_connect_is_given_up(
    own_server: PostgresServer, database: PostgresDatabase, store: SqlRequestStore
) -> None:
    await database.leave()
    begun = time.monotonic()
    with stopped(own_server.pid), unavailable(UNREACHABLE):
        await admitted(store, REQUEST)
    assert time.monotonic() - begun < CONNECT_TIMEOUT_SECONDS + SLACK_SECONDS
    await admitted(store, REQUEST)


async def test_a_server_that_hangs_in_a_transaction_is_given_up(own_server: PostgresServer, url: str) -> None:
    database = PostgresDatabase(url, sleep=asyncio.sleep, transaction_seconds=1)
    request = await admitted(SqlRequestStore(database), REQUEST)
    with ExitStack() as hanging:

        def hang(connection: Connection) -> None:
            connection.execute(text("UPDATE requests SET failure_detail = 'half done'"))
            backend = connection.scalar(text("SELECT pg_backend_pid()"))
            assert isinstance(backend, int)
            hanging.enter_context(stopped(own_server.pid, backend))
            connection.execute(text("UPDATE requests SET failure_detail = 'done'"))

        begun = time.monotonic()
        with unavailable(r"did not answer within 1 s; look whether it hangs\.$"):
            await database.write(hang)
        assert time.monotonic() - begun < 1 + CANCEL_SECONDS + SLACK_SECONDS
    assert await SqlRequestStore(database).get(request.id) == request
    await database.leave()


async def test_who_finds_all_connections_taken_waits_for_one(url: str) -> None:
    database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=1)
    store = SqlRequestStore(database)
    await asyncio.gather(*(admitted(store, a_request(number)) for number in range(50)))
    await database.leave()


async def test_who_stands_in_line_behind_a_transaction_that_hangs_gets_its_turn(
    url: str,
) -> None:
    database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=1, transaction_seconds=1)
    request = await admitted(SqlRequestStore(database), REQUEST)
    sleeping = asyncio.create_task(database.read(lambda c: c.execute(text("SELECT pg_sleep(5)"))))
    await asyncio.sleep(0)
    assert await SqlRequestStore(database).get(request.id) == request
    with unavailable("did not answer within 1 s"):
        await sleeping
    await database.leave()


async def test_rows_that_another_holds_for_too_long_are_not_waited_for(
    store: SqlRequestStore, url: str
) -> None:
    request = await admitted(store, REQUEST)
    with psycopg.connect(url) as other:
        other.execute("UPDATE requests SET epoch = epoch")
        begun = time.monotonic()
        with unavailable(
            "^Another process holds the same rows or tables for too long; look at what it is doing"
        ):
            await store.claim(request.id, "second", NOON)
        assert time.monotonic() - begun < LOCK_TIMEOUT_SECONDS + SLACK_SECONDS
        other.rollback()
    assert await store.claim(request.id, "second", NOON) == 2


async def test_a_process_that_is_paused_in_a_transaction_holds_nobody_up_and_does_it_again_once_it_wakes(
    database: PostgresDatabase, store: SqlRequestStore, url: str
) -> None:
    request = await admitted(store, REQUEST)
    runs: list[int] = []

    def be_paused(connection: Connection) -> None:
        runs.append(len(runs))
        connection.execute(text("UPDATE requests SET failure_detail = 'half done'"))
        if len(runs) == 1:
            time.sleep(IDLE_TIMEOUT_SECONDS + 0.5)  # the whole process stands still, as at a SIGSTOP
            ask(url, "UPDATE requests SET epoch = 7")
        connection.execute(text("UPDATE requests SET failure_detail = 'done'"))

    await database.write(be_paused)
    assert runs == [0, 1]
    changed = await store.get(request.id)
    assert (changed.epoch, changed.failure_detail) == (7, "done")


# -- the answer to a commit is lost


@pytest.fixture
async def cut(own_server: PostgresServer) -> AsyncIterator[Cut]:
    async with cut_between(own_server.port) as cut:
        yield cut


@pytest.fixture
async def cut_store(own_server: PostgresServer, url: str, cut: Cut) -> AsyncIterator[SqlRequestStore]:
    """A store whose connections can be cut."""
    database = PostgresDatabase(url.replace(str(own_server.port), str(cut.port)), sleep=asyncio.sleep)
    yield SqlRequestStore(database)
    await database.leave()


async def test_a_commit_whose_answer_was_lost_is_reported_and_not_made_again(
    cut: Cut, cut_store: SqlRequestStore
) -> None:
    request = await admitted(cut_store, REQUEST)
    cut.word = b"COMMIT\0"
    with unavailable(r"^The connection to PostgreSQL at .* was lost; look whether it runs\.$"):
        await cut_store.claim(request.id, "second", NOON)
    with unavailable("was lost"):
        await cut_store.admit(a_request(2), EVERYTHING, lambda _: None)
    cut.word = None
    assert cut.cuts == 2
    assert (await cut_store.get(request.id)).epoch == 2
    with pytest.raises(AlreadyKnown):
        await cut_store.admit(a_request(2), EVERYTHING, lambda _: None)


async def test_a_transaction_whose_connection_was_lost_before_the_commit_is_run_once_more(
    cut: Cut, cut_store: SqlRequestStore
) -> None:
    request = await admitted(cut_store, REQUEST)
    cut.word = b"INSERT INTO transitions"

    async def mend() -> None:
        while not cut.cuts:  # noqa: ASYNC110 -- it is the test's own proxy
            await asyncio.sleep(0)
        cut.word = None

    assert (await asyncio.gather(cut_store.claim(request.id, "second", NOON), mend()))[0] == 2
    assert cut.cuts == 1

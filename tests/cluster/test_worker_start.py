"""What a worker finds at its start, and a command's transaction that must not be waited for, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.rows import NOON, a_request, admitted, completed, generating
from veobot.core.errors import StoreUnavailable
from veobot.core.request import RequestId
from veobot.core.status import Closure
from veobot.store.inspection import incomplete_by_status, status_of_each
from veobot.store.postgres import PostgresDatabase
from veobot.store.prompt import PromptDatabase
from veobot.store.requests import SqlRequestStore


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(empty_url, sleep=asyncio.sleep)
    yield database
    await database.leave()


@pytest.fixture
def store(database: PostgresDatabase) -> SqlRequestStore:
    return SqlRequestStore(database)


async def test_what_a_worker_finds_at_its_start_and_how_it_ended(
    database: PostgresDatabase, store: SqlRequestStore
) -> None:
    waiting = await admitted(store, a_request(1))
    running = await generating(store, a_request(2))
    done = await completed(store, a_request(3))
    await store.close(done, Closure.DELIVERED, NOON)
    assert await incomplete_by_status(database) == {waiting.id: "pending", running.id: "generating"}
    ended = await status_of_each(database, [done.id, waiting.id, RequestId(999)])
    assert ended == {done.id: "completed", waiting.id: "pending"}


async def test_whoever_has_an_answer_to_give_does_not_wait_for_a_transaction_that_hangs(
    database: PostgresDatabase,
) -> None:
    await incomplete_by_status(database)  # the tables are there
    prompt = SqlRequestStore(PromptDatabase(database, 0.3))
    request = a_request(1)
    async with database.engine.begin() as other:
        await other.exec_driver_sql("LOCK TABLE requests IN EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
            await admitted(prompt, request)
    # It was not cut off: as after any lost answer, the row may be there.
    async with asyncio.timeout(10):
        while not await status_of_each(database, [request.id]):  # noqa: ASYNC110 -- a row has no event
            await asyncio.sleep(0.02)
    assert (await prompt.get(request.id)).prompt == request.prompt

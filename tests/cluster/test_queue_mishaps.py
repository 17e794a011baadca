"""An answer lost, a worker that cannot begin, one that is taken for dead: all of it goes on, and nothing twice."""

import asyncio

import pytest

from support.queue import Books, Worker, stored
from support.queue_fixtures import MakeWorker, books, database, worker
from support.severed import severed_front
from veobot.store.postgres import PostgresDatabase

__all__ = ["books", "database", "worker"]

LOST_ANSWERS = {
    "enqueue": "AND r.id = ANY(",
    "fetch": "FOR UPDATE OF j SKIP LOCKED",
    "finish": "DELETE FROM procrastinate_jobs WHERE status = 'doing' AND id = ANY(",
    "heartbeat": "OVERRIDING SYSTEM VALUE",
    "sweep": "AND NOT (r.owner = ''",
}
"""Words of the statement, by what it does."""


@pytest.mark.parametrize("statement", LOST_ANSWERS)
async def test_a_statement_whose_answer_is_lost_is_done_once(
    statement: str, url: str, books: Books, database: PostgresDatabase
) -> None:
    async with severed_front(url) as front:
        one = Worker(front.url)
        front.lose_answer_to(LOST_ANSWERS[statement])
        request_ids = await stored(database, 3)
        one.start()
        for request_id in request_ids:
            one.queue.submit(request_id, 1)
        await books.let_end(*request_ids)
        await books.until(3, "ended")
        async with asyncio.timeout(10):
            await front.lost.wait()
        await books.until_no_jobs()
        await one.stop()
    assert sorted(await books.carried()) == [(request_id, 1, "one") for request_id in request_ids]


async def test_a_worker_that_cannot_begin_tries_until_it_can(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    await books.run("ALTER FUNCTION procrastinate_register_worker_v1 RENAME TO away")
    one = worker()
    one.start()
    await one.log.wait_for("queue.interrupted")
    await books.run("ALTER FUNCTION away RENAME TO procrastinate_register_worker_v1")
    assert await books.until(1) == [(request_id, 1, "one")]


async def test_a_worker_taken_for_dead_that_is_not_works_on(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    one = worker()
    one.start()
    await books.until_listening(1)
    await books.run("DELETE FROM procrastinate_workers")
    [request_id] = await stored(database)
    one.queue.submit(request_id, 1)
    assert (await books.until(1))[0][0] == request_id


async def test_what_a_broken_worker_carries_goes_on_in_the_next_one(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    one = worker()
    one.start()
    await books.until(1)
    assert one.queue._worker is not None
    one.queue._worker.cancel()  # nothing else is known that ends it
    await one.log.wait_for("queue.interrupted")
    await books.until_doing(1)
    await books.let_end(request_id)
    await books.until_no_jobs()
    assert await books.carried() == [(request_id, 1, "one")]
    assert await books.carried("ended") == [(request_id, 1, "one")]

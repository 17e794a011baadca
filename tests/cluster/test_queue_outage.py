"""The database away: what is carried goes on, and afterwards everything does."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.postgres import PostgresServer, running_server
from support.queue import HURRIED, Books, stored
from support.queue_fixtures import MakeWorker, StartProcess, books, database, process, worker
from veobot.core.request import RequestId
from veobot.store.postgres import PostgresDatabase

__all__ = ["books", "database", "process", "worker"]

LONGER_THAN_A_WORKER_SURVIVES_SECONDS = 9.0
"""Procrastinate's own worker was seen to survive 2 s without its database, and not 8 s."""


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that can be stopped without stopping other tests."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_server(own_server: PostgresServer) -> str:
    return own_server.url


@pytest.fixture
def postgres_template() -> str:
    return "template0"


async def test_the_database_away_for_long_interrupts_nothing_and_then_everything_goes_on(
    own_server: PostgresServer, books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    carried, other = await stored(database, 2, owner="gone")
    cancelled = asyncio.Event()

    async def carry(request_id: RequestId, epoch: int) -> None:
        try:
            await one.carrying(request_id, epoch)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    one = worker(carry=carry)
    one.start()
    await books.until(2)
    own_server.stop()
    await asyncio.sleep(LONGER_THAN_A_WORKER_SURVIVES_SECONDS)
    assert one.log.named("queue.unreachable")
    own_server.start()
    await one.log.wait_for("queue.reached_again")
    await books.let_end(carried)
    await books.until(1, "ended")
    [new] = await stored(database)
    one.queue.submit(new, 1)
    begun = await books.until(3)
    # Nobody took the two for lost: what was carried before the outage was carried through it.
    assert begun[2:] == [(new, 1, "one")]
    await books.let_end(other, new)
    await books.until_no_jobs()
    assert not cancelled.is_set()


async def test_after_an_outage_nobody_is_taken_for_dead_before_having_had_the_time_to_beat(
    own_server: PostgresServer,
    books: Books,
    database: PostgresDatabase,
    worker: MakeWorker,
    process: StartProcess,
) -> None:
    await stored(database, 3)
    slow = await process("slow")
    begun = await books.until(3)
    patient = replace(HURRIED, stalled_seconds=5.0)
    one = worker(timing=patient)
    one.start()
    await books.until_listening(2)
    slow.send_signal(signal.SIGSTOP)  # so that it comes back later than the other
    own_server.stop()
    await asyncio.sleep(patient.stalled_seconds + 1)
    own_server.start()
    await one.log.wait_for("queue.reached_again")
    await asyncio.sleep(patient.sweep_seconds * 3)
    slow.send_signal(signal.SIGCONT)
    await asyncio.sleep(patient.stalled_seconds + patient.sweep_seconds * 2)
    assert await books.carried() == begun


async def test_a_database_away_when_submitting_is_said_and_the_request_found_later(
    own_server: PostgresServer, books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    own_server.stop()
    gateway = worker("gateway")
    gateway.queue.submit(request_id, 1)
    assert (await gateway.log.wait_for("request.not_enqueued"))["request_id"] == request_id
    own_server.start()
    one = worker()
    one.start()
    assert [found for found, _, _ in await books.until(1)] == [request_id]

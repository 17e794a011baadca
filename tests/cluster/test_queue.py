"""A job for each request in PostgreSQL, and one worker that carries them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from support.queue import HURRIED, Books, Claims, stored
from support.queue_fixtures import MakeWorker, books, database, worker
from veobot.core.errors import StoreUnavailable
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId, VideoRequest
from veobot.store.postgres import PostgresDatabase
from veobot.workqueue.carrying import CRASHES_BEFORE_GIVING_UP

__all__ = ["books", "database", "worker"]


async def test_submitting_twice_is_one_job(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    gateway, other = worker("gateway"), worker("other gateway")
    for queue in (gateway.queue, gateway.queue, other.queue):
        queue.submit(request_id, 1)
    await gateway.stop()
    await other.stop()
    assert [job["lock"] for job in await books.jobs()] == [str(request_id)]


async def test_submitting_what_is_being_carried_makes_no_second_job(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    one = worker()
    one.start()
    one.queue.submit(request_id, 1)
    await books.until(1)
    gateway = worker("gateway")
    gateway.queue.submit(request_id, 1)
    await gateway.stop()
    assert [job["status"] for job in await books.jobs()] == ["doing"]


async def test_a_finished_requests_job_is_gone_and_is_not_brought_back(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    await books.let_end(request_id)
    one = worker()
    one.start()
    one.queue.submit(request_id, 1)
    await one.queue.join([request_id])
    await books.until_no_jobs()
    one.queue.submit(request_id, 1)
    await one.queue.sweep()
    await one.stop()
    assert await books.jobs() == []
    assert len(await books.carried("ended")) == 1


async def test_the_oldest_starts_first(books: Books, database: PostgresDatabase, worker: MakeWorker) -> None:
    oldest, middle, youngest = await stored(database, 3)
    await books.let_end(oldest, middle, youngest)
    one = worker(concurrency=1)
    for request_id in (youngest, oldest, middle):
        one.queue.submit(request_id, 1)
        await asyncio.sleep(0.05)  # each by a statement of its own
    one.start()
    begun = await books.until(3)
    assert [request_id for request_id, _, _ in begun] == [oldest, middle, youngest]


async def test_the_first_to_carry_a_request_keeps_its_epoch_and_has_not_resumed_it(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    one = worker()
    one.start()
    assert await books.until(1) == [(request_id, 1, "one")]
    assert one.log.named("request.resumed") == []


async def test_what_another_has_carried_is_resumed_under_the_next_epoch(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database, owner="gone", age=timedelta(minutes=37, seconds=1))
    one = worker()
    one.start()
    assert await books.until(1) == [(request_id, 2, "one")]
    [resumed] = one.log.named("request.resumed")
    assert resumed == {"request_id": request_id, "user_id": 1, "status": "pending", "age_minutes": 37}


async def test_an_id_of_any_size_has_a_priority(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [ordinary] = await stored(database)
    largest = 2**63 - 1
    await books.run(f"UPDATE requests SET id = {largest} WHERE id = {ordinary}")  # noqa: S608 -- two numbers
    one = worker()
    one.start()
    await books.until(1)
    [job] = await books.jobs()
    assert (job["lock"], job["priority"]) == (str(largest), -(2**31) + 1)


async def test_a_crash_is_tried_again_and_given_up_as_by_one_process(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    crashes, given_up = 0, asyncio.Event()

    async def carry(request_id: RequestId, epoch: int) -> None:
        nonlocal crashes
        if given_up.is_set():
            await books.close(request_id, epoch)
            return
        crashes += 1
        raise ZeroDivisionError

    async def give_up(_request_id: RequestId, epoch: int) -> None:
        assert epoch == 1
        given_up.set()

    one = worker(carry=carry, give_up=give_up)
    one.start()
    await one.queue.join([request_id])
    assert crashes == CRASHES_BEFORE_GIVING_UP
    assert len(one.log.named("request.crashed")) == CRASHES_BEFORE_GIVING_UP


async def test_a_row_that_cannot_be_read_is_named_once_and_holds_up_no_other(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    unreadable, readable = await stored(database, 2)
    await books.run(f"UPDATE requests SET status = 'unheard of' WHERE id = {unreadable}")  # noqa: S608 -- a number
    one = worker()
    one.start()
    assert [request_id for request_id, _, _ in await books.until(1)] == [readable]
    for _ in range(3):
        await one.queue.sweep()
    assert [entry["request_id"] for entry in one.log.named("request.unreadable")] == [unreadable]
    # A newer version may be able to: it has the job as soon as this one leaves.
    await one.stop()
    assert [job["status"] for job in await books.jobs() if job["lock"] == str(unreadable)] == ["todo"]


async def test_a_row_that_cannot_be_read_stops_no_small_worker_and_goes_round_named_once(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    unreadable, readable = await stored(database, 2)
    await books.run(f"UPDATE requests SET status = 'unheard of' WHERE id = {unreadable}")  # noqa: S608 -- a number
    claims, asked, twice = Claims(database, "one"), list[RequestId](), asyncio.Event()

    async def claim(request_ids: Sequence[RequestId]) -> Sequence[VideoRequest | UnreadableRow]:
        asked.extend(request_ids)
        if asked.count(unreadable) > 1:
            twice.set()
        return await claims(request_ids)

    await books.let_end(readable)
    one = worker(claim=claim, concurrency=1, timing=replace(HURRIED, unreadable_seconds=0.2))
    one.start()
    assert [request_id for request_id, _, _ in await books.until(1)] == [readable]
    async with asyncio.timeout(10):
        await twice.wait()
    await one.queue.sweep()
    assert [entry["request_id"] for entry in one.log.named("request.unreadable")] == [unreadable]


async def test_one_request_that_cannot_be_claimed_holds_up_no_other(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    broken, *others = await stored(database, 3)
    claims = Claims(database, "one")

    async def claim(request_ids: Sequence[RequestId]) -> Sequence[VideoRequest | UnreadableRow]:
        if broken in request_ids:
            raise ZeroDivisionError
        return await claims(request_ids)

    one = worker(claim=claim)
    one.start()
    assert {request_id for request_id, _, _ in await books.until(2)} == set(others)
    failed = await one.log.wait_for("request.not_claimed")
    assert failed["request_id"] == broken


async def test_claiming_waits_for_the_rows_to_be_reachable(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    claims, failures = Claims(database, "one"), 0

    async def claim(request_ids: Sequence[RequestId]) -> Sequence[VideoRequest | UnreadableRow]:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise StoreUnavailable
        return await claims(request_ids)

    one = worker(claim=claim)
    one.start()
    assert [found for found, _, _ in await books.until(1)] == [request_id]
    assert len(one.log.named("claim.failed")) == 1


async def test_no_more_are_carried_at_once_than_there_is_room_for(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    request_ids = await stored(database, 7)
    small, large = worker("small", concurrency=2), worker("large", concurrency=100)
    small.start()
    begun = await books.until(2)
    await asyncio.sleep(0.5)
    assert await books.carried() == begun
    assert [job["status"] for job in await books.jobs()].count("doing") == 2, "it keeps none from the others"
    large.start()
    assert {owner for _, _, owner in (await books.until(7))[2:]} == {"large"}
    await books.let_end(*request_ids)
    await books.until_no_jobs()

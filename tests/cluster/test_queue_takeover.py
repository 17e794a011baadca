"""What a worker leaves behind is carried by another: killed, told to leave, or stopped for a while and woken."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta

from support.queue import HURRIED, Books, stored
from support.queue_fixtures import MakeWorker, StartProcess, books, database, process, worker
from veobot.store.postgres import PostgresDatabase
from veobot.workqueue import connections
from veobot.workqueue.engine import Heart
from veobot.workqueue.procrastinate import HANDOVER_SECONDS, Timing

__all__ = ["books", "database", "process", "worker"]

TAKEOVER_SECONDS = 30.0
"""What is promised for a worker that is gone without a word."""
LEAVING_GRACE_SECONDS = 4.0
"""What the application gives to what is in hand at SIGTERM."""


def test_a_worker_that_is_gone_is_noticed_in_time() -> None:
    timing = Timing()
    # The last heartbeat, the others' patience, the sweep; and another sweeper may be stopped in the middle of its own.
    assert timing.stalled_seconds + timing.sweep_seconds + connections.IDLE_TIMEOUT_SECONDS < TAKEOVER_SECONDS
    # A worker that leaves beats no more, and must not be taken for dead.
    assert timing.heartbeat_seconds + LEAVING_GRACE_SECONDS + HANDOVER_SECONDS < timing.stalled_seconds
    assert timing.heartbeat_seconds * 3 <= timing.stalled_seconds


async def test_a_killed_workers_requests_are_carried_by_another_under_the_next_epoch(
    books: Books, database: PostgresDatabase, process: StartProcess, worker: MakeWorker
) -> None:
    request_ids = await stored(database, 3)
    victim = await process("victim")
    await books.until(3)
    victim.kill()
    heir = worker("heir")
    heir.start()
    begun = await books.until(6)
    assert sorted(begun[3:]) == [(request_id, 2, "heir") for request_id in request_ids]
    await books.let_end(*request_ids)
    await books.until_no_jobs()
    assert len(await books.carried("ended")) == 3


async def test_a_worker_told_to_leave_hands_over_at_once(
    books: Books, database: PostgresDatabase, process: StartProcess, worker: MakeWorker
) -> None:
    request_ids = await stored(database, 3)
    leaver = await process("leaver")
    await books.until(3)
    # It sweeps, and takes nobody for dead, so soon: only what is handed over reaches it.
    slow = Timing(heartbeat_seconds=1, stalled_seconds=600, sweep_seconds=600, enqueue_seconds=600)
    heir = worker("heir", timing=slow)
    heir.start()
    await books.until_listening(2)
    told_at = time.monotonic()
    leaver.terminate()
    begun = await books.until(6)
    assert time.monotonic() - told_at < HURRIED.stalled_seconds
    assert sorted(begun[3:]) == [(request_id, 2, "heir") for request_id in request_ids]
    assert await leaver.wait() == 0


async def test_what_is_not_ended_in_the_grace_is_handed_over_all_the_same(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    await stored(database)

    async def stubborn(_request_id: int, _epoch: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    begun = asyncio.Event()
    leaver = worker("leaver", carry=stubborn)
    leaver.start()
    await begun.wait()
    assert await leaver.stop(grace_seconds=0.1) == 1
    assert [job["status"] for job in await books.jobs()] == ["todo"]


async def test_a_woken_worker_ends_nobody_elses_job(
    books: Books, database: PostgresDatabase, process: StartProcess, worker: MakeWorker
) -> None:
    [request_id] = await stored(database)
    sleeper = await process("sleeper")
    await books.until(1)
    sleeper.send_signal(signal.SIGSTOP)
    heir = worker("heir")
    heir.start()
    assert (await books.until(2))[1] == (request_id, 2, "heir")
    # The heir does not see that the request may end: only the sleeper does, when it wakes.
    [held] = await books.jobs()
    hold = heir.hold(request_id)
    await books.let_end(request_id)
    sleeper.send_signal(signal.SIGCONT)
    assert await books.until(1, "superseded") == [(request_id, 1, "sleeper")]
    # Long enough for the sleeper to finish its job, to beat and to sweep.
    await asyncio.sleep(HURRIED.stalled_seconds * 2)
    assert [job["id"] for job in await books.jobs()] == [held["id"]]
    assert len(await books.carried()) == 2
    hold.set()
    assert await books.until(1, "ended") == [(request_id, 2, "heir")]


async def test_five_sweepers_at_once_bring_each_lost_job_back_once(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    await stored(database, 10, owner="gone")
    sweepers = [worker(f"sweeper {number}") for number in range(5)]
    await sweepers[0].queue.sweep()
    await books.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
    await books.run("UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1 WHERE id <= 8")
    await asyncio.gather(*(one.queue.sweep() for one in sweepers for _ in range(3)))
    jobs = await books.jobs()
    assert [job["status"] for job in jobs] == ["todo"] * 10
    assert len({job["lock"] for job in jobs}) == 10
    swept = [entry for one in sweepers for entry in one.log.named("takeover.swept")]
    assert swept == [{"freed": 0, "brought_back": 10}, {"freed": 8, "brought_back": 8}]


async def test_losing_the_whole_job_table_loses_nothing_and_starts_nothing_twice(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    request_ids = await stored(database, 5)
    one = worker()
    one.start()
    await books.until(5)
    await books.run("TRUNCATE procrastinate_jobs CASCADE")
    await books.until_doing(5)
    await books.let_end(*request_ids)
    await books.until(5, "ended")
    await books.until_no_jobs()
    assert sorted(await books.carried()) == [(request_id, 1, "one") for request_id in request_ids]


async def test_a_young_request_is_left_to_the_gateway_that_let_it_in(
    books: Books, database: PostgresDatabase, worker: MakeWorker
) -> None:
    patient = Timing(enqueue_seconds=60)
    [young] = await stored(database, age=timedelta(seconds=30))
    [carried_before] = await stored(database, owner="gone", age=timedelta(seconds=20))
    await worker(timing=patient).queue.sweep()
    assert [job["lock"] for job in await books.jobs()] == [str(carried_before)]
    await worker(timing=Timing(enqueue_seconds=10)).queue.sweep()
    assert [job["lock"] for job in await books.jobs()] == [str(young), str(carried_before)]


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        raise NotImplementedError


def test_who_missed_heartbeats_itself_takes_nobody_for_dead_until_the_others_had_time_to_beat() -> None:
    clock = SetClock()
    heart = Heart(clock, timedelta(seconds=15))
    assert heart.may_judge(), "a process that has just begun may tell"
    heart.beaten()
    clock.time += timedelta(seconds=14)
    assert heart.may_judge()
    clock.time += timedelta(seconds=1)
    assert not heart.may_judge()
    heart.beaten()
    clock.time += timedelta(seconds=10)
    heart.beaten()
    assert not heart.may_judge()
    clock.time += timedelta(seconds=5)
    assert heart.may_judge()

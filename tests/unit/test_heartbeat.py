"""A heartbeat that failed: nobody is taken for dead until the others had time to beat again."""

import asyncio
from datetime import UTC, datetime, timedelta

from procrastinate import PsycopgConnector
from psycopg import OperationalError

from support.event_log import RecordingLog
from veobot.workqueue.connections import open_pool
from veobot.workqueue.engine import Heart, PatientJobs
from veobot.workqueue.jobs import JobTable

URL = "postgresql://nobody@127.0.0.1:1/nothing"
STALLED_AFTER = timedelta(seconds=15)


class WaitedClock:
    """A clock that moves by what is waited for."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        raise NotImplementedError


class FailingTable(JobTable):
    """A table that takes no heartbeat for a few tries; `judged` is what may be said of others meanwhile."""

    def __init__(self, heart: Heart, failures: int) -> None:
        super().__init__(open_pool(URL))
        self._heart = heart
        self._failures = failures
        self.judged: list[bool] = []

    async def beat(self, worker_id: int) -> None:  # noqa: ARG002 -- the table's
        self.judged.append(self._heart.may_judge())
        if len(self.judged) <= self._failures:
            raise OperationalError("away")


async def test_a_heartbeat_that_failed_for_less_than_it_takes_to_be_dead_has_nobody_taken_for_dead() -> None:
    clock = WaitedClock()
    heart = Heart(clock, STALLED_AFTER)
    table = FailingTable(heart, failures=8)
    jobs = PatientJobs(
        PsycopgConnector(),
        table,
        URL,
        heart=heart,
        clock=clock,
        log=RecordingLog(),
        concurrency=1,
        stopping=asyncio.Event(),
        begin=lambda _: None,
    )
    heart.beaten()
    await jobs.update_heartbeat(1)
    # Not while it fails either: a sweep may be the first to find the database back.
    assert table.judged == [True] + [False] * 8
    clock.time += STALLED_AFTER - timedelta(seconds=1)
    heart.beaten()
    assert not heart.may_judge()
    clock.time += timedelta(seconds=1)
    assert heart.may_judge()

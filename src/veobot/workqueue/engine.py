"""Procrastinate's worker as we need it: for thousands of jobs at once, and a database that comes and goes.

The worker asks a `JobManager` for everything. This one takes many jobs in a statement where Procrastinate takes one,
and it waits where Procrastinate ends the worker: a heartbeat that fails and a connection that breaks are tried again
until the database is back, and what was being carried goes on meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from psycopg import AsyncConnection, Error, sql

from veobot.core.ports import Clock, EventLog
from veobot.core.request import RequestId

from .batches import Batches
from .connections import connect
from .jobs import QUEUE, JobTable

FETCHED_AT_ONCE = 50
"""Jobs in one statement. With 200, 10,000 start in 5 s instead of 6, and one worker takes all that a dead one had."""
FINISHED_AT_ONCE = 1_000
RETRY_SECONDS = 1.0
"""Between two tries while the database is away: one small statement a worker."""
LISTEN_CHECK_SECONDS = 30.0
"""How often a silent connection is asked whether it is still one."""


class _Lost(Enum):
    """What can fail by itself while the rest goes on."""

    FETCHING = "fetching"
    FINISHING = "finishing"
    HEARTBEAT = "heartbeat"
    LISTENING = "listening"


class Heart:
    """Since when this process has been beating without a pause: only then may it take others for dead.

    When the database was away, or this process was stopped, all others look dead at first.
    """

    def __init__(self, clock: Clock, stalled_after: timedelta) -> None:
        self._clock = clock
        self._stalled_after = stalled_after
        self._beaten_at: datetime | None = None
        self._judges_from: datetime | None = None

    def beaten(self) -> None:
        """Note a heartbeat that the database has taken."""
        now = self._clock.now()
        if self._beaten_at is not None and now - self._beaten_at >= self._stalled_after:
            self.missed()
        self._beaten_at = now

    def missed(self) -> None:
        """Note that the database was away until now: for the others it may have been, too."""
        self._judges_from = self._clock.now() + self._stalled_after

    def may_judge(self) -> bool:
        """Whether a worker without a heartbeat is one that is gone. A process that has just begun may tell."""
        now = self._clock.now()
        if self._beaten_at is not None and now - self._beaten_at >= self._stalled_after:
            return False
        return self._judges_from is None or now >= self._judges_from


class PatientJobs(JobManager):
    """The jobs of one process's worker, in batches."""

    def __init__(
        self,
        connector: BaseConnector,
        table: JobTable,
        url: str,
        *,
        heart: Heart,
        clock: Clock,
        log: EventLog,
        concurrency: int,
        stopping: asyncio.Event,
        begin: Callable[[Sequence[RequestId]], None],
    ) -> None:
        """`concurrency` is the worker's; once `stopping` is set, what is finished here goes on elsewhere.

        `begin` is told of all requests whose jobs were fetched together, before the worker runs the first of these.
        """
        super().__init__(connector)
        self._table = table
        self._url = url
        self._heart = heart
        self._clock = clock
        self._log = log
        self._concurrency = concurrency
        self._stopping = stopping
        self._begin = begin
        self.worker_id: int | None = None
        """The latest worker's number in the database."""
        self._in_hand: dict[int, RequestId] = {}
        self._fetched: deque[Job] = deque()
        self._answer_lost = False
        self._notices = 0
        self._finishing: Batches[int, None] = Batches(self._finish, limit=FINISHED_AT_ONCE)
        self._lost: set[_Lost] = set()
        self._lost_at = clock.now()

    async def register_worker(self) -> int:
        """Begin anew, with nothing in hand."""
        self._in_hand.clear()
        self._fetched.clear()
        self._answer_lost = False
        self.worker_id = await super().register_worker()
        self._heart.beaten()
        return self.worker_id

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:  # noqa: ARG002 -- Procrastinate's signature
        """Leave it to the sweep, which knows when it can tell."""
        return []

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:  # noqa: ARG002 -- Procrastinate's signature
        """Return the next job, None where there is none, or the database is away."""
        if self._stopping.is_set():
            return None
        while not self._fetched:
            notices = self._notices
            try:
                jobs = await self._fetch_many(worker_id)
            except Error as error:
                if not self._answer_lost:
                    self._answer_lost = True
                    continue
                self._note_lost(_Lost.FETCHING, error)
                return None
            self._note_back(_Lost.FETCHING)
            self._take(jobs)
            # The worker forgets what it is told while it fetches: look again.
            if not jobs and notices == self._notices:
                return None
        return self._fetched.popleft()

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: ARG002 -- Procrastinate's signature
        """Delete the job, however long it takes until the database takes that; gone already is as good."""
        if job.id is not None:
            await self._finishing.ask(job.id)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Show that this worker lives, as soon as the database can be told."""
        while True:
            try:
                await self._table.beat(worker_id)
            except Error as error:
                self._heart.missed()
                self._note_lost(_Lost.HEARTBEAT, error)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                self._heart.beaten()
                self._note_back(_Lost.HEARTBEAT)
                return

    async def listen_for_jobs(
        self,
        *,
        on_notification: NotificationCallback,
        queues: Iterable[str] | None = None,  # noqa: ARG002 -- Procrastinate's signature
    ) -> None:
        """Wake the worker whenever there are new jobs: once for all that were told of together. Never returns."""
        while True:
            try:
                async with await connect(self._url) as connection:
                    await self._listen(connection, on_notification)
            except Error as error:
                self._note_lost(_Lost.LISTENING, error)
                await self._clock.sleep(RETRY_SECONDS)

    async def _listen(self, connection: AsyncConnection, wake: NotificationCallback) -> None:
        channel = f"procrastinate_queue_v1#{QUEUE}"
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        self._note_back(_Lost.LISTENING)
        while True:
            # Also at first: nobody was listening until now.
            self._notices += 1
            await wake(channel=channel, notification={"type": "job_inserted", "job_id": 0})
            while not [_ async for _ in connection.notifies(timeout=LISTEN_CHECK_SECONDS, stop_after=1)]:
                await connection.execute("SELECT")

    async def _fetch_many(self, worker_id: int) -> list[Job]:
        if self._answer_lost:
            jobs = await self._table.fetched(worker_id, list(self._in_hand))
            self._answer_lost = False
            if jobs:
                return jobs
        free = self._concurrency - len(self._in_hand)
        return await self._table.fetch(worker_id, max(1, min(FETCHED_AT_ONCE, free)))

    def _take(self, jobs: Sequence[Job]) -> None:
        self._fetched.extend(jobs)
        taken = {job.id: RequestId(int(job.lock)) for job in jobs if job.id and job.lock}
        self._in_hand.update(taken)
        self._begin(list(taken.values()))

    async def _finish(self, job_ids: Sequence[int]) -> Mapping[int, None]:
        while True:
            try:
                await self._table.finish(job_ids)
                if self._stopping.is_set():
                    # What is not closed begins at once on another worker.
                    await self._table.enqueue([self._in_hand[job_id] for job_id in job_ids])
            except Error as error:
                self._note_lost(_Lost.FINISHING, error)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                self._note_back(_Lost.FINISHING)
                for job_id in job_ids:
                    self._in_hand.pop(job_id, None)
                return {}

    # -- telling the operator once, and once that it is over

    def _note_lost(self, what: _Lost, error: Error) -> None:
        if not self._lost:
            self._lost_at = self._clock.now()
            self._log.warning("queue.unreachable", reason=str(error).strip())
        self._lost.add(what)

    def _note_back(self, what: _Lost) -> None:
        if what not in self._lost:
            return
        self._lost.discard(what)
        if what is _Lost.HEARTBEAT:
            self._heart.missed()
        if not self._lost:
            seconds = (self._clock.now() - self._lost_at).total_seconds()
            self._log.info("queue.reached_again", after_seconds=round(seconds, 1))

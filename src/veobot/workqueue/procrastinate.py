"""The work queue of many processes: a job for each request in PostgreSQL, and a Procrastinate worker to carry them.

The jobs decide who calls and when, and all of them may be lost: the sweep finds every incomplete request that has no
job. What one process may decide is said by the rows alone: a worker claims a request before it carries it, and a claim
ends what an earlier owner, stopped or cut off, still believes to be its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from procrastinate import App, PsycopgConnector
from psycopg import Error

from veobot.core.errors import Stopping, StoreUnavailable
from veobot.core.limits import ACKNOWLEDGEMENT_WINDOW, backoff_seconds
from veobot.core.ports import Clock, EventLog, UnreadableRow
from veobot.core.request import RequestId, VideoRequest

from .batches import Batches
from .carrying import Carrier, Carry
from .connections import create_tables, open_pool
from .engine import Heart, PatientJobs
from .jobs import QUEUE, TASK, JobTable

CONCURRENCY = 10_000
"""Requests that one worker carries at once. Almost all of them wait; what may cost money is limited by slots."""
CLAIMED_AT_ONCE = 500
ENQUEUED_AT_ONCE = 1_000
HANDOVER_SECONDS = 0.8
"""What a worker that leaves may add to the grace for giving up its jobs: some supervisors kill after 5 s in all."""
WORKER_ENDS_SECONDS = 0.2
"""How long a worker that leaves is given to end what it is in with the database."""
PAUSE_CAP_SECONDS = 5.0
"""The longest wait between two tries: one small statement a worker, and the database is back any moment."""
UNREADABLE_SECONDS = 60.0
"""How long the job of a row that this version cannot read is kept in hand, so that the sweep does not find it every few
seconds. Then it goes round: a newer worker, which may be able to, gets it some time, and a small one is not stopped."""
NEVER_SECONDS = 3600.0 * 24
"""For what Procrastinate would look for again and again, and we never ask of it."""

Claim = Callable[[Sequence[RequestId]], Awaitable[Sequence[VideoRequest | UnreadableRow]]]
"""Makes this process the owner of these requests, in one transaction, and returns them as they are then.

Those that are closed are left out; those that this version cannot read stay as they are. Raises `StoreUnavailable`.
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """How soon a worker that is gone is noticed, in seconds. In all, less than 30."""

    heartbeat_seconds: float = 5.0
    stalled_seconds: float = 15.0
    """Three heartbeats, and more than twice the time that a worker takes to leave, during which it beats no more."""
    sweep_seconds: float = 5.0
    enqueue_seconds: float = ACKNOWLEDGEMENT_WINDOW.total_seconds() + 5.0
    """How long whoever let a request in has to enqueue it, once it is acknowledged."""
    join_seconds: float = 2.0
    """Between two looks at rows that are waited for. Nothing but a line in the log depends on it."""
    unreadable_seconds: float = UNREADABLE_SECONDS


class ProcrastinateWorkQueue:
    """Enqueues requests; in a process that also calls `run`, carries what any process has enqueued.

    Nothing is opened before it is needed, and nothing is raised while the database is away.
    """

    def __init__(
        self,
        url: str,
        *,
        claim: Claim,
        carry: Carry,
        give_up: Carry,
        clock: Clock,
        log: EventLog,
        jitter: Callable[[], float],
        concurrency: int = CONCURRENCY,
        timing: Timing = Timing(),
    ) -> None:
        """`carry` does the work; `give_up` ends a request that crashed too often; `jitter` is random in [0, 1)."""
        self._url = url
        self._claim_rows = claim
        self._clock = clock
        self._log = log
        self._jitter = jitter
        self._concurrency = concurrency
        self._timing = timing
        self._stopping = asyncio.Event()
        self._carrier = Carrier(carry, give_up, clock, log, self._stopping)
        self._stalled_after = timedelta(seconds=timing.stalled_seconds)
        self._heart = Heart(clock, self._stalled_after)
        self._pool = open_pool(url)
        self._table = JobTable(self._pool)
        self._connector = PsycopgConnector()
        self._jobs = PatientJobs(
            self._connector,
            self._table,
            url,
            heart=self._heart,
            clock=clock,
            log=log,
            concurrency=concurrency,
            stopping=self._stopping,
            begin=self._begin,
        )
        self._claims: Batches[RequestId, VideoRequest | UnreadableRow] = Batches(
            self._claim, limit=CLAIMED_AT_ONCE
        )
        self._enqueuing: Batches[RequestId, None] = Batches(self._enqueue, limit=ENQUEUED_AT_ONCE)
        self._submissions: set[asyncio.Task[None]] = set()
        self._carried: dict[RequestId, asyncio.Task[None]] = {}
        self._begun: dict[RequestId, asyncio.Task[None]] = {}
        self._ends: set[asyncio.Future[None]] = set()
        self._unreadable: set[RequestId] = set()
        self._worker: asyncio.Task[None] | None = None

    # -- the core's port

    def submit(self, request_id: RequestId, epoch: int) -> None:  # noqa: ARG002 -- whoever claims it learns its epoch
        """Have this request carried, by whichever worker comes first; nothing happens if it has a job already.

        Where the database does not take it, the next sweep of any worker finds the request.
        """
        task = asyncio.create_task(self._submit(request_id), name=f"submit-{request_id}")
        self._submissions.add(task)
        task.add_done_callback(self._submissions.discard)

    async def join(self, request_ids: Sequence[RequestId]) -> None:
        """Wait until all of these have ended, whoever carries them, or this process is about to leave."""
        remaining = request_ids
        while not self._stopping.is_set():
            with suppress(Error):  # asked again; what is wrong is said by the worker
                await self._open()
                remaining = await self._table.not_closed(remaining)
                if not remaining:
                    return
            await self._clock.wait(self._stopping, self._timing.join_seconds)

    # -- a worker's life

    async def run(self) -> None:
        """Carry requests until `stop`, through any failure of the database."""
        await self._prepare()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep_for_ever(), name="takeover")
            tasks.create_task(self._work_for_ever(), name="worker")

    async def sweep(self, *, judge: bool = True, leaving: int | None = None) -> None:
        """Bring back every incomplete request that nobody carries. Raises `psycopg.Error`.

        Any number of sweepers may be at it; `judge` says whether to take over from workers that seem to be gone,
        `leaving` is the number of one that is about to leave.
        """
        await self._open()
        swept = await self._table.sweep(
            stalled_after=self._stalled_after,
            let_in_before=self._clock.now() - timedelta(seconds=self._timing.enqueue_seconds),
            judge=judge,
            leaving=leaving,
        )
        if swept.freed or swept.brought_back:
            self._log.info("takeover.swept", freed=swept.freed, brought_back=swept.brought_back)

    async def stop(self, grace_seconds: float) -> int:
        """Take nothing new, give what is in hand its time, then hand it over; return how many were still in hand.

        Takes at most `HANDOVER_SECONDS` longer than the grace; what of the grace is not needed helps to hand over.
        """
        leave_at = asyncio.get_running_loop().time() + grace_seconds + HANDOVER_SECONDS
        self._stopping.set()
        if self._worker is not None:
            self._worker.cancel()  # once: it stops fetching, and waits for its jobs
        unfinished = 0
        if self._carried:
            _, still = await asyncio.wait(list(self._carried.values()), timeout=grace_seconds)
            unfinished = len(still)
        for end in list(self._ends):
            if not end.done():
                end.set_result(None)
        try:
            async with asyncio.timeout_at(leave_at):
                await self._hand_over()
        except (TimeoutError, Error) as error:
            self._log.warning("queue.not_handed_over", reason=str(error) or "PostgreSQL does not answer")
        return unfinished

    async def _hand_over(self) -> None:
        """Let go of all jobs, and have others take them."""
        if self._submissions:
            await asyncio.wait(self._submissions)
        if self._worker is not None:
            # Thousands of jobs take their time one by one: what is left of them goes by one statement.
            await asyncio.wait({self._worker}, timeout=WORKER_ENDS_SECONDS)
            await self.sweep(judge=False, leaving=self._jobs.worker_id)
        if not self._pool.closed:
            await self._pool.close()

    async def _prepare(self) -> None:
        """See to the tables, as soon as the database can be reached."""
        failures, said = 0, ""
        while not self._stopping.is_set():
            try:
                await create_tables(self._url)
            except StoreUnavailable as error:
                failures += 1
                if failures == 1 or str(error) != said:
                    said = str(error)
                    self._log.warning("queue.unreachable", reason=said)
                await self._pause(failures)
            else:
                if self._stopping.is_set():
                    return  # the pool is closed, or will be
                if failures:
                    self._heart.missed()
                await self._open()
                await self._connector.open_async(self._pool)
                return

    async def _sweep_for_ever(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.sweep(judge=self._heart.may_judge())
            except Error as error:
                self._log.warning("takeover.failed", reason=str(error).strip())
            await self._clock.wait(self._stopping, self._timing.sweep_seconds)

    async def _work_for_ever(self) -> None:
        """Run Procrastinate's worker; where it ends by itself, whatever the reason, begin again."""
        failures = 0
        while not self._stopping.is_set():
            self._worker = asyncio.create_task(self._work(), name="procrastinate")
            try:
                await asyncio.wait({self._worker})
            finally:
                self._worker.cancel()  # it has ended already, unless this is cancelled itself
            if self._stopping.is_set():
                return
            error = None if self._worker.cancelled() else self._worker.exception()
            failures += 1
            reason = str(error or "the worker ended").strip()
            self._log.warning("queue.interrupted", reason=reason, exc_info=error)
            await self._pause(failures)

    async def _work(self) -> None:
        """Run one worker of Procrastinate's; returns where it fails, after a while in which its jobs may end."""
        app = App(connector=self._connector)
        app.job_manager = self._jobs
        app.task(name=TASK, queue=QUEUE)(self._await_carried)
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=self._concurrency,
            install_signal_handlers=False,
            delete_jobs="always",
            update_heartbeat_interval=self._timing.heartbeat_seconds,
            stalled_worker_timeout=self._timing.stalled_seconds,
            # We never ask it to abort a job.
            abort_job_polling_interval=NEVER_SECONDS,
            # If it fails, its jobs must not keep it from beginning again: what they carry goes on.
            shutdown_graceful_timeout=self._timing.stalled_seconds / 2,
        )

    # -- one job

    def _begin(self, request_ids: Sequence[RequestId]) -> None:
        """Begin to carry these, whose jobs were fetched together: so they are claimed together."""
        for request_id in request_ids:
            if request_id not in self._carried and not self._stopping.is_set():
                self._begun[request_id] = self._begin_one(request_id)

    def _begin_one(self, request_id: RequestId) -> asyncio.Task[None]:
        task = asyncio.create_task(self._claim_and_carry(request_id), name=f"request-{request_id}")
        self._carried[request_id] = task
        task.add_done_callback(lambda _: self._carried.pop(request_id, None))
        return task

    async def _await_carried(self, request_id: int) -> None:
        """Procrastinate's task: return once the request has ended, or this process has no more time for it."""
        wanted = RequestId(request_id)
        task = self._begun.pop(wanted, None)
        while task is None and not self._stopping.is_set():
            # Its job was taken from us once, and what we began then is still at it.
            if (earlier := self._carried.get(wanted)) is not None:
                await self._end_of(earlier)
            else:
                task = self._begin_one(wanted)
        if task is not None:
            await self._end_of(task)

    async def _end_of(self, task: asyncio.Task[None]) -> None:
        """Wait until this task has ended, or `stop` has no more time for it. It goes on if this is cancelled."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(_: asyncio.Task[None]) -> None:
            if not end.done():
                end.set_result(None)

        self._ends.add(end)
        task.add_done_callback(tell)
        try:
            await end
        finally:
            self._ends.discard(end)

    async def _claim_and_carry(self, request_id: RequestId) -> None:
        try:
            row = await self._claims.ask(request_id)
        except Stopping:
            return
        match row:
            case None:
                pass  # closed meanwhile
            case UnreadableRow():
                self._log_unreadable(row)
                await self._clock.wait(self._stopping, self._timing.unreadable_seconds)
            case VideoRequest():
                if row.resumed:
                    self._log_resumed(row)
                await self._carrier.run(row.id, row.epoch)

    async def _claim(
        self, request_ids: Sequence[RequestId]
    ) -> Mapping[RequestId, VideoRequest | UnreadableRow]:
        """Claim these, as soon as the database can be reached. Raises `Stopping`."""
        failures = 0
        while not self._stopping.is_set():
            try:
                return {row.id: row for row in await self._claim_rows(request_ids)}
            except StoreUnavailable as error:
                failures += 1
                if failures == 1:
                    self._log.warning("claim.failed", requests=len(request_ids), reason=str(error))
                await self._pause(failures)
            except Exception:  # noqa: BLE001 -- one row's error, whatever it is, must not keep the others from being carried
                if len(request_ids) == 1:
                    self._log.exception("request.not_claimed", request_id=request_ids[0])
                    return {}  # the sweep brings it back
                one_by_one = [await self._claim([request_id]) for request_id in request_ids]
                return {key: row for claimed in one_by_one for key, row in claimed.items()}
        raise Stopping

    def _log_unreadable(self, row: UnreadableRow) -> None:
        """Name each once, however often it comes round."""
        if row.id not in self._unreadable:
            self._unreadable.add(row.id)
            self._log.error("request.unreadable", request_id=row.id, reason=row.reason, fix=row.fix)

    def _log_resumed(self, request: VideoRequest) -> None:
        age = self._clock.now() - request.created_at
        self._log.info(
            "request.resumed",
            request_id=request.id,
            user_id=request.user_id,
            status=request.status,
            age_minutes=int(age.total_seconds() // 60),
        )

    # -- the small change

    async def _submit(self, request_id: RequestId) -> None:
        try:
            await self._enqueuing.ask(request_id)
        except Error as error:
            self._log.warning("request.not_enqueued", request_id=request_id, reason=str(error).strip())

    async def _enqueue(self, request_ids: Sequence[RequestId]) -> Mapping[RequestId, None]:
        await self._open()
        await self._table.enqueue(request_ids)
        return {}

    async def _open(self) -> None:
        if self._pool.closed:
            await self._pool.open()

    async def _pause(self, failures: int) -> None:
        seconds = min(PAUSE_CAP_SECONDS, backoff_seconds(failures, self._jitter(), at_least=0.2))
        await self._clock.wait(self._stopping, seconds)

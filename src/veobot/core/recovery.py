"""Start-up: every incomplete request is claimed, oldest first, before any new one starts."""

from collections import Counter
from collections.abc import Sequence

from .errors import RowUnreadable, StoreUnavailable
from .limits import backoff_seconds
from .parts import Parts
from .ports import EventLog, UnreadableRow, WorkQueue
from .request import VideoRequest
from .status import Status


class Recovery:
    """Picks up what earlier processes left behind. `run` once, when the gateway is ready."""

    def __init__(self, parts: Parts, queue: WorkQueue, owner: str) -> None:
        self._parts = parts
        self._queue = queue
        self._owner = owner
        self.records_readable = True
        """False while the database cannot be read: new commands are refused meanwhile."""

    async def run(self) -> None:
        """Claim, submit to the work queue, let new requests start, and report when the last one has ended.

        Raises `Stopping` when the process is about to leave before that.
        """
        started_at = self._parts.clock.now()
        rows = await self._claim()
        requests = [row for row in rows if isinstance(row, VideoRequest)]
        self._report_found(requests, [row for row in rows if isinstance(row, UnreadableRow)])
        for request in requests:
            self._take_up(request)
        self._parts.slots.open()
        if requests:
            await self._queue.join([request.id for request in requests])
            self._parts.check_running()
            seconds = (self._parts.clock.now() - started_at).total_seconds()
            await self._report_ended(requests, seconds)

    async def _claim(self) -> Sequence[VideoRequest | UnreadableRow]:
        """Claim everything incomplete; where the database cannot be read, try again until it can."""
        failures = 0
        while True:
            try:
                rows = await self._parts.store.claim_incomplete(self._owner, self._parts.clock.now())
            except StoreUnavailable as error:
                failures += 1
                self.records_readable = False
                self._parts.log.error("Failed to query incomplete requests", reason=str(error))
                await self._parts.pause(backoff_seconds(failures, self._parts.jitter(), at_least=1.0))
            else:
                self.records_readable = True
                return rows

    def _report_found(self, requests: list[VideoRequest], unreadable: list[UnreadableRow]) -> None:
        log = self._parts.log
        for row in unreadable:
            log.error("request.unreadable", request_id=row.id, reason=row.reason, fix=row.fix)
        report_found(log, Counter(request.status for request in requests))

    def _take_up(self, request: VideoRequest) -> None:
        """Hand one request to the work queue, its place in line (or its slot) taken."""
        age = self._parts.clock.now() - request.created_at
        self._parts.log.info(
            "request.resumed",
            request_id=request.id,
            user_id=request.user_id,
            status=request.status,
            age_minutes=int(age.total_seconds() // 60),
        )
        if request.open_submissions and not request.status.is_outcome:
            self._parts.slots.hold(request.id)
        elif request.status is Status.PENDING and age <= self._parts.limits.request_expiry:
            self._parts.slots.line_up(request)
        self._queue.submit(request.id, request.epoch)

    async def _report_ended(self, requests: list[VideoRequest], seconds: float) -> None:
        try:
            ended = Counter([(await self._parts.store.get(request.id)).status for request in requests])
        except (StoreUnavailable, RowUnreadable, KeyError) as error:
            self._parts.log.warning("resume.finished", requests=len(requests), reason=str(error))
            return
        report_ended(self._parts.log, ended, seconds)


def report_found(log: EventLog, counts: Counter[Status], **more: object) -> None:
    """Say how many incomplete requests there are in which state."""
    if not counts.total():
        log.info("No incomplete requests to resume")
        return
    log.info(
        "resume.started",
        incomplete=counts.total(),
        pending=counts[Status.PENDING],
        generating=counts[Status.GENERATING],
        undelivered=sum(count for status, count in counts.items() if status.is_outcome),
        **more,
    )


def report_ended(log: EventLog, counts: Counter[Status], seconds: float) -> None:
    """Say how the requests of a start have ended."""
    log.info(
        "resume.finished",
        completed=counts[Status.COMPLETED],
        failed=counts[Status.FAILED],
        timed_out=counts[Status.TIMEOUT],
        cancelled=counts[Status.CANCELLED],
        duration_seconds=round(seconds, 1),
    )

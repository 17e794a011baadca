"""Says at a worker's start what is owed to members, and when all of that has ended, whoever carried it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from veobot.core.errors import StoreUnavailable
from veobot.core.limits import backoff_seconds
from veobot.core.parts import Parts
from veobot.core.recovery import report_ended, report_found
from veobot.core.request import RequestId
from veobot.core.status import Status
from veobot.store.database import Database
from veobot.store.inspection import incomplete_by_status, status_of_each


class Queue(Protocol):
    """The work queue, as far as it is needed here."""

    async def join(self, request_ids: Sequence[RequestId]) -> None:
        """Wait until none of these is being carried any longer."""


class Resumption:
    """The report of one worker's start. The work itself is the queue's: its sweep finds what nobody carries."""

    def __init__(self, database: Database, queue: Queue, parts: Parts) -> None:
        self._database = database
        self._queue = queue
        self._parts = parts

    async def run(self) -> None:
        """Report what is found, and its end. Raises `Stopping` when the process is about to leave before that."""
        started_at = self._parts.clock.now()
        found = await self._look()
        report_found(self._parts.log, _counted(found.values()))
        if not found:
            return
        await self._queue.join(list(found))
        self._parts.check_running()
        seconds = (self._parts.clock.now() - started_at).total_seconds()
        try:
            ended = await status_of_each(self._database, list(found))
        except StoreUnavailable as error:
            self._parts.log.warning("resume.finished", requests=len(found), reason=str(error))
            return
        report_ended(self._parts.log, _counted(ended.values()), seconds)

    async def _look(self) -> dict[RequestId, str]:
        failures = 0
        while True:
            try:
                return dict(await incomplete_by_status(self._database))
            except StoreUnavailable as error:
                failures += 1
                self._parts.log.error("Failed to query incomplete requests", reason=str(error))
                await self._parts.pause(backoff_seconds(failures, self._parts.jitter(), at_least=1.0))


def _counted(statuses: Iterable[str]) -> Counter[Status]:
    """Count the states that this version knows; a row in another one is named when a worker comes to it."""
    known = {status.value: status for status in Status}
    return Counter(known[status] for status in statuses if status in known)

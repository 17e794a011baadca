"""What the operator is told of a slot book that cannot be had."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from support.event_log import RecordingLog
from veobot.core.errors import StoreUnavailable
from veobot.core.slot_book import SlotBook, SlotChanges, Standing
from veobot.workqueue.shared_slots import SharedSlots


class HastyClock:
    """A clock whose waits take no time."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002 -- the port's
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:  # noqa: ARG002 -- the port's
        await asyncio.sleep(0)
        return event.is_set()


class FailingBook(SlotBook):
    """A book that cannot be had for these reasons, one after the other; None where it can."""

    def __init__(self, *reasons: str | None) -> None:
        self._reasons = list(reasons)
        self.over = asyncio.Event()

    async def exchange(self, changes: SlotChanges, now: datetime) -> Standing:  # noqa: ARG002 -- the port's
        if not self._reasons:
            self.over.set()
            await asyncio.Event().wait()
        if (reason := self._reasons.pop(0)) is not None:
            raise StoreUnavailable(reason)
        return Standing()

    async def leave(self) -> None:
        raise NotImplementedError

    async def listen(self, wake: Callable[[], None]) -> None:  # noqa: ARG002 -- the port's
        await asyncio.Event().wait()


async def test_a_book_that_cannot_be_had_is_said_once_for_each_reason_and_once_that_it_is_back() -> None:
    book, log = FailingBook(None, "full", "full", "away", "away", None, None, "away", None), RecordingLog()
    keeping = asyncio.create_task(SharedSlots(1, HastyClock(), book, log).keep())
    async with asyncio.timeout(5):
        await book.over.wait()
    keeping.cancel()
    await asyncio.wait({keeping})
    assert log.entries == [
        ("warning", "slots.unreachable", {"reason": "full"}),
        ("warning", "slots.unreachable", {"reason": "away"}),
        ("info", "slots.reached_again", {"after_seconds": 0.0}),
        ("warning", "slots.unreachable", {"reason": "away"}),
        ("info", "slots.reached_again", {"after_seconds": 0.0}),
    ]

"""A pace that calls keep: each awaits its turn. The turns come from a book, which one process has or many share."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from veobot.core.errors import StoreUnavailable, TurnTooFarOff
from veobot.core.failures import Failure
from veobot.core.pacing import PaceBook, Rate


def seconds_awake_or_not() -> float:
    """Return a time that goes on while the process is stopped and, where the system can (Linux), asleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class MemoryPaceBook(PaceBook):
    """The turns of one process."""

    def __init__(self, now: Callable[[], float] = seconds_awake_or_not) -> None:
        self._now = now
        self._next_at: dict[str, float] = {}

    async def take(self, name: str, rate: Rate, patiences_seconds: Sequence[float]) -> Sequence[float]:
        """Take turns, from now."""
        now = self._now()
        self._next_at[name], waits = rate.take(self._next_at.get(name, now), now, patiences_seconds)
        return waits


@dataclass(frozen=True, slots=True)
class _Turn:
    taken: bool
    """False where the caller would have to wait too long."""
    wait_seconds: float
    at: float
    void_after: float


@dataclass(frozen=True, slots=True)
class _Caller:
    until: float
    """When he stops waiting for his turn."""
    turn: asyncio.Future[_Turn]


class Pace:
    """What is called so often and no more, over all who share the book.

    Turns are taken for all who wait at the moment, with one question to the book; the next is asked when that one has
    been answered. So a busy process asks no more often than an idle one, and nobody keeps turns that he may not use.

    Args:
        name: under which the book has it.
        rate: the same for all who share the book.
        book: where the turns are.
        patience_seconds: how long a call waits for its turn.
        without_book: kept instead while the book cannot be had, or takes longer to answer than a call waits.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        book: PaceBook,
        *,
        patience_seconds: float,
        without_book: "Pace | None" = None,
        now: Callable[[], float] = seconds_awake_or_not,
    ) -> None:
        self._name = name
        self._rate = rate
        self._book = book
        self._patience_seconds = patience_seconds
        self._without_book = without_book
        self._now = now
        self._waiting: list[_Caller] = []
        self._asking: asyncio.Task[None] | None = None
        self._longest_seconds: float = 2 * patience_seconds + rate.late_seconds

    async def permit(self) -> None:
        """Return when a call may be made, which has to follow at once.

        Raises `TurnTooFarOff` where its turn is further off than it waits, and where the process was stopped meanwhile:
        what the caller knew is old then. Raises `StoreUnavailable` where there is no book, and nothing instead of it.
        """
        began = self._now()
        try:
            async with asyncio.timeout(self._patience_seconds + self._rate.late_seconds):
                await self._wait_for_turn(began + self._patience_seconds)
        except (TimeoutError, StoreUnavailable) as error:
            if self._without_book is None:
                message = "The database answers too slowly to keep the pace of calls."
                raise error if isinstance(error, StoreUnavailable) else StoreUnavailable(message) from error
            await self._without_book.permit()
        if self._now() - began > self._longest_seconds:
            raise self._too_late("this process was held up", 0.0)

    async def _wait_for_turn(self, until: float) -> None:
        while True:
            turn = await self._take_turn(until)
            if not turn.taken:
                raise self._too_late("its turn is too far off", turn.wait_seconds)
            if turn.at > turn.void_after:
                raise TimeoutError  # so long did the book take to answer
            await asyncio.sleep(turn.at - self._now())
            if self._now() <= turn.void_after:
                return

    def _too_late(self, reason: str, retry_after_seconds: float) -> TurnTooFarOff:
        return TurnTooFarOff(
            f"No call by the pace of {self._name}: {reason}",
            retry_after_seconds=retry_after_seconds,
            failure=Failure.PROVIDER_BUSY,
        )

    # -- asking the book

    async def _take_turn(self, until: float) -> _Turn:
        caller = _Caller(until, asyncio.get_running_loop().create_future())
        self._waiting.append(caller)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name=f"pace-{self._name}")
        return await caller.turn

    async def _ask(self) -> None:
        """Take turns until nobody waits for one."""
        try:
            while callers := [caller for caller in self._waiting if not caller.turn.done()]:
                self._waiting = []
                await self._ask_for(callers)
        finally:
            self._asking = None

    async def _ask_for(self, callers: list[_Caller]) -> None:
        before = self._now()
        patiences = [caller.until - before for caller in callers]
        try:
            waits = await self._book.take(self._name, self._rate, patiences)
        except Exception as error:  # noqa: BLE001 -- it is the callers' to judge
            for caller in callers:
                if not caller.turn.done():
                    caller.turn.set_exception(error)
            return
        after = self._now()
        for caller, patience, wait in zip(callers, patiences, waits, strict=True):
            if not caller.turn.done():
                # The book read its clock somewhere between the two.
                void_after = before + wait + self._rate.late_seconds
                caller.turn.set_result(_Turn(wait <= patience, wait, after + wait, void_after))

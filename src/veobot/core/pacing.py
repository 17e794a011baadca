"""How often something may be done: a rate, and when the next turns are (a generic cell rate algorithm).

A turn is a moment. Turns lie at least an interval apart, so that they never come in a heap, whoever takes them; only
`at_once` of them may come together after a pause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LATE_SHARE = 0.1
"""How late a turn may be used, as a share of the rate's time: a busy process needs that much to get to it."""

LONGEST_PATIENCE_SECONDS = 120.0
"""Nobody takes a turn further off. So what is taken further ahead was taken before the clock was set back."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `permits` in any `seconds`, at whichever moment one begins to count, late ones included."""

    permits: int
    seconds: float
    at_once: int = 1
    """How many may come together. They are paid for by a longer interval between all others."""

    @property
    def late_seconds(self) -> float:
        """How long after its moment a turn may be used; later it is void, and another is taken."""
        return self.seconds * LATE_SHARE

    @property
    def interval_seconds(self) -> float:
        """How far apart two turns are when there is no pause."""
        return (self.seconds + self.late_seconds) / (self.permits - self.at_once + 1)

    def take(
        self, next_at: float, now: float, patiences_seconds: Sequence[float]
    ) -> tuple[float, Sequence[float]]:
        """Take turns for callers who would each wait at most so long, first come, first served.

        Returns the new `next_at`, and how long each has to wait; who has to wait longer than he would, took none.
        """
        tolerance = self.interval_seconds * (self.at_once - 1)
        furthest = now + LONGEST_PATIENCE_SECONDS + tolerance + self.interval_seconds
        next_at = min(max(next_at, now), furthest)
        waits = []
        for patience in patiences_seconds:
            wait = max(0.0, next_at - tolerance - now)
            waits.append(wait)
            if wait <= min(patience, LONGEST_PATIENCE_SECONDS):
                next_at += self.interval_seconds
        return next_at, waits


class PaceBook(Protocol):
    """Where turns are taken, by the name of the pace; for all who share the book, by one clock."""

    async def take(self, name: str, rate: Rate, patiences_seconds: Sequence[float]) -> Sequence[float]:
        """Take turns as `Rate.take` does, from now. Raises `StoreUnavailable`."""

"""How often something may be done, and awaiting one's turn."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veobot.core.errors import Retryable, StoreUnavailable
from veobot.core.pacing import PaceBook, Rate
from veobot.pace import MemoryPaceBook, Pace

rates = st.builds(
    Rate, permits=st.integers(10, 60), seconds=st.sampled_from([1.0, 60.0]), at_once=st.integers(1, 9)
)


class Hours:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MovingBook(PaceBook):
    """Answers each question after the clock has moved on."""

    def __init__(self, clock: Hours, *seconds: float) -> None:
        self._book = MemoryPaceBook(clock)
        self._clock = clock
        self._seconds = list(seconds)
        self.asked: list[int] = []

    async def take(self, name: str, rate: Rate, patiences_seconds: Sequence[float]) -> Sequence[float]:
        waits = await self._book.take(name, rate, patiences_seconds)
        self.asked.append(len(patiences_seconds))
        await asyncio.sleep(0)
        self._clock.now += self._seconds.pop(0) if self._seconds else 0.0
        return waits


@given(
    rate=rates,
    pauses=st.lists(st.floats(0, 3), min_size=80, max_size=160),
    delays=st.lists(st.floats(0, 1), min_size=160, max_size=160),
)
def test_no_window_sees_more_than_the_rate_however_late_its_turns_are_used(
    rate: Rate, pauses: list[float], delays: list[float]
) -> None:
    next_at = now = 0.0
    used = []
    for pause, delay in zip(pauses, delays, strict=False):
        now += pause * rate.interval_seconds
        next_at, (wait,) = rate.take(next_at, now, [100.0])
        if wait <= 100.0:
            used.append(now + wait + delay * rate.late_seconds)
    used.sort()
    nearly = rate.seconds * (1 - 1e-9)  # floats
    most = max(sum(1 for later in used[n:] if later < at + nearly) for n, at in enumerate(used))
    assert most <= rate.permits


@given(rate=rates)
def test_a_rate_is_used_up_to_a_tenth_and_what_may_come_at_once(rate: Rate) -> None:
    _, waits = rate.take(0.0, 0.0, [rate.seconds] * 100)
    in_time = sum(1 for wait in waits if wait < rate.seconds)
    assert in_time >= (rate.permits - rate.at_once) * 0.9


def test_what_may_come_at_once_comes_at_once_and_no_more() -> None:
    _, waits = Rate(10, 1.0, at_once=3).take(0.0, 50.0, [9.0] * 5)
    assert waits[:3] == pytest.approx([0.0, 0.0, 0.0])
    assert waits[3] > 0


def test_who_would_wait_too_long_takes_nothing_from_who_would_not() -> None:
    rate = Rate(10, 1.0)
    after, waits = rate.take(0.0, 0.0, [9.0, 0.01, 9.0])
    assert [round(wait / rate.interval_seconds) for wait in waits] == [0, 1, 1]
    assert after == pytest.approx(2 * rate.interval_seconds)


async def test_calls_come_one_after_the_other() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace("p", Rate(50, 1.0), MemoryPaceBook(), patience_seconds=2)
    times = []

    async def call() -> None:
        await pace.permit()
        times.append(loop.time())

    await asyncio.gather(*(call() for _ in range(10)))
    assert all(b - a > 0 for a, b in itertools.pairwise(times))
    assert times[-1] - times[0] >= 9 * 0.02 - Rate(50, 1.0).late_seconds


async def test_all_who_wait_are_asked_for_at_once() -> None:
    book = MovingBook(Hours())
    pace = Pace("p", Rate(1000, 1.0), book, patience_seconds=2)
    await asyncio.gather(*(pace.permit() for _ in range(7)))
    assert book.asked == [7]


async def test_who_stops_waiting_takes_no_turn() -> None:
    book = MovingBook(Hours())
    pace = Pace("p", Rate(1000, 1.0), book, patience_seconds=2)
    first = asyncio.create_task(pace.permit())
    await asyncio.sleep(0)
    impatient = asyncio.create_task(pace.permit())
    await asyncio.sleep(0)
    impatient.cancel()
    await first
    await pace.permit()
    assert book.asked == [1, 1]


async def test_a_turn_taken_before_a_long_sleep_is_not_used_after_it() -> None:
    clock = Hours()
    pace = Pace("p", Rate(10, 1.0), MovingBook(clock, 3600.0), patience_seconds=1, now=clock)
    with pytest.raises(StoreUnavailable):  # for so long it gave no answer
        await pace.permit()
    await pace.permit()


async def test_nor_is_one_of_the_pace_that_is_kept_instead() -> None:
    clock = Hours()
    alone = Pace("p", Rate(5, 1.0), MemoryPaceBook(clock), patience_seconds=1, now=clock)
    pace = Pace(
        "p", Rate(10, 1.0), MovingBook(clock, 3600.0), patience_seconds=1, now=clock, without_book=alone
    )
    with pytest.raises(Retryable):
        await pace.permit()


async def test_a_turn_that_comes_a_little_too_late_is_replaced_by_another() -> None:
    clock = Hours()
    rate = Rate(10, 1.0)

    class Held(MemoryPaceBook):
        """The first turn is a while off, and the process is held up meanwhile."""

        taken = 0

        async def take(self, name: str, rate: Rate, patiences_seconds: Sequence[float]) -> Sequence[float]:
            self.taken += 1
            waits = await super().take(name, rate, patiences_seconds)
            if self.taken == 1:
                asyncio.get_running_loop().call_soon(lambda: setattr(clock, "now", clock.now + 0.3))
                return [wait + 0.01 for wait in waits]
            return waits

    book = Held(clock)
    await Pace("p", rate, book, patience_seconds=1, now=clock).permit()
    assert book.taken == 2

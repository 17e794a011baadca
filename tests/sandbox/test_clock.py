"""The sandbox's clock: fast, standing still, jumping."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from veobot.sandbox.clock import MAX_JUMP_SECONDS, SandboxClock


class Stopwatch:
    """Real seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_it_starts_at_the_real_time() -> None:
    before = datetime.now(UTC)
    assert before <= SandboxClock().now() <= before + timedelta(seconds=5)


def test_at_rate_20_a_real_second_is_20_sandbox_seconds() -> None:
    stopwatch = Stopwatch()
    clock = SandboxClock(rate=20, monotonic=stopwatch)
    start = clock.now()
    stopwatch.seconds += 1.5
    assert clock.now() - start == timedelta(seconds=30)


def test_a_rate_change_keeps_the_time_that_has_passed() -> None:
    stopwatch = Stopwatch()
    clock = SandboxClock(rate=10, monotonic=stopwatch)
    start = clock.now()
    stopwatch.seconds += 1
    clock.set_rate(0)
    stopwatch.seconds += 1000
    assert clock.now() - start == timedelta(seconds=10)


async def test_a_jump_wakes_who_is_due_and_nobody_else() -> None:
    clock = SandboxClock()
    due = asyncio.create_task(clock.sleep(60))
    later = asyncio.create_task(clock.sleep(7200))
    await asyncio.sleep(0)
    clock.jump(3600)
    async with asyncio.timeout(2):
        await due
    assert not later.done()
    later.cancel()


async def test_a_faster_rate_wakes_a_sleeper_early() -> None:
    clock = SandboxClock(rate=0)
    sleeper = asyncio.create_task(clock.sleep(20))
    await asyncio.sleep(0)
    clock.set_rate(1000)
    async with asyncio.timeout(2):
        await sleeper


async def test_sleeping_lasts_as_long_as_it_says() -> None:
    clock = SandboxClock(rate=100)
    start = clock.now()
    await clock.sleep(5)
    assert timedelta(seconds=5) <= clock.now() - start < timedelta(seconds=60)


async def test_reset_returns_to_real_time_and_the_first_rate() -> None:
    clock = SandboxClock(rate=2)
    clock.jump(86400)
    clock.set_rate(50)
    clock.reset()
    assert clock.rate == 2
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_http_date_is_its_time() -> None:
    clock = SandboxClock(rate=0)
    clock.jump(12345)
    assert parsedate_to_datetime(clock.http_date()) == clock.now().replace(microsecond=0)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda clock: clock.set_rate(-1),
        lambda clock: clock.set_rate(float("nan")),
        lambda clock: clock.set_rate(1e9),
        lambda clock: clock.jump(float("inf")),
        lambda clock: clock.jump(MAX_JUMP_SECONDS * 2),
    ],
)
def test_impossible_times_are_refused_with_a_sentence(misuse: Callable[[SandboxClock], None]) -> None:
    with pytest.raises(ValueError, match=r"^The clock.*\.$"):
        misuse(SandboxClock())

"""Time by Discord's clock."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from veobot.clock import DiscordClock, steady_local_clock

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class LocalClock:
    """A local clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


class Warnings:
    """An event log that remembers warnings."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        """Forget it."""

    def warning(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    error = exception = info


@pytest.fixture
def local() -> LocalClock:
    return LocalClock()


@pytest.fixture
def log() -> Warnings:
    return Warnings()


@pytest.fixture
def clock(local: LocalClock, log: Warnings) -> DiscordClock:
    return DiscordClock(log, local)


def header(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


def test_before_any_answer_the_local_clock_is_taken_for_right(clock: DiscordClock) -> None:
    assert clock.now() == NOON
    assert not clock.observed


def test_the_time_is_utc_wherever_the_local_clock_is(clock: DiscordClock, local: LocalClock) -> None:
    local.time = NOON.astimezone(timezone(timedelta(hours=5)))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("seconds", [-2, -1, 0, 1])
def test_what_whole_seconds_explain_is_not_corrected(clock: DiscordClock, seconds: int) -> None:
    clock.observe(header(NOON + timedelta(seconds=seconds)))
    assert clock.now() == NOON
    assert clock.observed


@pytest.mark.parametrize("seconds", [-86_400, -4, 3, 3_600])
def test_a_wrong_clock_is_corrected(clock: DiscordClock, seconds: int) -> None:
    clock.observe(header(NOON + timedelta(seconds=seconds)))
    assert abs(clock.now() - (NOON + timedelta(seconds=seconds))) <= timedelta(seconds=0.5)


def test_corrected_time_does_not_tremble_and_follows_jumps(clock: DiscordClock, local: LocalClock) -> None:
    clock.observe(header(NOON + timedelta(hours=1)))
    first = clock.correction
    local.time += timedelta(seconds=10)
    clock.observe(header(local.time + timedelta(hours=1, seconds=1)))
    assert clock.correction == first
    clock.observe(header(local.time + timedelta(hours=3)))
    assert clock.correction > timedelta(hours=2.9)
    # The operator sets the machine's clock.
    local.time += timedelta(hours=3)
    clock.observe(header(local.time))
    assert clock.correction == timedelta(0)


def test_a_badly_wrong_clock_is_told_once(clock: DiscordClock, log: Warnings) -> None:
    clock.observe(header(NOON + timedelta(seconds=20)))
    assert log.events == []
    clock.observe(header(NOON + timedelta(minutes=5)))
    clock.observe(header(NOON + timedelta(minutes=6)))
    ((event, fields),) = log.events
    assert event == "clock.wrong"
    assert fields["behind_seconds"] == 300
    assert "NTP" in str(fields["fix"])


@pytest.mark.parametrize("text", ["", "yesterday", "Wed, 25 Nov 2026", "Wed, 99 Nov 2026 12:00:00 GMT"])
def test_a_header_that_is_no_date_is_ignored(clock: DiscordClock, text: str) -> None:
    clock.observe(text)
    assert clock.now() == NOON
    assert not clock.observed


def test_a_date_without_a_zone_is_utc(clock: DiscordClock) -> None:
    clock.observe("Wed, 25 Nov 2026 13:00:00 -0000")
    assert clock.now().replace(microsecond=0) == NOON + timedelta(hours=1)


async def test_waiting_ends_with_the_event(clock: DiscordClock) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(clock.wait(event, 60))
    event.set()
    assert await asyncio.wait_for(waiting, 5) is True
    assert await clock.wait(event, 0) is True


@pytest.mark.parametrize("seconds", [-1, 0, 0.01])
async def test_waiting_ends_with_the_time(clock: DiscordClock, seconds: float) -> None:
    assert await clock.wait(asyncio.Event(), seconds) is False


async def test_waiting_can_be_cancelled(clock: DiscordClock) -> None:
    waiting = asyncio.create_task(clock.wait(asyncio.Event(), 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_sleeping_returns(clock: DiscordClock) -> None:
    await clock.sleep(0)


def test_the_local_clock_goes_on_evenly_from_where_the_machine_stood() -> None:
    local = steady_local_clock()
    first, second = local(), local()
    assert abs(first - datetime.now(UTC)) < timedelta(seconds=5)
    assert first <= second

"""Time by Discord's clock: the local one, corrected where it is wrong."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from veobot.core.ports import EventLog

TOLERANCE = timedelta(seconds=2)
"""Smaller differences are ignored: Discord's header counts whole seconds, and its answer was under way."""

_HALF_A_SECOND = timedelta(seconds=0.5)
"""What the header has lost by counting whole seconds, on average."""

WARNING_THRESHOLD = timedelta(seconds=30)
"""From here on the operator is told: certificates and access tokens will soon be refused."""


def steady_local_clock() -> Callable[[], datetime]:
    """Return the local clock as it is now, going on evenly: setting the machine's clock does not make it jump.

    It counts the time asleep too, where the system can (Linux). How far it is off is for `observe` to find out.
    """
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    began_at, began = datetime.now(UTC), time.clock_gettime(source)
    return lambda: began_at + timedelta(seconds=time.clock_gettime(source) - began)


class DiscordClock:
    """The core's `Clock`. `observe` is to be handed the `Date` header of each of Discord's answers.

    Args:
        log: told once if the local clock is badly wrong.
        local_now: the local clock, aware; by default `steady_local_clock`.
    """

    def __init__(self, log: EventLog, local_now: Callable[[], datetime] | None = None) -> None:
        self._log = log
        self._local_now = local_now or steady_local_clock()
        self._correction = timedelta(0)
        self._observed = False
        self._warned = False

    @property
    def observed(self) -> bool:
        """Whether Discord's time is known yet; before that the local clock is taken for right."""
        return self._observed

    @property
    def correction(self) -> timedelta:
        """What is added to the local clock; zero while that is right."""
        return self._correction

    def observe(self, date_header: str) -> None:
        """Compare the local clock with a `Date` header (RFC 9110). A header that is none is ignored."""
        try:
            stated = parsedate_to_datetime(date_header)
        except ValueError:
            return
        if stated.tzinfo is None:
            # "-0000", by which a sender says that it does not know its zone.
            stated = stated.replace(tzinfo=UTC)
        difference = stated + _HALF_A_SECOND - self._local_now()
        self._observed = True
        # Compared with the correction in force, so that time does not tremble with every answer.
        if abs(difference - self._correction) > TOLERANCE:
            self._correction = difference if abs(difference) > TOLERANCE else timedelta(0)
        if abs(difference) > WARNING_THRESHOLD and not self._warned:
            self._warned = True
            self._log.warning(
                "clock.wrong",
                behind_seconds=round(difference.total_seconds()),
                fix="Set this machine's clock, by NTP; until then the bot goes by Discord's.",
            )

    def now(self) -> datetime:
        """Return the present moment by Discord's clock, aware and in UTC."""
        return self._local_now().astimezone(UTC) + self._correction

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of the process's own time."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for `event`, at most `seconds`; return whether it is set."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            # The event may have been set in the same turn of the loop.
            return event.is_set()
        return True

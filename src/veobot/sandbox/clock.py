"""The sandbox's time: it can run fast, stand still and jump, and whoever sleeps by it notices at once."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

# timedelta and datetime overflow far beyond any test's wish; a century keeps every sum representable.
MAX_JUMP_SECONDS = 100 * 365 * 86400.0

# 1,000 sandbox hours in a real one: beyond that a second of scheduling noise is a sandbox quarter of an hour.
MAX_RATE = 1000.0


class SandboxClock:
    """Tells the sandbox's time: `rate` sandbox seconds pass in each real second, plus what was jumped.

    It starts at the real time. All members must be used on one event loop's thread, except `now`.

    Args:
        rate: sandbox seconds per real second; 0 stands still.
        monotonic: the source of real seconds.
    """

    def __init__(self, *, rate: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._initial_rate = _checked_rate(rate)
        self._rate = self._initial_rate
        self._base = datetime.now(UTC)
        self._base_monotonic = monotonic()
        self._changed = asyncio.Event()

    @property
    def rate(self) -> float:
        """Sandbox seconds that pass in one real second."""
        return self._rate

    def now(self) -> datetime:
        """Return the sandbox's time, aware, in UTC."""
        return self._base + timedelta(seconds=(self._monotonic() - self._base_monotonic) * self._rate)

    def http_date(self) -> str:
        """Return the sandbox's time as the value of an HTTP `Date` header."""
        return format_datetime(self.now(), usegmt=True)

    def set_rate(self, rate: float) -> None:
        """Let time pass at `rate` sandbox seconds per real second from now on.

        Raises:
            ValueError: if the rate is negative, not a number or over `MAX_RATE`.
        """
        checked = _checked_rate(rate)
        self._rebase(self.now(), checked)

    def jump(self, seconds: float) -> None:
        """Move the time forward (or back, if negative) by so many sandbox seconds, and wake who is due.

        Raises:
            ValueError: if the jump is not a number or longer than `MAX_JUMP_SECONDS`.
        """
        if not math.isfinite(seconds) or abs(seconds) > MAX_JUMP_SECONDS:
            msg = f"The clock can jump by at most {MAX_JUMP_SECONDS:.0f} seconds, not by {seconds}."
            raise ValueError(msg)
        self._rebase(self.now() + timedelta(seconds=seconds), self._rate)

    def reset(self) -> None:
        """Return to the real time and to the rate that the clock was made with."""
        self._rebase(datetime.now(UTC), self._initial_rate)

    async def sleep(self, seconds: float) -> None:
        """Return once so many sandbox seconds have passed; jumps and rate changes count at once."""
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the sandbox's time has reached the moment (an aware datetime)."""
        while (remaining_seconds := (moment - self.now()).total_seconds()) > 0:
            changed = self._changed
            real_seconds = remaining_seconds / self._rate if self._rate else None
            try:
                async with asyncio.timeout(real_seconds):
                    await changed.wait()
            except TimeoutError:
                continue
        # A sleep of nothing still gives the other tasks a turn, as asyncio's own does.
        await asyncio.sleep(0)

    def _rebase(self, now: datetime, rate: float) -> None:
        self._base = now
        self._base_monotonic = self._monotonic()
        self._rate = rate
        # Sleepers hold the old event: a new one keeps a late sleeper from waking for an old change.
        self._changed.set()
        self._changed = asyncio.Event()


def _checked_rate(rate: float) -> float:
    if not math.isfinite(rate) or not 0 <= rate <= MAX_RATE:
        msg = f"The clock's rate must lie between 0 and {MAX_RATE:.0f}, and {rate} does not."
        raise ValueError(msg)
    return rate

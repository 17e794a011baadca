"""What every request's life shares: the ports, the bounds, and the gates at which lives wait for each other."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import Stopping
from .limits import DELIVERIES_AT_ONCE, NOTICE_INTERVAL_SECONDS, SUBMISSIONS_AT_ONCE, Limits
from .ports import Clock, EventLog, Messenger, RequestStore, VideoBucket, VideoGenerator
from .slots import Slots


class NoticePacer:
    """Lets one notice through at a time, each `interval_seconds` after the one before."""

    def __init__(self, clock: Clock, interval_seconds: float = NOTICE_INTERVAL_SECONDS) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._lock = asyncio.Lock()
        self._first = True

    async def turn(self) -> None:
        """Wait until the next notice may go out."""
        async with self._lock:
            if not self._first:
                await self._clock.sleep(self._interval_seconds)
            self._first = False


@dataclass(frozen=True, slots=True)
class Parts:
    """Built once by the application; held by every `Lifecycle`."""

    store: RequestStore
    generator: VideoGenerator
    bucket: VideoBucket
    messenger: Messenger
    clock: Clock
    log: EventLog
    slots: Slots
    notices: NoticePacer
    limits: Limits
    jitter: Callable[[], float]
    """Random numbers in [0, 1), for spreading retries."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once: nothing new is begun."""
    submissions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SUBMISSIONS_AT_ONCE))
    deliveries: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DELIVERIES_AT_ONCE))

    def check_running(self) -> None:
        """Raise `Stopping` once the process is about to leave."""
        if self.stopping.is_set():
            raise Stopping

    async def pause(self, seconds: float) -> None:
        """Wait; raises `Stopping` as soon as the process is about to leave."""
        await self.clock.wait(self.stopping, seconds)
        self.check_running()

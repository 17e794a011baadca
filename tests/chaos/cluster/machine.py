"""One process of the bot in its role, over any number of lives."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

from chaos.campaign.bot import LEAVES_WITHIN_SECONDS, LEAVING_TOLERANCE_SECONDS, OBEYED, Bot
from chaos.cluster.line import Line
from chaos.cluster.timeline import Span, Timeline, Trouble, now

READY_WORDS = {
    "gateway": ("gateway.ready",),
    "worker": ("resume.started", "No incomplete requests to resume"),
}
"""What each role logs when it can do its work."""
READY_LOOK_SECONDS = 0.1


class Machine(Bot):
    """A bot with a way of its own to the database.

    Args:
        role: gateway or worker.
        environment: the settings; role and database are added.
        timeline: is told of its troubles.
    """

    def __init__(
        self,
        name: str,
        role: str,
        directory: Path,
        environment: Mapping[str, str],
        *,
        line: Line,
        database: str,
        timeline: Timeline,
    ) -> None:
        own = {"VEOBOT_ROLE": role, "VEOBOT_DATABASE_URL": line.url(database)}
        super().__init__(directory, {**environment, **own})
        self.name = name
        self.role = role
        self.line = line
        self.occupied = False
        """Whether something is being done to it already."""
        self._timeline = timeline
        self._down: Span | None = timeline.begin(name, Trouble.DOWN)
        self._stopped: Span | None = None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process.running

    @property
    def ready(self) -> bool:
        """Whether it can do its work."""
        return self.running and self._down is None and self._stopped is None

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process.pid is not None, f"{self.name} was never started"
        return self._process.pid

    async def come_up(self, timeout_seconds: float) -> bool:
        """Start, and return whether it is ready in time; also False if it is ended meanwhile."""
        self.start()
        life = len(self.starts)
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.running and life == len(self.starts):
                    if await self.logs(*READY_WORDS[self.role], timeout_seconds=0):
                        self._end(self._down)
                        self._down = None
                        return True
                    await asyncio.sleep(READY_LOOK_SECONDS)
        except TimeoutError:
            pass
        return False

    def kill(self) -> None:
        """SIGKILL, also while it is stopped."""
        super().kill()
        self._note_down()

    def freeze(self) -> None:
        """SIGSTOP."""
        super().freeze()
        self._stopped = self._timeline.begin(self.name, Trouble.STOPPED)

    def thaw(self) -> None:
        """SIGCONT."""
        super().thaw()
        self._end(self._stopped)
        self._stopped = None

    async def terminate(self) -> float:
        """SIGTERM; return after how many seconds it has left. What it may not do then is noted in `broken`."""
        self._check_alive()
        leaving = self._timeline.begin(self.name, Trouble.LEAVING)
        began = time.monotonic()
        code = await asyncio.to_thread(self._process.stop)
        seconds = time.monotonic() - began
        self._note_down()
        self._end(leaving)
        if code not in OBEYED or seconds > LEAVES_WITHIN_SECONDS + LEAVING_TOLERANCE_SECONDS:
            self.broken.append(f"{self.name} obeyed a SIGTERM after {seconds:.1f} s with exit code {code}")
        return seconds

    def _note_down(self) -> None:
        if self._down is None:
            self._down = self._timeline.begin(self.name, Trouble.DOWN)
        self._end(self._stopped)
        self._stopped = None

    @staticmethod
    def _end(span: Span | None) -> None:
        if span is not None:
            span.until = now()

"""The bot under campaign: each of its lives, how it ended, and what it logged last."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from veobot.demo.bot_process import BotProcess, LogLine

LEAVES_WITHIN_SECONDS = 5.0
"""What a SIGTERM promises."""
LEAVING_TOLERANCE_SECONDS = 3.0
"""For a machine that also runs another campaign, and the next bot's start."""

LOOK_SECONDS = 0.005
"""Between two looks at the log: a window that no call holds open is short."""

OBEYED = {0, -signal.SIGTERM}
"""How a bot ends after a SIGTERM: by itself, or by the kernel as long as it has no handler yet."""


class Bot:
    """Lives again and again on one data directory; the caller is on the main thread."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._process = BotProcess(directory, environment)
        self._log_offset = 0
        self.starts: list[float] = []
        """When each life began, by the monotonic clock."""
        self.broken: list[str] = []
        """What it did that it never may: end by itself, or not leave."""

    @property
    def database_path(self) -> Path:
        """Where its rows are."""
        return self._process.database_path

    def start(self) -> None:
        """Begin a new life; it is not ready yet."""
        self._log_offset = self._process.log_path.stat().st_size if self.starts else 0
        self.starts.append(time.monotonic())
        self._process.start()

    def kill(self) -> None:
        """SIGKILL."""
        self._check_alive()
        self._process.kill()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def hand_over(self) -> None:
        """SIGTERM, and the next life begins at once, as in a deploy; return when the old one has left."""
        self._check_alive()
        old = self._process
        self._signal(signal.SIGTERM)
        began = time.monotonic()
        self._process = BotProcess(self._directory, self._environment)
        self.start()
        code = await asyncio.to_thread(old.stop)
        seconds = time.monotonic() - began
        if code not in OBEYED or seconds > LEAVES_WITHIN_SECONDS + LEAVING_TOLERANCE_SECONDS:
            self.broken.append(f"a SIGTERM was obeyed after {seconds:.1f} s with exit code {code}")

    async def leave(self) -> None:
        """SIGTERM, for the last time."""
        self._check_alive()
        await asyncio.to_thread(self._process.stop)

    def end(self) -> None:
        """Leave no process behind."""
        self._process.kill()

    def _check_alive(self) -> None:
        if not self._process.running:
            last = [line for line in self._process.log() if line.event][-1:]
            words = f"{last[0].event} {dict(last[0].fields)}" if last else "nothing"
            self.broken.append(
                f"the bot ended by itself with exit code {self._process.exit_code}; its last words: {words}"
            )

    def revive(self) -> None:
        """Start a bot that has ended by itself, which is a finding."""
        if not self._process.running:
            self._check_alive()
            self.start()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.running and self._process.pid is not None:
            os.kill(self._process.pid, number)

    async def logs(self, *events: str, timeout_seconds: float) -> bool:
        """Wait until this life has logged one of the events; False if it does not in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self._logged(events):  # noqa: ASYNC110 -- a file has no event to wait for
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            return False
        return True

    def _logged(self, events: tuple[str, ...]) -> bool:
        with self._process.log_path.open("rb") as log:
            log.seek(self._log_offset)
            text = log.read().decode(errors="replace")
        return any(LogLine.parse(line).event in events for line in text.splitlines())

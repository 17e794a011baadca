"""Runs the real bot as a child process that can be killed and started again on the same data."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# After a SIGTERM the bot promises to have left within 5 s.
STOP_TIMEOUT_SECONDS = 10.0

# Another bot's settings must not reach this one.
_FOREIGN_PREFIXES = ("VEOBOT_", "GOOGLE_", "STORAGE_EMULATOR_", "CLOUDSDK_")

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


class BotEnded(Exception):
    """The bot ended by itself; the text carries its last words."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of the bot's log.

    Attributes:
        level: `info`, `warning`, `error` …
        event: such as `request.resumed`.
        fields: all others, as the log has them.
    """

    level: str
    event: str
    fields: Mapping[str, object]

    @classmethod
    def parse(cls, line: str) -> "LogLine":
        """Read a line of the log; what is no JSON object, such as a traceback, becomes the event itself."""
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            return cls("", line.strip(), {})
        fields = {str(name): field for name, field in value.items()}
        return cls(str(fields.pop("level", "")), str(fields.pop("event", "")), fields)


class BotProcess:
    """The bot: `python -m veobot run` in a directory of its own, which outlives each process.

    The log of all its processes goes to one file, as JSON lines where the environment asks for them. On Linux a
    bot does not outlive whoever started it, however that ends.

    Args:
        directory: for its data and its log; created if absent. A `.env` elsewhere is not read.
        environment: its settings; everything else is taken from ours, other bots' settings left out.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.data_directory = directory / "data"
        self.log_path = directory / "bot.log"
        own = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN_PREFIXES)}
        self.environment = {**own, "VEOBOT_DATA_DIRECTORY": str(self.data_directory), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def database_path(self) -> Path:
        """Where the bot keeps its rows."""
        return self.data_directory / "veobot.db"

    @property
    def pid(self) -> int | None:
        """The id of the latest process; None before the first."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the bot is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the latest process ended: negative for a signal, None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> int:
        """Start the bot and return its process id; it is not ready yet.

        To be called on the main thread, whose end the process would not outlive.

        Raises:
            RuntimeError: if it runs already.
        """
        if self.running:
            msg = f"The bot runs already, as process {self.pid}."
            raise RuntimeError(msg)
        with self.log_path.open("ab") as log:
            self._process = self._spawn(log)
        return self._process.pid

    def kill(self) -> None:
        """Kill the bot as the kernel does, without a warning (SIGKILL), and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> int | None:
        """Ask the bot to leave (SIGTERM) and return its exit code; kills it if it does not in time."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def log(self) -> list[LogLine]:
        """Return everything that the bot has logged, over all its processes."""
        try:
            text = self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [LogLine.parse(line) for line in text.splitlines() if line.strip()]

    def check_running(self) -> None:
        """Raise `BotEnded` with the log's last words if the bot has ended by itself."""
        if not self.running:
            last = [line for line in self.log() if line.event][-1:]
            words = f"{last[0].event} {_shown(last[0].fields)}".strip() if last else "nothing"
            msg = f"the bot ended by itself with exit code {self.exit_code}; its last words: {words}"
            raise BotEnded(msg)

    def _spawn(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "veobot", "run"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal is the starter's to handle
            preexec_fn=_death_with_parent(),  # noqa: PLW1509 -- one system call, prepared before the fork
        )


def _death_with_parent() -> Callable[[], None] | None:
    """Return what makes a child die with its parent; None where only Linux knows how."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _shown(fields: Mapping[str, object]) -> str:
    return " ".join(
        f"{name}={value}" for name, value in fields.items() if name not in {"timestamp", "logger"}
    )

"""One bot per database: two would both hold the gateway, and the quota of slots would be doubled."""

import errno
import fcntl
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from .errors import AlreadyRunning, DirectoryUnusable

DEFAULT_TIMEOUT_SECONDS = 30.0
"""A leaving bot needs up to 5 s; a supervisor may start its successor well before that."""

RETRY_SECONDS = 0.1
"""Between two tries: short beside the start of a bot, and cheap."""


class InstanceLock:
    """The right to be the one bot on a database, held in `<database>.lock` by the operating system.

    A process that is killed loses it at once, so there is nothing to clean up. The file holds the holder's pid and
    stays behind: removing it would let two processes lock two different files of the same name.
    """

    def __init__(self, database_path: Path, *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.path = database_path.with_name(database_path.name + ".lock")
        self._sleep = sleep
        self._file: int | None = None

    async def acquire(self, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Wait at most `timeout_seconds` for another bot to leave.

        Raises `AlreadyRunning`, which names its pid, and `DirectoryUnusable`.
        """
        waited_seconds = 0.0
        while not self._try():
            if waited_seconds >= timeout_seconds:
                raise AlreadyRunning(
                    f"Another veobot (process {self._holder()}) is running on this database and did not leave "
                    f"within {timeout_seconds:g} s; stop it first, or give this one a database of its own."
                )
            await self._sleep(RETRY_SECONDS)
            waited_seconds += RETRY_SECONDS

    def release(self) -> None:
        """Let the next bot in; nothing if the lock is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _try(self) -> bool:
        if self._file is not None:
            return True
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                return False
            raise self._unusable(error) from error
        with suppress(OSError):  # on a full disk the lock holds too; only whose it is cannot be read
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        return True

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> DirectoryUnusable:
        return DirectoryUnusable(
            f"The directory {self.path.parent} cannot be used ({str(error.strerror).lower()}): name one in "
            "VEOBOT_DATA_DIRECTORY that the bot may write."
        )

    def _holder(self) -> str:
        """Return the holder's pid, as far as it can be read."""
        return self.path.read_text(errors="replace").strip() or "unknown"

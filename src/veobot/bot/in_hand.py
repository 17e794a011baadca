"""What members have asked and not been answered yet: a leaving process gives it a little time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class InHand:
    """The answers under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Count the current task among those that a leaving process waits for."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def drain(self, seconds: float) -> int:
        """Give what is in hand this long to be answered, what comes later too; return how many were not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
        return len(self._tasks)

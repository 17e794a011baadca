"""A database for whoever has an answer to give in time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from sqlalchemy import Connection

from veobot.core.errors import StoreUnavailable

from .database import Database, Lock

T = TypeVar("T")


class PromptDatabase(Database):
    """Another database, which is not waited for longer than so many seconds; then `StoreUnavailable` is raised.

    What takes longer is not cut off: to cancel it could take longer still. It may be committed later, as after any
    answer that got lost.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._running: set[asyncio.Task[object]] = set()

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        """Run `work` in one writing transaction. See `Database`."""
        return await self._in_time(self._database.write(work, lock=lock))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one reading transaction. See `Database`."""
        return await self._in_time(self._database.read(work))

    async def leave(self) -> None:
        """Close what is open; a later transaction opens it again."""
        await self._database.leave()

    async def _in_time(self, transaction: Coroutine[object, object, T]) -> T:
        task = asyncio.ensure_future(transaction)
        self._running.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            raise StoreUnavailable(f"The database did not answer within {self._seconds:g} s.")
        return task.result()

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # of one that was late nobody wants to know any more

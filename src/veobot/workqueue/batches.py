"""One statement for many: what is asked for while one is under way goes into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class Batches(Generic[Key, Result]):
    """Has `work` done for many keys at a time, `limit` at most, in the order in which they were asked for.

    A lone one does not wait for others: when much is asked for at once, they collect by themselves.
    """

    def __init__(
        self, work: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Result]]], *, limit: int
    ) -> None:
        self._work = work
        self._limit = limit
        self._waiting: list[tuple[Key, asyncio.Future[Result | None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, key: Key) -> Result | None:
        """Return what `work` returned for this key, None where that was nothing; raise what it raised."""
        answer: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="batches")
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                results = await self._work(list(dict.fromkeys(key for key, _ in batch)))
            except Exception as error:  # noqa: BLE001 -- it is raised to each of those who asked
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for key, answer in batch:
                    if not answer.done():
                        answer.set_result(results.get(key))

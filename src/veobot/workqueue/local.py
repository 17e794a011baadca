"""The work queue of one process: a task for each request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from veobot.core.errors import Stopping
from veobot.core.ports import Clock, EventLog
from veobot.core.request import RequestId

CRASHES_BEFORE_GIVING_UP = 3
"""An unexpected error is tried again this often; then the request ends with an internal error."""
CRASH_PAUSE_SECONDS = 1.0
"""Wait after the first crash; doubled after each further one."""
CRASH_PAUSE_CAP_SECONDS = 300.0

Carry = Callable[[RequestId, int], Awaitable[None]]
"""Carries a request under an epoch, to its end."""


class LocalWorkQueue:
    """Carries each submitted request in a task of its own, so that no one holds up another."""

    def __init__(self, carry: Carry, give_up: Carry, clock: Clock, log: EventLog) -> None:
        """`carry` does the work; `give_up` ends a request that crashed too often with a plain outcome."""
        self._carry = carry
        self._give_up = give_up
        self._clock = clock
        self._log = log
        self._tasks: dict[RequestId, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def submit(self, request_id: RequestId, epoch: int) -> None:
        """Have this request carried; nothing happens if it is already, or if the queue is being stopped."""
        if request_id in self._tasks or self._stopping.is_set():
            return
        task = asyncio.create_task(self._run(request_id, epoch), name=f"request-{request_id}")
        self._tasks[request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(request_id, None))

    async def join(self, request_ids: Sequence[RequestId]) -> None:
        """Wait until none of these is being carried any longer."""
        tasks = [self._tasks[request_id] for request_id in request_ids if request_id in self._tasks]
        if tasks:
            await asyncio.wait(tasks)

    async def stop(self, grace_seconds: float) -> int:
        """Take nothing new, give what is in hand its time; return how many requests are still in hand then."""
        self._stopping.set()
        if not self._tasks:
            return 0
        _, unfinished = await asyncio.wait(list(self._tasks.values()), timeout=grace_seconds)
        return len(unfinished)

    async def _run(self, request_id: RequestId, epoch: int) -> None:
        crashes = 0
        while not self._stopping.is_set():
            try:
                if crashes >= CRASHES_BEFORE_GIVING_UP:
                    await self._give_up(request_id, epoch)
                await self._carry(request_id, epoch)
            except Stopping:
                return
            except Exception:  # noqa: BLE001 -- one request's error, whatever it is, must not stop another's life
                crashes += 1
                self._log.exception("request.crashed", request_id=request_id, crashes=crashes)
                pause = min(CRASH_PAUSE_CAP_SECONDS, CRASH_PAUSE_SECONDS * 2.0 ** min(crashes - 1, 10))
                await self._clock.wait(self._stopping, pause)
            else:
                return

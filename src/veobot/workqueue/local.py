"""The work queue of one process: a task for each request."""

import asyncio
from collections.abc import Sequence

from veobot.core.ports import Clock, EventLog
from veobot.core.request import RequestId

from .carrying import Carrier, Carry


class LocalWorkQueue:
    """Carries each submitted request in a task of its own, so that no one holds up another."""

    def __init__(self, carry: Carry, give_up: Carry, clock: Clock, log: EventLog) -> None:
        """`carry` does the work; `give_up` ends a request that crashed too often with a plain outcome."""
        self._tasks: dict[RequestId, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._carrier = Carrier(carry, give_up, clock, log, self._stopping)

    def submit(self, request_id: RequestId, epoch: int) -> None:
        """Have this request carried; nothing happens if it is already, or if the queue is being stopped."""
        if request_id in self._tasks or self._stopping.is_set():
            return
        task = asyncio.create_task(self._carrier.run(request_id, epoch), name=f"request-{request_id}")
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

"""How one request is carried to its end, whatever unexpected comes in between. All work queues do it in this way."""

import asyncio
from collections.abc import Awaitable, Callable

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


class Carrier:
    """Carries requests; one that keeps crashing is given up, and holds up no other."""

    def __init__(
        self, carry: Carry, give_up: Carry, clock: Clock, log: EventLog, stopping: asyncio.Event
    ) -> None:
        """`carry` does the work; `give_up` ends a request that crashed too often with a plain outcome."""
        self._carry = carry
        self._give_up = give_up
        self._clock = clock
        self._log = log
        self._stopping = stopping

    async def run(self, request_id: RequestId, epoch: int) -> None:
        """Return once the request has ended, is another owner's, or the process is about to leave."""
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

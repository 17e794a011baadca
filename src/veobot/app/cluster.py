"""One process among many on a PostgreSQL database: any number take commands, any number carry requests.

Who carries what is decided by jobs in the database, and how many videos are made at once by a book that all processes
keep there. What one of them may do is decided by the rows alone, so nothing here need be right for the promise to hold.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.door import Door
from veobot.core.errors import StoreUnavailable
from veobot.core.lifecycle import Lifecycle
from veobot.core.parts import Parts
from veobot.core.ports import EventLog, UnreadableRow, VideoGenerator
from veobot.core.request import RequestId, VideoRequest
from veobot.store.claims import NOBODY
from veobot.store.opening import postgres_at
from veobot.store.paces import SqlPaceBook
from veobot.store.prompt import PromptDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.slots import SqlSlotBook
from veobot.vertex.pace import PacedGenerator, unless_stopping
from veobot.workqueue.connections import create_tables
from veobot.workqueue.procrastinate import ProcrastinateWorkQueue
from veobot.workqueue.shared_slots import SharedSlots

from .building import limits_of, policy_of
from .engine import Jobs
from .pacing import discord_pace, vertex_pace
from .resumption import Resumption

DOOR_POOL_SIZE = 4
"""Commands that are committed or looked up at once, beside the requests that are carried, however many those are."""
DOOR_SECONDS = 2.0
"""For one transaction of a command's: Discord gives 3 s for the answer, of which a refusal needs some too."""
BOOK_POOL_SIZE = 3
"""For what all processes share (slots, two paces), apart from the rows: whoever is late there is taken for dead."""
OTHERS_FIRST_SECONDS = 1.0
"""A process that cannot serve a command waits so long before it says so: another one may be serving it."""
LEAVING_SECONDS = 0.3
"""For taking this process out of the book."""


class Cluster:
    """The `Engine` of one process among many, in the role that its settings give it."""

    others_first_seconds = OTHERS_FIRST_SECONDS
    records_readable = True
    """Each transaction says so by itself; there is nothing to be read before the first."""

    def __init__(self, settings: Settings, clock: DiscordClock, log: EventLog, owner: str) -> None:
        url = settings.database_url
        self.database = postgres_at(url, sleep=asyncio.sleep)
        of_commands = postgres_at(
            url, sleep=asyncio.sleep, pool_size=DOOR_POOL_SIZE, transaction_seconds=DOOR_SECONDS
        )
        self.prompt_database = PromptDatabase(of_commands, DOOR_SECONDS)
        self._book_database = postgres_at(url, sleep=asyncio.sleep, pool_size=BOOK_POOL_SIZE)
        limits = limits_of(settings)
        book = SqlSlotBook(self._book_database, owner, settings.concurrent_generations, limits)
        self.slots = SharedSlots(settings.concurrent_generations, clock, book, log)
        paces = SqlPaceBook(self._book_database)
        self.permit = discord_pace(paces).permit
        self._vertex_pace = vertex_pace(settings, paces)
        self._settings = settings
        self._clock = clock
        self._log = log
        self._owner = owner
        self._keeper: asyncio.Task[object] | None = None

    async def enter(self) -> None:
        """Make the work queue's tables, as far as the database can be reached: nobody need be waited for."""
        with suppress(StoreUnavailable):  # it is said, and tried again, by whoever needs them
            await create_tables(self._settings.database_url)

    def paced(self, generator: VideoGenerator) -> VideoGenerator:
        """Return the generator, with its calls no faster than all processes together may make them."""
        return PacedGenerator(generator, self._vertex_turn)

    def assemble(self, parts: Parts) -> Door:
        """Take the parts, and return the door."""
        self._parts = parts
        self._worker = self._new_queue(parts)
        # Of its own, so that a command in hand can still be handed over when this process's worker has left.
        self._handed_over = self._new_queue(parts)
        door_parts = replace(parts, store=SqlRequestStore(self.prompt_database))
        return Door(door_parts, self, self._handed_over, policy_of(self._settings), NOBODY)

    def jobs(self, ready: asyncio.Event) -> Jobs:  # noqa: ARG002 -- by REST this process can tell members already
        """Return the work of this process's role."""
        self.slots.open()
        keeping = {"slots": self._keep_slots()}
        if not self._settings.role.carries:
            return keeping
        resumption = Resumption(self.database, self._worker, self._parts)
        return {**keeping, "worker": self._worker.run(), "resumption": resumption.run()}

    async def stop(self, grace_seconds: float) -> int:
        """Give what is in hand its time, and hand it over; return how many requests are cut off."""
        if not self._settings.role.carries:
            return 0
        unfinished = await self._worker.stop(grace_seconds - LEAVING_SECONDS)
        # Not cancelled where it takes longer, which may take longer still: the others will miss us soon anyway.
        leaving = asyncio.create_task(self._leave_the_book(), name="slots-leave")
        await asyncio.wait({leaving}, timeout=LEAVING_SECONDS)
        return unfinished

    async def leave(self) -> None:
        """Wait until the last commands are handed over."""
        await self._handed_over.stop(0)

    async def _vertex_turn(self) -> None:
        await unless_stopping(self._vertex_pace.permit, self._parts.stopping)

    async def _keep_slots(self) -> None:
        self._keeper = asyncio.current_task()
        await self.slots.keep()

    async def _leave_the_book(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()  # else it would put this process in again
            await asyncio.wait({self._keeper})
        with suppress(StoreUnavailable):
            await self.slots.leave()

    def _new_queue(self, parts: Parts) -> ProcrastinateWorkQueue:
        return ProcrastinateWorkQueue(
            self._settings.database_url,
            claim=self._claim,
            carry=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).run(),
            give_up=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).give_up(),
            clock=self._clock,
            log=self._log,
            jitter=random.random,
            concurrency=self._settings.worker_concurrency,
        )

    async def _claim(self, request_ids: Sequence[RequestId]) -> Sequence[VideoRequest | UnreadableRow]:
        return await SqlRequestStore(self.database).claim_each(request_ids, self._owner, self._clock.now())

"""One process on a SQLite file: it carries all that there is, a task for each request."""

import asyncio

from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.door import Door
from veobot.core.lifecycle import Lifecycle
from veobot.core.parts import Parts
from veobot.core.ports import EventLog, VideoGenerator
from veobot.core.recovery import Recovery
from veobot.core.slots import Slots
from veobot.store.instance_lock import InstanceLock
from veobot.store.prompt import PromptDatabase
from veobot.store.sqlite import SqliteDatabase
from veobot.workqueue.local import LocalWorkQueue

from .building import policy_of
from .engine import Jobs

LOOK_UP_SECONDS = 2.0
"""For what a member looks up: Discord gives 3 s for the answer. A writer that holds the file is waited for so long."""


class SingleProcess:
    """The `Engine` of a bot that is alone on its database."""

    permit = None
    others_first_seconds = 0.0

    def __init__(self, settings: Settings, clock: DiscordClock, log: EventLog, owner: str) -> None:
        self.database = SqliteDatabase(settings.database_path, sleep=asyncio.sleep)
        self.prompt_database = PromptDatabase(self.database, LOOK_UP_SECONDS)
        self.slots = Slots(settings.concurrent_generations, clock)
        self._settings = settings
        self._clock = clock
        self._log = log
        self._owner = owner
        self._lock = InstanceLock(settings.database_path, sleep=asyncio.sleep)

    async def enter(self) -> None:
        """Wait for another bot on this database to leave. Raises `AlreadyRunning`, `DirectoryUnusable`."""
        await self._lock.acquire()

    def paced(self, generator: VideoGenerator) -> VideoGenerator:
        """Return the generator as it is: so few slots ask less of Google than it allows."""
        return generator

    def assemble(self, parts: Parts) -> Door:
        """Take the parts, and return the door."""
        self._parts = parts
        self._queue = LocalWorkQueue(
            carry=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).run(),
            give_up=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).give_up(),
            clock=self._clock,
            log=self._log,
        )
        self._recovery = Recovery(parts, self._queue, self._owner)
        return Door(parts, self._recovery, self._queue, policy_of(self._settings), self._owner)

    def jobs(self, ready: asyncio.Event) -> Jobs:
        """Return the resumption of what earlier processes left behind."""
        return {"recovery": self._recover(ready)}

    async def stop(self, grace_seconds: float) -> int:
        """Give what is in hand its time; return how many requests are cut off."""
        return await self._queue.stop(grace_seconds)

    async def leave(self) -> None:
        """Nothing is left: the system closes the file."""

    async def _recover(self, ready: asyncio.Event) -> None:
        await ready.wait()
        if self._settings.resume:
            await self._recovery.run()
        else:
            self._log.warning("resume.switched_off", fix="Remove VEOBOT_RESUME")
            self.slots.open()

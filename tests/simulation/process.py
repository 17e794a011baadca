"""One life of the bot: the real core, work queue and store, killed or paused at any point.

A point lies before and after every call of a port and every transaction. A process that dies there never goes on: its
tasks are kept and never run again, so that no `finally` of theirs tidies up what a kernel would not. A call that was on
its way lands all the same.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from veobot.core.admission import AdmissionPolicy, Place
from veobot.core.door import Door
from veobot.core.errors import Stopping, StoreUnavailable
from veobot.core.lifecycle import Lifecycle
from veobot.core.parts import NoticePacer, Parts
from veobot.core.recovery import Recovery
from veobot.core.request import ChannelId, GuildId, RequestId, UserId, VideoRequest
from veobot.core.retention import sweep_for_ever
from veobot.core.slots import Slots
from veobot.workqueue.local import LocalWorkQueue

from .loop import PROCESS, SimulatedLoop
from .ports import (
    OPTIONS,
    PRICE_MICRO_USD,
    RETENTION,
    ProcessClock,
    ProcessLog,
    ScriptedBucket,
    ScriptedGenerator,
    ScriptedMessenger,
    ScriptedReply,
    moment,
)
from .record import Command, Life
from .schedule import Crash, Pause, TerminateAt
from .store import SimulatedDatabase, SimulatedStore

if TYPE_CHECKING:
    from .world import World

BOOT_SECONDS = 0.6
"""From a process's start to its first command, as measured."""
STOP_GRACE_SECONDS = 4.0
"""The application's, which is not part of the simulation."""


class Process:
    """One process. Fulfils `loop.Mortal`."""

    def __init__(self, world: "World", life: Life, database: SimulatedDatabase) -> None:
        self.world = world
        self.life = life
        self.owner = f"life-{life.number}"
        self.dead = False
        self.paused = False
        self.ready = False
        """Whether it takes commands."""
        self.claimed = False
        """Whether it has taken up what others had left."""
        self.tasks: list[asyncio.Task[Any]] = []
        self.waiting: list[asyncio.Handle] = []
        self.points = 0
        self.points_at_rest = 0
        """Those that it had passed when nothing was owed any more."""
        self.files_open = 0
        self.calls_in_hand = 0
        self.clock = ProcessClock(self)
        self._passed: Counter[str] = Counter()
        self._at_point = world.point_faults(life.number)
        self._database = database
        self._commands: set[asyncio.Task[None]] = set()
        self._service: set[asyncio.Task[Any]] = set()
        self._context = contextvars.copy_context()
        self._context.run(PROCESS.set, self)
        database.process = self
        self.parts = self._build_parts()
        self._queue = LocalWorkQueue(
            carry=lambda request_id, epoch: Lifecycle(self.parts, request_id, epoch).run(),
            give_up=lambda request_id, epoch: Lifecycle(self.parts, request_id, epoch).give_up(),
            clock=self.clock,
            log=self.parts.log,
        )
        self._recovery = Recovery(self.parts, self._queue, self.owner)
        policy = AdmissionPolicy(
            allowed_channels=frozenset(),
            age_restricted_only=False,
            quota=world.schedule.quota,
            quota_window=world.quota_window,
            daily_budget_micro_usd=PRICE_MICRO_USD * 100,
            max_waiting=100,
        )
        self._door = Door(self.parts, self._recovery, self._queue, policy, self.owner)

    def _build_parts(self) -> Parts:
        log = ProcessLog(self)
        return Parts(
            store=SimulatedStore(self._database),
            generator=ScriptedGenerator(self),
            bucket=ScriptedBucket(self),
            messenger=ScriptedMessenger(self),
            clock=self.clock,
            log=log,
            slots=Slots(self.world.schedule.slots, self.clock),
            notices=NoticePacer(self.clock),
            limits=self.world.limits,
            jitter=lambda: self.world.schedule.fraction("jitter", self.life.number, self.points),
        )

    # -- living

    def start(self) -> None:
        """Start, in a context of its own."""
        self._spawn(self._live())

    async def _live(self) -> None:
        """As the application does: recover and sweep, and take commands from the same moment on."""
        await asyncio.sleep(BOOT_SECONDS)
        self.ready = True
        self.life.ready_at = self.world.now()
        self.world.ready(self)
        jobs = [
            asyncio.create_task(self._recovery.run(), name="recovery"),
            asyncio.create_task(sweep_for_ever(self.parts, RETENTION), name="retention"),
            asyncio.create_task(self.parts.stopping.wait(), name="stop"),
        ]
        self._service.update(jobs)
        running: set[asyncio.Task[Any]] = set(jobs)
        while not self.parts.stopping.is_set():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                error = job.exception()
                if error is not None and not self.parts.stopping.is_set():
                    self.die(f"fell over: {job.get_name()}: {error!r}")
        self.parts.slots.close()
        await asyncio.gather(self._queue.stop(STOP_GRACE_SECONDS), self._drain())
        self.die("left")

    async def _drain(self) -> None:
        if self._commands:
            await asyncio.wait(set(self._commands), timeout=STOP_GRACE_SECONDS)

    def dispatch(self, command: Command) -> None:
        """Take a command off the gateway."""

        def receive() -> None:
            task = asyncio.ensure_future(self._door.receive(self._request(command), place, reply))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

        place = Place(ChannelId(command.channel_id), None, age_restricted=False)
        reply = ScriptedReply(self, command)
        asyncio.get_running_loop().call_soon(receive, context=self._context)

    def cancel(self, request_id: int, *, drop: bool) -> None:
        """Take a member's wish off the gateway."""

        async def wish() -> None:
            with suppress(KeyError, StoreUnavailable):  # the member is told so, and can press once more
                await self.parts.store.request_cancel(RequestId(request_id), self.clock.now(), drop=drop)

        def receive() -> None:
            task = asyncio.ensure_future(wish())
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

        asyncio.get_running_loop().call_soon(receive, context=self._context)

    def note_claimed(self, request_ids: tuple[int, ...]) -> None:
        """Note what it has taken over."""
        self.claimed = True
        self.life.resumed = request_ids

    def _request(self, command: Command) -> VideoRequest:
        return VideoRequest(
            id=RequestId(command.request_id),
            user_id=UserId(command.user_id),
            guild_id=GuildId(1),
            channel_id=ChannelId(command.channel_id),
            application_id=2,
            interaction_token=command.token,
            upload_limit_bytes=self.world.reported_limit(command.request_id),
            prompt=command.prompt,
            options=OPTIONS,
            created_at=moment(command.at),
        )

    # -- dying

    async def point(self, name: str, *, may_pause: bool = True) -> None:
        """Pass a point, at which the process may die, or be paused for a while."""
        if self.dead:
            await self.limbo()
        self.points += 1
        self._passed[name] += 1
        if self._at_point:
            await self._meet(f"{name}#{self._passed[name]}", may_pause=may_pause)

    async def _meet(self, named: str, *, may_pause: bool) -> None:
        """Meet what the schedule has put at this point."""
        fault = self._at_point.get(self.points) or self._at_point.get(named)
        match fault:
            case Crash():
                self.world.hit(fault, named)
                self.die("killed")
                await self.limbo()
            case Pause() if may_pause:
                self.world.hit(fault, named)
                self.world.pause(self, fault)
                await asyncio.sleep(0)
            case TerminateAt():
                self.world.hit(fault, named)
                self.terminate()
                if self.dead:
                    await self.limbo()
            case Pause():  # at the next point where it may
                self._at_point.setdefault(self.points + 1, fault)
            case _:
                pass

    async def limbo(self) -> None:
        """Never come back."""
        await asyncio.get_running_loop().create_future()

    def terminate(self) -> None:
        """SIGTERM."""
        if not self.dead and not self.parts.stopping.is_set():
            self.life.stopping_at = self.world.now()
            if not self.ready:
                self.die("left")
                return
            self._context.copy().run(self.parts.stopping.set)

    def die(self, how: str) -> None:
        """Be gone from this moment on."""
        if self.dead:
            return
        self.dead = True
        self.life.ended_at = self.world.now()
        self.life.how = how
        self.world.died(self)

    @property
    def passed(self) -> Counter[str]:
        """How often it passed each point, by name."""
        return self._passed

    def bury(self) -> None:
        """Let the coroutines go, at the schedule's end: whatever their `finally` does now reaches nothing."""
        self._context.run(self._bury)

    def _bury(self) -> None:
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own way to say: on purpose
                coroutine = task.get_coro()
                if coroutine is not None:
                    with suppress(RuntimeError, asyncio.CancelledError):
                        coroutine.close()
        self.tasks.clear()
        self.waiting.clear()

    def leftovers(self) -> None:
        """Note what is left in a process that has nothing to do any more."""
        left = [t.get_name() for t in self.tasks if not t.done() and t not in self._service]
        self.life.tasks_left = tuple(sorted(left))
        self.life.files_open = self.files_open
        # No public door tells one slot that leaked from the others that are free.
        slots = self.parts.slots
        self.life.slots_taken = len(slots._held) + len(slots._line)

    def unseen_errors(self) -> list[str]:
        """Return the errors of tasks that nobody looked at: asyncio tells of them only when it frees the task.

        `Stopping` is none: it is how a job ends that nobody waits for any more, since the process leaves.
        """
        unseen = (task for task in self.tasks if task.done() and task._log_traceback)
        # Through `_exception`, since a call of the public method would count as a look.
        errors = ((task.get_name(), task._exception) for task in unseen)
        return [
            f"{name} in life {self.life.number}: {error!r}"
            for name, error in errors
            if not isinstance(error, Stopping)
        ]

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        self._service.add(loop.create_task(coroutine, name="life", context=self._context))

"""What is done in a campaign while members ask: one strike after the other, and what they begin side by side."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from signal import SIGQUIT

from chaos.campaign.acts import DRAIN_LOOK_SECONDS, SETTLE_SECONDS, Tally
from chaos.campaign.crowd import CHANNELS, MEMBERS, Crowd, Question
from chaos.cluster.fleet import READY_SECONDS, Fleet
from chaos.cluster.line import Cut
from chaos.cluster.machine import Machine
from chaos.cluster.plan import Strike, Way, ended_by
from chaos.cluster.timeline import DATABASE, Trouble, now
from veobot.sandbox.ledger import Entry

ASKING = 6
"""Members who keep asking; a command a second, all together."""
LOOK_SECONDS = 0.1
RESET_AGAIN_SECONDS = 0.3
"""Between two resets of a line, as long as it is to be a bad one."""
LINE_PATIENCE_SECONDS = 60.0
"""For a line to have begun after all workers were killed: a lease, and a generation of a few seconds for each slot."""


class End(Enum):
    """How a process lost its requests."""

    KILLED = "killed"
    TERMINATED = "told to leave"
    SILENT = "silent for longer than the lease"


@dataclass(frozen=True, slots=True)
class Departure:
    """A process that could not carry its requests any longer.

    Attributes:
        carried: their ids, with the epochs under which it had them.
    """

    machine: str
    end: End
    at: datetime
    carried: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """Who waited for a slot, carried by some worker, when all workers were killed at once; oldest first."""

    request_ids: Sequence[int]
    at: datetime


class ClusterActs:
    """Everything that is done."""

    def __init__(self, fleet: Fleet, crowd: Crowd, tally: Tally, *, slots: int) -> None:
        """`slots` is how many videos the cluster makes at once."""
        self._fleet = fleet
        self._crowd = crowd
        self._tally = tally
        self._slots = slots
        self._under_way: set[asyncio.Task[None]] = set()
        self._one_for_all = asyncio.Lock()
        """Held by what all processes suffer from."""
        self.departures: list[Departure] = []
        self.lines: list[WaitingLine] = []

    async def perform(self, strikes: Sequence[Strike], *, patience_seconds: float) -> None:
        """Everything, to the last closed row, which is waited for with patience at most."""
        await self._fleet.come_up(*self._fleet.machines)
        members = [asyncio.create_task(self._crowd.keep_asking(member)) for member in MEMBERS[:ASKING]]
        try:
            async with asyncio.TaskGroup() as group:
                for strike in strikes:
                    await asyncio.sleep(strike.after_seconds)
                    self._tell(strike.way.value)
                    await self._strike(strike, group)
        finally:
            for member in members:
                member.cancel()
            await asyncio.gather(*members, return_exceptions=True)
        await self._drain(patience_seconds)

    def _tell(self, doing: str) -> None:
        self._tally.doing = doing
        self._tally.asked = sum(entry.kind == "interaction" for entry in self._fleet.watch.entries)
        self._tally.changed()

    # -- the strikes

    async def _strike(self, strike: Strike, group: asyncio.TaskGroup) -> None:
        match strike.way:
            case Way.KILLED:
                machine = await self._pick(strike.victim)
                self._kill(machine)
                self._go_on(group, self._come_back(machine, strike.down_seconds))
            case Way.TERMINATED:
                self._go_on(group, self._terminate(await self._pick(strike.victim), strike.down_seconds))
            case Way.STOPPED | Way.BLINKED:
                self._go_on(group, self._stop(await self._pick(strike.victim), strike))
            case Way.CUT_ONE | Way.CUT_ONE_LONG:
                self._go_on(group, self._cut_one(await self._pick(strike.victim), strike))
            case Way.CUT_ALL:
                self._go_on(group, self._cut_all(strike))
            case Way.CRASHED:
                self._go_on(group, self._crash(strike))
            case Way.ALL_WORKERS:
                await self._kill_all_workers()
        self._tally.ways[strike.way.value] += 1
        self._tally.kills += ended_by(strike, len(self._fleet.of_role("worker")))
        self._tally.changed()

    def _go_on(self, group: asyncio.TaskGroup, work: Coroutine[None, None, None]) -> None:
        task = group.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _pick(self, victim: int) -> Machine:
        """Return a process that nothing is being done to, as soon as there is one."""
        while True:
            free = [m for m in self._fleet.machines if m.running and not m.occupied]
            if free:
                return free[victim % len(free)]
            await asyncio.sleep(LOOK_SECONDS)

    def _kill(self, machine: Machine) -> None:
        machine.kill()
        self._gone(machine, End.KILLED, now(), self._fleet.records.carried_by(machine.pid))
        self._fleet.records.check()

    def _gone(self, machine: Machine, end: End, at: datetime, carried: Mapping[int, int] | None) -> None:
        """Remember what it had; nothing where PostgreSQL could not be asked."""
        if carried:
            self.departures.append(Departure(machine.name, end, at, carried))

    async def _come_back(self, machine: Machine, down_seconds: float) -> None:
        await asyncio.sleep(down_seconds)
        await machine.come_up(READY_SECONDS)

    async def _terminate(self, machine: Machine, down_seconds: float) -> None:
        machine.occupied = True
        carried, at = self._fleet.records.carried_by(machine.pid), now()
        await machine.terminate()
        self._gone(machine, End.TERMINATED, at, carried)
        machine.occupied = False
        await self._come_back(machine, down_seconds)

    async def _stop(self, machine: Machine, strike: Strike) -> None:
        machine.occupied = True
        machine.freeze()
        if strike.way is Way.STOPPED:
            self._gone(machine, End.SILENT, now(), self._fleet.records.carried_by(machine.pid))
        await asyncio.sleep(strike.lasts_seconds)
        machine.thaw()
        machine.occupied = False

    async def _cut_one(self, machine: Machine, strike: Strike) -> None:
        machine.occupied = True
        if strike.way is Way.CUT_ONE_LONG:
            self._gone(machine, End.SILENT, now(), self._fleet.records.carried_by(machine.pid))
        await self._cut([machine], strike)
        machine.occupied = False

    async def _cut_all(self, strike: Strike) -> None:
        async with self._one_for_all:
            await self._cut([m for m in self._fleet.machines if not m.occupied], strike)

    async def _cut(self, machines: Sequence[Machine], strike: Strike) -> None:
        """Let these lines fail, and pass again in the end."""
        troubles = [self._fleet.timeline.begin(machine.name, Trouble.CUT) for machine in machines]
        for machine in machines:
            machine.line.cut(strike.cut)
        ends_at = asyncio.get_running_loop().time() + strike.lasts_seconds
        while (left := ends_at - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, RESET_AGAIN_SECONDS) if strike.cut is Cut.RESET else left)
            for machine in machines if strike.cut is Cut.RESET else ():
                machine.line.cut(strike.cut)
        for machine in machines:
            machine.line.heal()
        for trouble in troubles:
            trouble.until = now()

    async def _crash(self, strike: Strike) -> None:
        async with self._one_for_all:
            trouble = self._fleet.timeline.begin(DATABASE, Trouble.DOWN)
            server = self._fleet.server
            server.stop(SIGQUIT)
            await asyncio.sleep(strike.lasts_seconds)
            server.start()  # holds everybody here up until it answers, which nobody notices who needs it
            trouble.until = now()
            self._fleet.records.check()

    async def _kill_all_workers(self) -> None:
        """In peace: let a line build up, kill all workers, start them again, and see the line begin."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        workers = self._fleet.of_role("worker")
        after = self._fleet.watch.last_seq
        await self._line_up(2 * self._slots + len(workers))
        await self._began(after, self._slots)
        for worker in workers:
            self._kill(worker)
        at, waiting = now(), self._fleet.records.in_line()
        self.lines.append(WaitingLine(waiting, at))
        missing = {str(request_id) for request_id in waiting}

        def was_the_last(entry: Entry) -> bool:
            if entry.kind == "submission":
                missing.difference_update(str(entry.fields["storage_uri"]).split("/"))
            return not missing

        after = self._fleet.watch.last_seq
        await self._fleet.come_up(*workers)
        if missing:
            watch = self._fleet.watch
            await watch.first(was_the_last, after=after, timeout_seconds=LINE_PATIENCE_SECONDS)

    async def _line_up(self, count: int) -> None:
        """Let so many ask at once for videos that take a while."""
        await asyncio.gather(
            *(
                self._crowd.ask(Question(MEMBERS[i % len(MEMBERS)], CHANNELS[0], self._crowd.prompt("slow")))
                for i in range(count)
            )
        )

    async def _began(self, after: int, count: int) -> None:
        """Wait until so many more videos are being made; not for ever: others may have the slots."""
        begun = 0

        def is_enough(entry: Entry) -> bool:
            nonlocal begun
            begun += entry.kind == "submission"
            return begun >= count

        await self._fleet.watch.first(is_enough, after=after, timeout_seconds=LINE_PATIENCE_SECONDS / 4)

    # -- the end

    async def _drain(self, patience_seconds: float) -> None:
        """All is whole again; everything owed must be told and closed."""
        self._tell("draining")
        for machine in self._fleet.machines:
            machine.revive()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while self._fleet.records.unclosed():  # noqa: ASYNC110 -- a database has no event to wait for
                    await asyncio.sleep(DRAIN_LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.gather(*(machine.terminate() for machine in self._fleet.machines))
        self._fleet.records.check()

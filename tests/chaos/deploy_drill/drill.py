"""A rolling deploy: each process is replaced by a new one, which is ready before the old one is told to leave."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.campaign.acts import DRAIN_LOOK_SECONDS, SETTLE_SECONDS
from chaos.campaign.crowd import CHANNELS, MEMBERS, Crowd, Question
from chaos.cluster.acts import Departure, End
from chaos.cluster.fleet import Fleet, running_fleet
from chaos.cluster.judge import ClusterVerdict, judge_cluster
from chaos.cluster.machine import Machine
from chaos.cluster.stage import CLUSTER_SETTINGS, GENERATION_SECONDS, SLOTS, gathered
from chaos.cluster.timeline import now

PAUSE_SECONDS = 1.0
"""Between two replacements, and before the first."""
RUSH = 4
"""So many commands come at once, just before an old gateway is told to leave, for both to compete."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One process that was replaced.

    Attributes:
        ready_seconds: from the new one's start until it was ready.
        left_seconds: from the old one's SIGTERM until it had left.
        departure: what the old one had in hand at its SIGTERM.
    """

    new: str
    ready_seconds: float
    left_seconds: float
    departure: Departure


@dataclass(slots=True)
class DrillOutcome:
    """What became of the deploy."""

    verdict: ClusterVerdict
    replacements: list[Replacement]
    unclosed: int
    tokens_left: int
    broken: list[str]
    seconds: float


@dataclass(slots=True)
class Drill:
    """Run once.

    Args:
        directory: for everybody's files.
        members: how many keep asking.
        told: is called with what is being done.
    """

    directory: Path
    seed: int
    workers: int = 3
    gateways: int = 2
    members: int = len(MEMBERS)
    patience_seconds: float = 60.0
    told: Callable[[str], None] = lambda _: None
    _replacements: list[Replacement] = field(default_factory=list)

    async def run(self) -> DrillOutcome:
        """Deploy, drain, judge; no process is left behind."""
        began = time.monotonic()
        async with running_fleet(self.directory, self.seed, CLUSTER_SETTINGS) as fleet:
            crowd = Crowd(fleet.sandbox.client, self.seed)
            await crowd.set_the_stage(GENERATION_SECONDS)
            current = await self._first_processes(fleet)
            asking = [asyncio.create_task(crowd.keep_asking(m)) for m in MEMBERS[: self.members]]
            try:
                for machine in current:
                    await asyncio.sleep(PAUSE_SECONDS)
                    await self._replace(fleet, machine, crowd)
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
            await self._drain(fleet)
            return await self._outcome(fleet, time.monotonic() - began)

    async def _first_processes(self, fleet: Fleet) -> list[Machine]:
        self.told(f"starting {self.gateways} gateways and {self.workers} workers")
        machines = [await fleet.add(f"gateway-{n}", "gateway") for n in range(1, self.gateways + 1)]
        machines += [await fleet.add(f"worker-{n}", "worker") for n in range(1, self.workers + 1)]
        await fleet.come_up(*machines)
        return machines

    async def _replace(self, fleet: Fleet, old: Machine, crowd: Crowd) -> None:
        """Start the new one, and tell the old one to leave once it is ready, in the middle of a rush."""
        new = await fleet.add(f"{old.name}-new", old.role)
        self.told(f"replacing {old.name}")
        began = time.monotonic()
        await fleet.come_up(new)
        ready_seconds = time.monotonic() - began
        rush = [asyncio.create_task(crowd.ask(_question(crowd, n))) for n in range(RUSH)]
        await asyncio.sleep(0)  # they are on their way
        carried = fleet.records.carried_by(old.pid) or {}
        departure = Departure(old.name, End.TERMINATED, now(), carried)
        left_seconds = await old.terminate()
        await asyncio.gather(*rush)
        self._replacements.append(Replacement(new.name, ready_seconds, left_seconds, departure))

    async def _drain(self, fleet: Fleet) -> None:
        """Everything owed must be told and closed."""
        self.told("waiting for the last video")
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience_seconds):
                while fleet.records.unclosed():  # noqa: ASYNC110 -- a database has no event to wait for
                    await asyncio.sleep(DRAIN_LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.gather(*(machine.terminate() for machine in fleet.machines if machine.running))
        fleet.records.check()

    async def _outcome(self, fleet: Fleet, seconds: float) -> DrillOutcome:
        evidence = await gathered(fleet, SLOTS, [r.departure for r in self._replacements], [])
        return DrillOutcome(
            verdict=judge_cluster(evidence),
            replacements=self._replacements,
            unclosed=fleet.records.unclosed(),
            tokens_left=fleet.records.tokens_left(),
            broken=fleet.broken,
            seconds=seconds,
        )


def _question(crowd: Crowd, number: int) -> Question:
    return Question(MEMBERS[number % len(MEMBERS)], CHANNELS[0], crowd.prompt(""))

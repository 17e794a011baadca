"""Runs one schedule, and says what came of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .audit import AuditedFile
from .loop import SimulatedLoop
from .record import Record
from .schedule import AtPoint, Schedule
from .world import World


@dataclass(frozen=True, slots=True)
class Played:
    """One schedule that was played to its end."""

    schedule: Schedule
    record: Record
    points: tuple[int, ...]
    """How many points each life passed until nothing was owed any more."""
    reached: Counter[str]
    """How often each named point was passed."""
    hits: Counter[str]
    """How often a process died there."""
    named: Mapping[AtPoint, str]
    """The names of the points at which processes were killed or stopped."""

    def by_names(self) -> Schedule:
        """Return the schedule with its points by name, as it still means the same when the code has changed."""
        faults = tuple(
            replace(fault, point=self.named[fault])
            if isinstance(fault, AtPoint) and fault in self.named
            else fault
            for fault in self.schedule.faults
        )
        return replace(self.schedule, faults=faults)

    @property
    def deaths(self) -> int:
        """How many processes were killed."""
        return sum(life.how == "killed" for life in self.record.lives)


class Stage:
    """Where schedules are played, one after the other: a directory with a database in it."""

    def __init__(self, directory: Path) -> None:
        self._file = AuditedFile(directory)

    def play(self, schedule: Schedule) -> Played:
        """Play one schedule."""
        loop = SimulatedLoop()
        world = World(schedule, self._file, loop)
        record = loop.run_until_complete(world.run())
        loop.close()
        points = tuple(process.points_at_rest for process in world.processes)
        reached: Counter[str] = Counter()
        for process in world.processes:
            reached.update(process.passed)
        return Played(schedule, record, points, reached, world.hits, world.named)

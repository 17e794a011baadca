"""Runs one schedule, and says what came of it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .audit import AuditedFile
from .loop import SimulatedLoop
from .record import Record
from .schedule import Schedule
from .world import World


@dataclass(frozen=True, slots=True)
class Played:
    """One schedule that was played to its end."""

    schedule: Schedule
    record: Record
    points: tuple[int, ...]
    """How many points each life passed until nothing was owed any more."""
    reached: Counter[str]
    hits: Counter[str]

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
        world = World(schedule, self._file)
        record = loop.run_until_complete(world.run())
        loop.close()
        points = tuple(process.points_at_rest for process in world.processes)
        return Played(schedule, record, points, world.reached, world.hits)

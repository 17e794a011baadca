"""Plays many schedules, on as many cores as it is given, and counts what came of them."""

import gc
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from .drawing import draw
from .invariants import Breach, broken
from .run import Played, Stage
from .schedule import Schedule

T = TypeVar("T")
R = TypeVar("R")

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: SQLite and the kernel do what they always do, only the disk is spared."""
GARBAGE_AFTER = 50_000
"""Objects between two looks for garbage: a schedule makes few cycles, and the look costs a twentieth of its time."""
CHUNK = 25
"""Schedules that a worker plays before it reports."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A schedule that broke the promise."""

    schedule: Schedule
    breaches: tuple[Breach, ...]


@dataclass(slots=True)
class Tally:
    """What came of many schedules."""

    schedules: int = 0
    crashes: int = 0
    virtual_seconds: float = 0.0
    busy_seconds: float = 0.0
    """Of one core each."""
    reached: Counter[str] = field(default_factory=Counter)
    """How often each named point was passed."""
    hits: Counter[str] = field(default_factory=Counter)
    """How often a process died there."""
    faults: Counter[str] = field(default_factory=Counter)
    """In how many schedules each kind of fault happened."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How the requests were closed, and with which failure."""
    failed: list[Failed] = field(default_factory=list)

    def add(self, played: Played, breaches: Sequence[Breach]) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.crashes += played.deaths
        self.virtual_seconds += played.record.ended_at
        self.reached.update(played.reached)
        self.hits.update(played.hits)
        self.faults.update(played.record.faults)
        self.outcomes.update(
            f"{row['closure'] or 'never closed'}: {row['failure'] or 'video'}" for row in played.record.rows
        )
        if breaches:
            self.failed.append(Failed(played.schedule, tuple(breaches)))

    def merge(self, other: "Tally") -> None:
        """Add another tally."""
        self.schedules += other.schedules
        self.crashes += other.crashes
        self.virtual_seconds += other.virtual_seconds
        self.busy_seconds += other.busy_seconds
        for mine, theirs in (
            (self.reached, other.reached),
            (self.hits, other.hits),
            (self.faults, other.faults),
            (self.outcomes, other.outcomes),
        ):
            mine.update(theirs)
        self.failed += other.failed

    @property
    def a_minute_and_core(self) -> float:
        """Schedules a minute and core."""
        return 60 * self.schedules / self.busy_seconds if self.busy_seconds else 0.0


class Player:
    """Plays schedules in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._stage = Stage(Path(tempfile.mkdtemp(dir=directory)))

    def play(self, schedule: Schedule) -> tuple[Played, Sequence[Breach]]:
        """Play one schedule, and judge it."""
        played = self._stage.play(schedule)
        return played, broken(played.record)

    def play_all(self, schedules: Iterable[Schedule]) -> Tally:
        """Play these, one after the other."""
        tally = Tally()
        before = time.process_time()
        for schedule in schedules:
            tally.add(*self.play(schedule))
        tally.busy_seconds = time.process_time() - before
        return tally


class Company:
    """Players on several cores. A context manager: its files are gone afterwards."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._directory = Path(tempfile.mkdtemp(prefix="veobot-", dir=MEMORY if MEMORY.is_dir() else None))
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._jobs > 1:
            self._pool = ProcessPoolExecutor(
                self._jobs, get_context("spawn"), initializer=_become_player, initargs=(self._directory,)
            )
        else:
            _become_player(self._directory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Do this work for each item, wherever a core is free; the results come in the items' order."""
        return iter(map(work, items)) if self._pool is None else self._pool.map(work, items)

    def seeds(self, seeds: range) -> Iterator[Tally]:
        """Play what these seeds draw, a chunk at a time."""
        chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
        return self.each(play_seeds, chunks)


_player: Player | None = None


def _become_player(directory: Path) -> None:
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    global _player  # noqa: PLW0603 -- one a process, for all its schedules
    _player = Player(directory)


def player() -> Player:
    """Return this process's player."""
    assert _player is not None, "a Company makes the players"
    return _player


def play_seeds(seeds: range) -> Tally:
    """Play what these seeds draw."""
    return player().play_all(draw(seed) for seed in seeds)

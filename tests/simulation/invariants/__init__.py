"""What must hold after every schedule, once the faults have stopped and everything has come to rest.

Each invariant is a function whose name is the promise, and whose docstring tells what is excused and why. It yields one
plain sentence for each breach, and nothing where the promise holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import isfunction

from simulation.record import Record

from . import messages, paying, processes, promise, rows, secrecy, times, turns
from .evidence import Evidence

Invariant = Callable[[Evidence], Iterator[str]]

INVARIANTS: tuple[Invariant, ...] = tuple(
    function
    for module in (promise, messages, times, paying, turns, rows, secrecy, processes)
    for name, function in vars(module).items()
    if isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
)
"""Every public function of these modules, in the order in which a reader would ask."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was not kept."""

    invariant: str
    """The promise, as a sentence."""
    detail: str
    """What happened, with ids and times."""

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


def broken(record: Record) -> list[Breach]:
    """Return every breach of every invariant."""
    evidence = Evidence(record)
    return [
        Breach(invariant.__name__.replace("_", " "), detail)
        for invariant in INVARIANTS
        for detail in invariant(evidence)
    ]

"""Makes a failing schedule as simple as it can be, and writes it down as code."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum

from .schedule import Schedule

Fails = Callable[[Schedule], bool]


def shrink(schedule: Schedule, fails: Fails) -> Schedule:
    """Drop faults one by one for as long as the schedule still fails. A fault never changes what another means."""
    smaller = True
    while smaller:
        smaller = False
        for fault in schedule.faults:
            without = replace(schedule, faults=tuple(f for f in schedule.faults if f is not fault))
            if fails(without):
                schedule, smaller = without, True
    return schedule


def as_code(value: object) -> str:
    """Return Python that builds this schedule again."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple):
        return f"({''.join(f'{as_code(item)}, ' for item in value).rstrip()})"
    if is_dataclass(value) and not isinstance(value, type):
        given = ", ".join(f"{f.name}={as_code(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({given})"
    return repr(value)

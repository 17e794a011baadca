"""Schedules that once broke a promise, made simple: each is named by what went wrong then."""

from .schedule import Ask, Pause, Schedule, TokenDies

_ONE = (Ask(1.0, 0, 0),)

REGRESSIONS: dict[str, Schedule] = {
    "a process that had been stopped posted a second outcome when it woke": Schedule(
        1, _ONE, (TokenDies(0, 5.0), Pause(1, "download: after#2", 600.0, 10.0))
    ),
    "a process that had been stopped wrote progress over its successor's outcome": Schedule(
        1, _ONE, (Pause(1, "poll: sent#1", 90.0, 10.0),)
    ),
    "a process that had been stopped before it submitted paid for a second video when it woke": Schedule(
        1, _ONE, (Pause(1, "record_intent: after#1", 3600.0, 10.0),)
    ),
}

"""Schedules that once broke a promise, made simple: each is named by what went wrong then."""

from .schedule import Ask, ChannelChanges, Crash, How, Makes, Pause, Schedule, Spoil, TokenDies

_ONE = (Ask(1.0, 0, 0),)
_THREE = (Ask(0.0, 2, 0), Ask(1.0, 1, 1), Ask(2.0, 2, 1))

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
    "a member who had been shown the video was told that it was lost": Schedule(
        1, _ONE, (Makes(0, 1, "lost"), Crash(1, "edit_outcome: after#1", 120.0)), interval_seconds=2.0
    ),
    "a process that woke after a day served a command that had been served and forgotten": Schedule(
        1, _THREE, (Pause(1, "record_operation: after#1", 90000.0, 0.2),)
    ),
    "a process that had been stopped too long to be refused again ended a request in its successor's name": Schedule(
        1, _ONE, (Spoil("prepare", 1, How.LATE, 1.5), Pause(1, "prepare: sent#1", 1000.0, 990.0))
    ),
    "progress landed after its request was closed since nobody could be told": Schedule(
        1,
        _ONE,
        (
            TokenDies(0, 5.0),
            ChannelChanges(0, "muted", 6.0, None),
            *(Spoil("show_progress", nth, How.LATE, 4.5) for nth in range(1, 60)),
        ),
        interval_seconds=2.0,
    ),
    "a process that woke after days fell over its request, which had been told and deleted": Schedule(
        1, (Ask(1.0, 0, 0), Ask(5.0, 1, 1)), (Pause(1, "acknowledge: sent#1", 90000.0, 5.0),)
    ),
}

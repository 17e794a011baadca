"""Schedules that once broke a promise, made simple: each is named by what went wrong then."""

from .schedule import (
    Ask,
    Cancels,
    ChannelChanges,
    Crash,
    How,
    Kill,
    Makes,
    Pause,
    Schedule,
    Spoil,
    TokenDies,
)

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
    "progress landed on an outcome before the answer to it came, and nobody wrote it once more": Schedule(
        1001216,
        (Ask(22.41, 1, 0), Ask(171.43, 2, 0), Ask(129.93, 0, 0), Ask(96.05, 0, 1), Ask(94.45, 0, 0)),
        (
            Kill(1, 12.14, 1578.0),
            Spoil("show_progress", 5, How.LATE, 4.94),
            Cancels(4, 6.19, drop=False),
        ),
        interval_seconds=2.0,
    ),
    "a life that fell over after late progress did not know of it when it began anew": Schedule(
        1000122,
        (Ask(186.46, 0, 1), Ask(0.0, 0, 1), Ask(120.92, 2, 1), Ask(186.72, 0, 0), Ask(0.0, 2, 1)),
        (
            Crash(1, "acknowledge: before#1", 2166.0),
            Spoil("edit_outcome", 1, How.BROKEN, 1.52),
            Spoil("show_progress", 2, How.LATE, 2.45),
            Cancels(3, 1.62, drop=False),
        ),
        slots=1,
    ),
}

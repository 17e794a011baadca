"""Schedules that once broke a promise, shrunk: each names what went wrong then."""

from .schedule import Ask, Crash, Kill, Pause, Schedule

REGRESSIONS: dict[str, Schedule] = {
    "a process that had been stopped posted a second outcome when it woke": Schedule(
        seed=100,
        asks=(
            Ask(at=29.99, member=1, channel=0),
            Ask(at=141.4, member=2, channel=1),
            Ask(at=87.27, member=0, channel=0),
            Ask(at=16.95, member=1, channel=1),
            Ask(at=10.53, member=2, channel=0),
        ),
        faults=(
            Kill(life=1, seconds=76.61, down_seconds=12.06),
            Crash(life=3, point=33, down_seconds=89280.0),
            Pause(life=4, point=44, seconds=130.8, successor_after_seconds=33.03),
        ),
    ),
    "a process that had been stopped wrote progress over what its successor showed": Schedule(
        seed=122,
        asks=(
            Ask(at=102.49, member=2, channel=1),
            Ask(at=182.0, member=0, channel=1),
            Ask(at=152.44, member=1, channel=0),
            Ask(at=22.1, member=1, channel=0),
            Ask(at=112.06, member=1, channel=0),
        ),
        faults=(Pause(life=1, point=46, seconds=54.55, successor_after_seconds=34.41),),
    ),
}

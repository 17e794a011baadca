"""Draws schedules from seeds.

Each seed draws a swarm: a random subset of the kinds of faults, since faults that are always all there hide each
other. A kind draws its faults; `_KINDS` lists them all.
"""

import random

from .schedule import (
    COMMITS,
    DISCORD_CALLS,
    GOOGLE_CALLS,
    HOUR,
    MINUTE,
    Ask,
    Cancels,
    ChannelChanges,
    ClockJumps,
    Crash,
    Fault,
    How,
    Kill,
    Late,
    Makes,
    Outage,
    Overlap,
    Pause,
    PlaceholderDeleted,
    Point,
    Replay,
    Schedule,
    Size,
    Spoil,
    SpoilCommit,
    Terminate,
    TerminateAt,
    TokenDies,
)

REQUESTS = 5
"""Commands in a drawn schedule."""
MEMBERS = 3
CHANNELS = 2

_PAYING = ("submit", "submit", "edit_outcome", "post_outcome", "acknowledge")
"""Where a lost answer costs most."""


def draw(seed: int) -> Schedule:
    """Draw a schedule."""
    rng = random.Random(seed)
    asks = tuple(
        Ask(
            rng.choice((0.0, *(_between(rng, 1, 200) for _ in range(6)))),
            rng.randrange(MEMBERS),
            rng.randrange(CHANNELS),
        )
        for _ in range(REQUESTS)
    )
    kinds = [kind for kind in _KINDS if rng.random() < 0.4]
    faults: list[Fault] = _crashes(rng)
    for kind in kinds:
        faults.extend(kind(rng))
    return Schedule(
        seed,
        asks,
        tuple(faults),
        slots=rng.choice((1, 2, 2, 3)),
        quota=rng.choice((2, 5, 5)),
        interval_seconds=rng.choice(
            (2.0, 6.0, *(60.0,) * 20) if _settling in kinds else (6.0, *(60.0,) * 24)
        ),
    )


def _between(rng: random.Random, low: float, high: float) -> float:
    """Draw a number that reads well in a regression test."""
    return round(rng.uniform(low, high), 2)


_FATEFUL = (
    "admit: after",
    "acknowledge: sent",
    "acknowledge: after",
    "record_placeholder: after",
    "record_intent: after",
    "submit: sent",
    "submit: after",
    "record_operation: after",
    "record_outcome: after",
    "begin_delivery: after",
    "download: after",
    "edit_outcome: sent",
    "edit_outcome: after",
    "post_outcome: sent",
    "post_outcome: after",
    "record_outcome_message: after",
    "show_progress: sent",
    "claim_incomplete: after",
)
"""Points at which it matters most that a process dies or is stopped."""


def _point(rng: random.Random) -> Point:
    """Draw a point: mostly any, at times one of those that matter most."""
    if rng.random() < 0.7:
        return 1 + int(rng.expovariate(1 / 30))
    return f"{rng.choice(_FATEFUL)}#{1 + int(rng.expovariate(1))}"


def _down(rng: random.Random) -> float:
    """How long until somebody starts the bot again: mostly at once, at times past a token's life, seldom a day."""
    kind = rng.random()
    if kind < 0.75:
        return _between(rng, 0, 20)
    return _between(rng, 10, 40) * MINUTE if kind < 0.97 else _between(rng, 20, 26) * HOUR


def _crashes(rng: random.Random) -> list[Fault]:
    faults: list[Fault] = []
    for life in range(1, 1 + rng.choice((2, 4, 5, 6, 8))):
        if rng.random() < 0.8:
            faults.append(Crash(life, _point(rng), _down(rng)))
        else:
            faults.append(Kill(life, _between(rng, 0, 120), _down(rng)))
    return faults


def _terminations(rng: random.Random) -> list[Fault]:
    def terminate() -> Fault:
        life = rng.randint(1, 4)
        if rng.random() < 0.5:
            return Terminate(life, _between(rng, 0, 90), _down(rng))
        return TerminateAt(life, _point(rng), _down(rng))

    return [terminate() for _ in range(rng.randint(1, 2))]


def _pauses(rng: random.Random) -> list[Fault]:
    def pause() -> Pause:
        seconds = rng.choice(
            (
                *(_between(rng, 5, 60), _between(rng, 1, 20) * MINUTE) * 4,
                *(_between(rng, 1, 3) * HOUR,) * 3,
                _between(rng, 23, 25) * HOUR,
            )
        )
        successor = _between(rng, 0, seconds) if rng.random() < 0.7 else None
        return Pause(rng.randint(1, 4), _point(rng), seconds, successor)

    return [pause() for _ in range(rng.randint(1, 2))]


def _overlaps(rng: random.Random) -> list[Fault]:
    return [Overlap(rng.randint(1, 3), _between(rng, 1, 150), _between(rng, 1, 300))]


def _spoilt(rng: random.Random) -> list[Fault]:
    def spoil() -> Spoil:
        call = rng.choice(rng.choice((DISCORD_CALLS, GOOGLE_CALLS, _PAYING)))
        how = rng.choice(tuple(How))
        return Spoil(call, 1 + int(rng.expovariate(1 / 3)), how, _between(rng, 0.2, 4))

    return [spoil() for _ in range(rng.randint(1, 8))]


def _in_flight(rng: random.Random) -> list[Fault]:
    """A process dies right after it sent something, and the next is there before that takes effect."""
    call = rng.choice(
        ("acknowledge", "show_progress", "show_progress", "edit_outcome", "post_outcome", "submit")
    )
    nth = 1 + int(rng.expovariate(1 / 2))
    seconds = _between(rng, 1, 2.4) if call == "acknowledge" else _between(rng, 2, 4.5)
    return [
        Spoil(call, nth, How.SLOW, seconds),
        Crash(1, f"{call}: sent#{nth}", _between(rng, 0, 1)),
    ]


def _settling(rng: random.Random) -> list[Fault]:
    """Progress lands after its answer was lost, and something comes between the outcome and its repetition."""
    late: list[Fault] = [
        Spoil("show_progress", nth, How.LATE, _between(rng, 1, 5)) for nth in range(1, rng.randint(3, 20))
    ]
    at = rng.choice(
        (
            "edit_outcome: after#1",
            "repeat_outcome_text: before#1",
            "repeat_outcome_text: sent#1",
            "close: before#1",
        )
    )
    between = rng.choice(
        (
            TerminateAt(1, at, _between(rng, 0, 5)),
            Crash(1, at, _between(rng, 0, 5)),
            Spoil("repeat_outcome_text", 1, rng.choice(tuple(How)), _between(rng, 0.2, 4)),
        )
    )
    return [*late, between]


def _hurried(rng: random.Random) -> list[Fault]:
    """A process dies, and the next is busy with what it left when new commands come in."""
    at = f"{rng.choice(('record_placeholder: before', 'record_intent: before', 'get: after'))}#{rng.randint(1, 4)}"
    slow = rng.choice(("find_acknowledgement", "check_reachable", "find"))
    return [Crash(1, at, _between(rng, 0, 3)), Spoil(slow, 1, How.SLOW, _between(rng, 2, 4))]


def _locked_at_start(rng: random.Random) -> list[Fault]:
    """The database is locked when the bot starts, as by somebody's backup."""
    return [Outage("busy", _between(rng, 0, 1), _between(rng, 0.3, 4))]


def _outages(rng: random.Random) -> list[Fault]:
    hows = (How.REFUSED, How.NOT_SENT, How.LOST_BEFORE, How.LOST_AFTER, How.OPERATOR, How.SLOW)
    return [
        Outage(
            rng.choice(("discord", "google")),
            _between(rng, 0, 400),
            rng.choice((_between(rng, 1, 60), _between(rng, 1, 15) * MINUTE)),
            rng.choice(hows),
        )
    ]


def _database(rng: random.Random) -> list[Fault]:
    return [
        Outage(
            rng.choice(("busy", "full", "gone")),
            _between(rng, 0, 300),
            rng.choice((0.5, _between(rng, 1, 120))),
        )
        for _ in range(rng.randint(1, 3))
    ]


def _commits(rng: random.Random) -> list[Fault]:
    """Commits take place and are reported as failed."""
    return [
        SpoilCommit(rng.choice(COMMITS), 1 + int(rng.expovariate(1 / 2))) for _ in range(rng.randint(1, 3))
    ]


def _dispatches(rng: random.Random) -> list[Fault]:
    def fault() -> Fault:
        kind = rng.choice((Replay, Late))
        return kind(rng.randrange(REQUESTS), rng.choice((0.0, _between(rng, 0, 4), _between(rng, 0, 60))))

    return [fault() for _ in range(rng.randint(1, 3))]


def _tokens(rng: random.Random) -> list[Fault]:
    return [TokenDies(rng.randrange(REQUESTS), _between(rng, 5, 300)) for _ in range(rng.randint(1, 2))]


def _amnesia(rng: random.Random) -> list[Fault]:
    """The acknowledgement's answer is lost, and later neither token nor history tells whether it was shown."""
    command, channel = rng.randrange(REQUESTS), rng.randrange(CHANNELS)
    return [
        Spoil(
            "acknowledge", 1 + rng.randrange(REQUESTS), rng.choice((How.LATE, How.HANGS, How.LOST_AFTER)), 0.5
        ),
        Spoil("find_acknowledgement", 1, rng.choice((How.NOT_SENT, How.LOST_BEFORE)), 1.0),
        TokenDies(command, _between(rng, 0, 30)),
        ChannelChanges(channel, "no_history", _between(rng, 0, 100), _between(rng, 10, 600)),
    ]


def _placeholders(rng: random.Random) -> list[Fault]:
    return [PlaceholderDeleted(rng.randrange(REQUESTS), _between(rng, 3, 300))]


def _wishes(rng: random.Random) -> list[Fault]:
    """Members change their minds, some of them twice."""
    return [
        Cancels(
            rng.randrange(REQUESTS),
            rng.choice((_between(rng, 0.3, 8), _between(rng, 5, 150))),
            rng.random() < 0.5,
        )
        for _ in range(rng.randint(1, 4))
    ]


def _channels(rng: random.Random) -> list[Fault]:
    def change() -> ChannelChanges:
        what = rng.choice(("deleted", "hidden", "muted", "no_files", "no_history"))
        lasting = None if what == "deleted" or rng.random() < 0.4 else _between(rng, 10, 600)
        return ChannelChanges(rng.randrange(CHANNELS), what, _between(rng, 10, 900), lasting)

    return [change() for _ in range(rng.randint(1, 2))]


def _results(rng: random.Random) -> list[Fault]:
    results = ("filtered", "failed", "never", "forgotten", "expired", "empty", "slow", "refused", "lost")
    return [
        Makes(rng.randrange(REQUESTS), rng.choice((1, 1, 1, 2)), rng.choice(results))
        for _ in range(rng.randint(1, 4))
    ]


def _sizes(rng: random.Random) -> list[Fault]:
    return [Size(rng.randrange(REQUESTS), rng.random() < 0.5) for _ in range(rng.randint(1, 3))]


def _clocks(rng: random.Random) -> list[Fault]:
    return [
        ClockJumps(rng.randint(1, 3), _between(rng, 0, 200), _between(rng, -5, 5))
        for _ in range(rng.randint(1, 2))
    ]


_KINDS = (
    _terminations,
    _pauses,
    _overlaps,
    _spoilt,
    _spoilt,
    _in_flight,
    _settling,
    _hurried,
    _locked_at_start,
    _outages,
    _database,
    _commits,
    _dispatches,
    _tokens,
    _amnesia,
    _placeholders,
    _wishes,
    _channels,
    _results,
    _sizes,
    _clocks,
)

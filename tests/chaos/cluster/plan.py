"""What is done to the cluster, drawn from the seed before anything begins."""

import random
from dataclasses import dataclass
from enum import Enum

from chaos.cluster.line import Cut

LEASE_SECONDS = 15.0
"""After which others take a silent worker for gone, and its requests over within some 5 s more."""
PAST_THE_LEASE_SECONDS = (LEASE_SECONDS + 6.0, LEASE_SECONDS + 9.0)
WITHIN_THE_LEASE_SECONDS = (0.3, 8.0)

CUT_SECONDS = (0.3, 8.0)
CRASHED_SECONDS = (0.2, 6.0)
PAUSE_SECONDS = (0.2, 3.5)
"""Between two strikes; what they begin goes on beside the next ones."""
DOWN_SECONDS = (0.2, 3.0)
LONG_DOWN_SECONDS = (8.0, 25.0)
LONG_DOWN_SHARE = 0.2
"""Of the killed that are missed for so long that nobody can take them for slow."""


class Way(Enum):
    """How a process ends, or is disturbed; the value is what the table calls it."""

    KILLED = "kill -9 of one process"
    TERMINATED = "SIGTERM of one process"
    ALL_WORKERS = "kill -9 of all workers, with others in line"
    CRASHED = "PostgreSQL killed (SIGQUIT) and started again"
    STOPPED = "SIGSTOP past the lease, then SIGCONT"
    BLINKED = "SIGSTOP within the lease, then SIGCONT"
    CUT_ONE_LONG = "one process cut off past the lease"
    CUT_ONE = "one process cut off from PostgreSQL"
    CUT_ALL = "all processes cut off from PostgreSQL"


_ENDS_ONE = (Way.KILLED, Way.TERMINATED, Way.CRASHED)
_END_WEIGHTS = (6, 3, 1)

_KILLS_FOR_EACH = {Way.BLINKED: 6, Way.CUT_ALL: 6, Way.CUT_ONE: 6, Way.STOPPED: 10, Way.CUT_ONE_LONG: 12}
"""How many kills there are for one of these, which end no process; each comes once at least."""

KILLS_FOR_ALL_WORKERS = 20
"""Since it is prepared in peace, it is dealt out once for so many kills."""

LONG = {Way.STOPPED, Way.CUT_ONE_LONG}


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that is done.

    Attributes:
        after_seconds: how long everybody is left alone first.
        victim: which process, counted over those that nothing is being done to.
        lasts_seconds: from the trouble's begin to its end.
        down_seconds: how long until a process that was ended is started again.
        cut: how lines fail.
    """

    way: Way
    after_seconds: float
    victim: int
    lasts_seconds: float
    down_seconds: float
    cut: Cut


def draw_plan(seed: int, kills: int, workers: int, *, long: bool = True) -> list[Strike]:
    """Return the strikes: `kills` processes end by them altogether, PostgreSQL's counted too.

    Args:
        workers: how many there are.
        long: whether to also stop and cut off processes for longer than the lease.
    """
    dice = random.Random(f"{seed} cluster")
    ways: list[Way] = []
    left = kills
    for _ in range(kills // KILLS_FOR_ALL_WORKERS):
        ways.append(Way.ALL_WORKERS)
        left -= workers
    # Each kind of end once, as far as there is room.
    firsts = dice.sample(_ENDS_ONE, min(left, len(_ENDS_ONE)))
    ways += firsts
    ways += dice.choices(_ENDS_ONE, _END_WEIGHTS, k=left - len(firsts))
    for way, for_kills in _KILLS_FOR_EACH.items():
        if long or way not in LONG:
            ways += [way] * max(1, kills // for_kills)
    dice.shuffle(ways)
    return [_strike(dice, way) for way in ways]


def ended_by(strike: Strike, workers: int) -> int:
    """Return how many processes end by it."""
    if strike.way is Way.ALL_WORKERS:
        return workers
    return int(strike.way in _ENDS_ONE)


def _strike(dice: random.Random, way: Way) -> Strike:
    lasts = {
        Way.STOPPED: PAST_THE_LEASE_SECONDS,
        Way.CUT_ONE_LONG: PAST_THE_LEASE_SECONDS,
        Way.BLINKED: WITHIN_THE_LEASE_SECONDS,
        Way.CRASHED: CRASHED_SECONDS,
    }.get(way, CUT_SECONDS)
    long_down = way is Way.KILLED and dice.random() < LONG_DOWN_SHARE
    return Strike(
        way,
        after_seconds=dice.uniform(*PAUSE_SECONDS),
        victim=dice.randrange(1_000),
        lasts_seconds=dice.uniform(*lasts),
        down_seconds=dice.uniform(*(LONG_DOWN_SECONDS if long_down else DOWN_SECONDS)),
        cut=dice.choice(list(Cut)),
    )

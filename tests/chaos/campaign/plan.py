"""What is done to the bot, drawn from the seed before anything begins."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chaos.campaign.windows import WINDOWS, Effect, Moment, Window

NAMED_SHARE = 0.8
"""Kills at named windows; the others fall anywhere."""

TOKEN_LIFETIME_SECONDS = 15 * 60.0

LATEST_STARTING_SECONDS = 1.2
"""A start takes about 0.8 s until the gateway is ready; a little later recovery is at work."""

JUMP_PROBABILITY = 0.15
DOWN_PROBABILITY = 0.3
LONGEST_DOWN_SECONDS = 1.5


class Way(Enum):
    """How a process of the bot ends, or is disturbed; the value is what the table calls it."""

    WINDOW = "kill -9 in a named window"
    RANDOM = "kill -9 at a random time"
    STARTING = "kill -9 during the start"
    TERMINATED = "SIGTERM, the next already starting"
    FROZEN_KILLED = "SIGSTOP, then kill -9"
    FROZEN = "SIGSTOP, then SIGCONT"

    @property
    def is_kill(self) -> bool:
        """Whether a process ends by it."""
        return self is not Way.FROZEN


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that is done to the bot.

    Attributes:
        where: the window or moment, for `Way.WINDOW`.
        after_seconds: how long the bot is left alone first: since it was ready, or since its start.
        frozen_seconds: between SIGSTOP and what follows.
        down_seconds: how long no bot runs afterwards.
        jump_seconds: how far the sandbox's clock is moved on meanwhile.
    """

    way: Way
    where: Window | Moment | None = None
    after_seconds: float = 0.0
    frozen_seconds: float = 0.0
    down_seconds: float = 0.0
    jump_seconds: float = 0.0

    @property
    def kills(self) -> int:
        """How many processes end by it."""
        if isinstance(self.where, Window):
            return self.where.kills
        return int(self.way.is_kill)

    @property
    def name(self) -> str:
        """What the progress line calls it."""
        if self.where is None:
            return self.way.value
        return self.where.name if isinstance(self.where, Window) else self.where.value


def draw_plans(seed: int, kills: int, jobs: int, freezes_seconds: tuple[float, ...]) -> list[list[Strike]]:
    """Return for each of `jobs` campaigns its strikes: `kills` altogether, every window once if there is room.

    Args:
        freezes_seconds: the lengths of SIGSTOPs that are survived; dealt to the campaigns in turn.
    """
    dice = random.Random(seed)
    deck = _deck(dice)
    plans: list[list[Strike]] = []
    for job in range(jobs):
        share = kills // jobs + (job < kills % jobs)
        strikes = _strikes(dice, deck, share)
        strikes += [_freeze(dice, seconds) for seconds in freezes_seconds[job::jobs]]
        dice.shuffle(strikes)
        plans.append(strikes)
    return plans


def _deck(dice: random.Random) -> Iterator[Window | Moment]:
    """Deal all windows and moments in a random order, again and again."""
    while True:
        cards: list[Window | Moment] = [*WINDOWS, *Moment]
        dice.shuffle(cards)
        yield from cards


def _strikes(dice: random.Random, deck: Iterator[Window | Moment], kills: int) -> list[Strike]:
    strikes: list[Strike] = []
    left = kills
    named = round(kills * NAMED_SHARE)
    while named > 0 and left > 0:
        where = next(deck)
        if isinstance(where, Window) and where.kills > left:
            where = where.after or where
        # A call that lands a second later must not land a quarter of an hour later by the world's clock.
        lands_late = isinstance(where, Window) and where.effect is Effect.LATER
        jump_seconds = 0.0 if lands_late else _jump(dice)
        strike = Strike(Way.WINDOW, where, down_seconds=_down(dice), jump_seconds=jump_seconds)
        strikes.append(strike)
        named -= strike.kills
        left -= strike.kills
    strikes += [_anywhere(dice) for _ in range(left)]
    return strikes


def _anywhere(dice: random.Random) -> Strike:
    ways = (Way.RANDOM, Way.STARTING, Way.TERMINATED, Way.FROZEN_KILLED)
    (way,) = dice.choices(ways, (4, 3, 3, 1))
    after = dice.uniform(0.0, LATEST_STARTING_SECONDS) if way is Way.STARTING else dice.uniform(0.1, 2.5)
    return Strike(
        way,
        after_seconds=after,
        frozen_seconds=dice.uniform(0.5, 4.0) if way is Way.FROZEN_KILLED else 0.0,
        down_seconds=0.0 if way is Way.TERMINATED else _down(dice),
        jump_seconds=0.0 if way is Way.TERMINATED else _jump(dice),
    )


def _freeze(dice: random.Random, seconds: float) -> Strike:
    return Strike(Way.FROZEN, after_seconds=dice.uniform(0.5, 2.0), frozen_seconds=seconds)


def _down(dice: random.Random) -> float:
    return dice.uniform(0.2, LONGEST_DOWN_SECONDS) if dice.random() < DOWN_PROBABILITY else 0.0


def _jump(dice: random.Random) -> float:
    """Return how far time moves on while no bot runs: sometimes so far that every open request's token is dead."""
    if dice.random() >= JUMP_PROBABILITY:
        return 0.0
    return dice.uniform(0.9, 1.2) * TOKEN_LIFETIME_SECONDS

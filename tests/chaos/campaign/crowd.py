"""The members who keep asking, whatever becomes of the bot."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from chaos.campaign.plan import TOKEN_LIFETIME_SECONDS
from veobot.sandbox.client import SandboxClient, SandboxError
from veobot.sandbox.ledger import JsonValue

MEMBERS = ("mira", "jonas", "aiko", "tomás", "priya", "sven", "lea", "omar")
CHANNELS = ("video-lab", "general", "after-dark", "storyboards")

PAUSE_SECONDS = (2.0, 9.0)
"""Between two commands of one member: with eight of them, three commands in two seconds."""

RUSH_SIZE = 16
"""More than there are slots: some of them wait in line."""

USUAL_SECONDS = 0.6
SLOW_SECONDS = 4.0

ENDINGS: tuple[Mapping[str, JsonValue], ...] = (
    {"contains": "forbidden", "result": "filtered"},
    {"contains": "failing", "result": "failed"},
    {"contains": "vanishing", "result": "gone"},
    {"contains": "endless", "result": "hang"},
    {"contains": "empty", "result": "empty_file"},
    {"contains": "missing", "result": "no_videos"},
    {"contains": "slow", "result": "done", "generation_seconds": SLOW_SECONDS},
)
"""How Vertex ends a video, by a word in its prompt."""

_WISHES = ("", "forbidden", "failing", "vanishing", "endless", "empty", "missing", "slow")
_WISH_WEIGHTS = (70, 6, 3, 2, 2, 2, 2, 13)

_AGES_SECONDS = (0.0, TOKEN_LIFETIME_SECONDS + 60.0, TOKEN_LIFETIME_SECONDS - 5.0, 24 * 3600.0 + 300.0)
"""Asked just now; so long ago that the token is dead; that it dies in a moment; that nobody waits any more."""
_AGE_WEIGHTS = (84, 9, 5, 2)

_LINK_ONLY_SHARE = 0.08
_LINK_ONLY_LIMIT_BYTES = 1
"""What the interaction claims as its upload limit: no video is so small, so the member gets a link."""

_TWICE_SHARE = 0.05
"""Commands that the gateway tells twice."""


@dataclass(frozen=True, slots=True)
class Question:
    """One command."""

    member: str
    channel: str
    prompt: str
    asked_seconds_ago: float = 0.0
    attachment_size_limit: int | None = None
    dispatch_times: int = 1


class Crowd:
    """Asks, and counts nothing: the ledger does.

    Args:
        world: where.
        seed: of all that is asked.
    """

    def __init__(self, world: SandboxClient, seed: int) -> None:
        self._world = world
        self._seed = seed
        self._numbers = iter(range(1, 1_000_000))

    async def set_the_stage(self, generation_seconds: float = USUAL_SECONDS) -> None:
        """Let Vertex end videos as their prompts say, after so long where those say nothing of it."""
        await self._world.vertex(generation_seconds=generation_seconds, script=ENDINGS)

    async def keep_asking(self, member: str) -> None:
        """Ask again and again, until cancelled."""
        dice = random.Random(f"{self._seed} {member}")
        while True:
            await asyncio.sleep(dice.uniform(*PAUSE_SECONDS))
            await self.ask(self._question(dice, member))

    async def rush(self, count: int = RUSH_SIZE) -> None:
        """Let many ask at once."""
        await asyncio.gather(
            *(
                self.ask(Question(MEMBERS[i % len(MEMBERS)], CHANNELS[0], self.prompt("")))
                for i in range(count)
            )
        )

    async def probe(self, prompt: str, *, dead_token: bool, channel: str) -> str | None:
        """Ask for what a window is about; return the request's id, None where nobody heard it."""
        age = TOKEN_LIFETIME_SECONDS + 60.0 if dead_token else 0.0
        return await self.ask(Question(MEMBERS[0], channel, prompt, asked_seconds_ago=age))

    async def ask(self, question: Question) -> str | None:
        """Run the command; return its id, None where Discord found no bot to tell, or no such channel."""
        try:
            return await self._world.command(
                question.member,
                question.prompt,
                channel=question.channel,
                asked_seconds_ago=question.asked_seconds_ago,
                attachment_size_limit=question.attachment_size_limit,
                dispatch_times=question.dispatch_times,
            )
        except (SandboxError, aiohttp.ClientError, TimeoutError):
            return None

    def prompt(self, wish: str) -> str:
        """Return a prompt like no other, of which none contains another."""
        adjective = f"{wish} " if wish else ""
        return f"A {adjective}lighthouse number {next(self._numbers):04d} in a storm"

    def _question(self, dice: random.Random, member: str) -> Question:
        (wish,) = dice.choices(_WISHES, _WISH_WEIGHTS)
        (age,) = dice.choices(_AGES_SECONDS, _AGE_WEIGHTS)
        return Question(
            member,
            dice.choice(CHANNELS),
            self.prompt(wish),
            asked_seconds_ago=age,
            attachment_size_limit=_LINK_ONLY_LIMIT_BYTES if dice.random() < _LINK_ONLY_SHARE else None,
            dispatch_times=2 if dice.random() < _TWICE_SHARE else 1,
        )

"""What goes wrong on the wire and in the server while the bot is at work; all of it ends."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import aiohttp

from chaos.campaign.crowd import MEMBERS, Crowd, Question
from chaos.campaign.mishaps import USUAL_HANG_SECONDS, Closing, Mishaps
from chaos.campaign.watch import Watch
from chaos.campaign.windows import (
    CALLBACK,
    CHANNEL_EDIT,
    DOWNLOAD,
    EDIT,
    HISTORY,
    LIST,
    ORIGINAL,
    POLL,
    POST,
    STAT,
    SUBMIT,
    TOKEN,
)
from veobot.sandbox.client import SandboxClient, SandboxError

PAUSE_SECONDS = (0.3, 1.4)
"""Between two mishaps."""

CALM_SHARE = 0.6
"""Of the mishaps that are left out while a probe is on its way to its window."""

MOODY = "moody"
"""The channel in which the bot loses its permissions, and gets them back."""

LOST_PERMISSIONS = ("VIEW_CHANNEL", "SEND_MESSAGES", "ATTACH_FILES")
LOST_SECONDS = (0.5, 3.0)

POP_UP_LIFE_SECONDS = (0.2, 1.5)
"""How long after the last command in it a channel is deleted."""

_CALLS = (CALLBACK, EDIT, POST, CHANNEL_EDIT, ORIGINAL, HISTORY, SUBMIT, POLL, LIST, STAT, DOWNLOAD, TOKEN)
_CALL_WEIGHTS = (8, 14, 6, 3, 4, 4, 5, 8, 5, 4, 8, 3)

_DISTANT = (
    "discord.user.me",
    "discord.gateway.bot",
    "discord.gateway",
    "discord.*",
    "bucket.*",
    "vertex.poll",
)
"""Endpoints of the start, and whole neighbours; never one that would make every submission ambiguous."""

HANG_SECONDS = {CALLBACK: 3.5, EDIT: 7.0, SUBMIT: 7.0, ORIGINAL: 17.0, HISTORY: 17.0}
"""Longer than the bot waits; elsewhere it waits for long, and is let go after `USUAL_HANG_SECONDS`."""

LONGEST_RATE_LIMIT_SECONDS = 1.5


class Weather:
    """Draws one mishap after the other.

    Args:
        world: where.
        crowd: asks in channels that will not last.
        watch: knows the placeholders that can be deleted.
        seed: of all mishaps.
    """

    def __init__(self, world: SandboxClient, crowd: Crowd, watch: Watch, seed: int) -> None:
        self._world = world
        self._crowd = crowd
        self._watch = watch
        self._dice = random.Random(f"{seed} weather")
        self._calm = False
        self._moody_id = ""
        self._pop_ups = 0
        self.mishaps = Mishaps()

    async def set_the_stage(self) -> None:
        """Make the channel in which permissions come and go."""
        self._moody_id = await self._world.create_channel(MOODY)

    async def blow(self) -> None:
        """Let things go wrong until cancelled."""
        while True:
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))
            if not (self._calm and self._dice.random() < CALM_SHARE):
                with suppress(SandboxError, aiohttp.ClientError, TimeoutError):
                    await self._mishap()

    @asynccontextmanager
    async def calm(self) -> AsyncIterator[None]:
        """Let less go wrong, and nothing that began before: the one call that is held open must be reached.

        It is, once it is made: the sandbox lets the oldest fault that fits strike.
        """
        self._calm = True
        await self._world.clear_faults()
        try:
            yield
        finally:
            self._calm = False

    async def clear_up(self) -> None:
        """End everything that still goes wrong."""
        await self._world.clear_faults()
        await self._world.gateway("accept")
        await self._world.change_channel(MOODY, allow=LOST_PERMISSIONS)
        now = await self._now()
        for closing in self.mishaps.closings:
            if closing.until is None and not closing.deleted:
                closing.until = now

    async def _mishap(self) -> None:
        kinds = (
            self._on_the_wire,
            self._far_away,
            self._gateway,
            self._permissions,
            self._pop_up,
            self._delete,
        )
        (kind,) = self._dice.choices(kinds, (60, 12, 6, 9, 6, 7))
        await kind()

    async def _on_the_wire(self) -> None:
        (endpoint,) = self._dice.choices(_CALLS, _CALL_WEIGHTS)
        await self._fault(endpoint)

    async def _far_away(self) -> None:
        endpoint = self._dice.choice(_DISTANT)
        kind = self._dice.choice(("error_before", "drop_before"))
        await self._world.fault(endpoint, kind, status=503, times=self._dice.randint(1, 3))

    async def _fault(self, endpoint: str) -> None:
        dice = self._dice
        times = 1 if endpoint == SUBMIT else dice.randint(1, 3)
        match dice.choice(
            (
                "drop_before",
                "drop_after",
                "hang",
                "truncate",
                "trickle",
                "malformed",
                "429",
                "5xx",
                "5xx_after",
            )
        ):
            case "hang":
                seconds = HANG_SECONDS.get(endpoint, USUAL_HANG_SECONDS)
                await self._world.fault(endpoint, "delay_after", seconds=seconds)
            case "truncate":
                await self._world.fault(endpoint, "truncate", bytes=dice.randint(0, 300), times=times)
            case "trickle":
                await self._world.fault(endpoint, "trickle", bytes=200, seconds=dice.uniform(0.05, 0.4))
            case "429":
                seconds = dice.uniform(0.1, LONGEST_RATE_LIMIT_SECONDS)
                await self._world.fault(endpoint, "rate_limited", seconds=seconds, times=times)
            case "5xx":
                await self._world.fault(
                    endpoint, "error_before", status=dice.choice((500, 502, 503)), times=times
                )
            case "5xx_after":
                await self._world.fault(
                    endpoint, "error_after", status=dice.choice((500, 502, 504)), times=times
                )
            case kind:
                await self._world.fault(endpoint, kind, times=times)

    async def _gateway(self) -> None:
        await self._world.gateway(self._dice.choice(("drop", "drop", "reconnect", "invalidate")))

    async def _permissions(self) -> None:
        """Somebody changes the bot's rights in a channel, and back; members ask there meanwhile."""
        lost = self._dice.choice(LOST_PERMISSIONS)
        await self._ask_in(MOODY, 2)
        closing = Closing(self._moody_id, since=await self._now())
        self.mishaps.closings.append(closing)
        await self._world.change_channel(MOODY, deny=[lost])
        try:
            await asyncio.sleep(self._dice.uniform(*LOST_SECONDS))
        finally:
            await self._world.change_channel(MOODY, allow=[lost])
        closing.until = await self._now()

    async def _pop_up(self) -> None:
        """A channel is made, asked in, and deleted."""
        self._pop_ups += 1
        name = f"pop-up-{self._pop_ups}"
        channel_id = await self._world.create_channel(name)
        await self._ask_in(name, 2)
        await asyncio.sleep(self._dice.uniform(*POP_UP_LIFE_SECONDS))
        self.mishaps.closings.append(Closing(channel_id, since=await self._now(), deleted=True))
        await self._world.delete_channel(name)

    async def _ask_in(self, channel: str, count: int) -> None:
        for _ in range(count):
            age = self._dice.choice((0.0, 0.0, 16 * 60.0))
            prompt = self._crowd.prompt("")
            await self._crowd.ask(
                Question(self._dice.choice(MEMBERS), channel, prompt, asked_seconds_ago=age)
            )

    async def _now(self) -> datetime:
        """Return the sandbox's time."""
        match (await self._world.state())["clock"]:
            case {"now": str(now)}:
                return datetime.fromisoformat(now)
            case clock:
                raise TypeError(f"The sandbox's clock shows no time: {clock}")

    async def _delete(self) -> None:
        """A member deletes a placeholder: most likely of a request that is still under way."""
        recent = [entry for entry in self._watch.entries[-200:] if entry.kind == "acknowledged"]
        if recent:
            message_id = str(self._dice.choice(recent[-4:]).fields["message_id"])
            await self._world.delete_message(message_id)
            self.mishaps.deleted_messages.add(message_id)

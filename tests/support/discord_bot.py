"""The Discord side of the bot alone, connected to a sandbox: a real discord.py, and a door that a test scripts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import discord
import pytest

from support.clock import RealClock
from support.event_log import RecordingLog
from veobot.bot.client import VeobotClient, use_api
from veobot.bot.commands import VeoCommand
from veobot.bot.messenger import DiscordMessenger
from veobot.core.admission import Place, Refusal
from veobot.core.door import Unavailable
from veobot.core.errors import AlreadyKnown
from veobot.core.limits import Limits
from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.progress import Progress, Waiting
from veobot.core.request import OptionDefaults, Placeholder, RequestId, VideoRequest
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

WAIT_SECONDS = 15.0
DEFAULTS = OptionDefaults(
    model=DEFAULT_MODEL_ID,
    location="us-central1",
    person_generation="allow_adult",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
)


@dataclass
class ScriptedDoor:
    """Lets everybody in once unless told otherwise, and remembers who asked."""

    answer: Refusal | Unavailable | None = None
    error: Exception | None = None
    asked: list[tuple[VideoRequest, Place]] = field(default_factory=list)

    async def admit(self, request: VideoRequest, place: Place) -> Refusal | Unavailable | None:
        known = any(earlier.id == request.id for earlier, _ in self.asked)
        self.asked.append((request, place))
        if known:
            raise AlreadyKnown
        if self.error is not None:
            raise self.error
        return self.answer


@dataclass
class RecordingAcceptance:
    """Remembers, in order, what the command handed over."""

    events: list[str] = field(default_factory=list)
    placeholders: dict[RequestId, Placeholder] = field(default_factory=dict)
    requests: "asyncio.Queue[VideoRequest]" = field(default_factory=asyncio.Queue)
    error: Exception | None = None
    broken_forecast: bool = False

    async def forecast(self, request: VideoRequest) -> Progress:
        if self.broken_forecast:
            raise RuntimeError("broken")
        return Waiting(3, request.created_at + timedelta(minutes=2))

    async def acknowledged(self, request_id: RequestId, placeholder: Placeholder) -> None:
        self.events.append("acknowledged")
        if self.error is not None:
            raise self.error
        self.placeholders[request_id] = placeholder

    def accepted(self, request: VideoRequest) -> None:
        self.events.append("accepted")
        self.requests.put_nowait(request)


@dataclass
class DiscordBot:
    """The connected bot and everything a test looks at."""

    sandbox: SandboxClient
    client: VeobotClient
    clock: RealClock
    log: RecordingLog
    door: ScriptedDoor
    acceptance: RecordingAcceptance
    messenger: DiscordMessenger
    dates: list[str]

    async def ask(
        self,
        prompt: str = "A red fox running through fresh snow at dawn",
        *,
        member: str = "mira",
        channel: str = "video-lab",
        asked_seconds_ago: float = 0.0,
    ) -> VideoRequest:
        """Let a member ask, and return the request with its placeholder, as the core would have it."""
        await self.sandbox.command(member, prompt, channel=channel, asked_seconds_ago=asked_seconds_ago)
        async with asyncio.timeout(WAIT_SECONDS):
            request = await self.acceptance.requests.get()
        return _with_placeholder(request, self.acceptance.placeholders.get(request.id))

    async def jump(self, **span: float) -> None:
        """Move Discord's time and the bot's."""
        await self.sandbox.clock(jump_seconds=timedelta(**span).total_seconds())
        self.clock.ahead += timedelta(**span)

    async def entries(self, kind: str) -> list[Entry]:
        """Return what the world saw, of one kind."""
        return await self.sandbox.ledger(kind=kind)


def _with_placeholder(request: VideoRequest, placeholder: Placeholder | None) -> VideoRequest:
    return replace(request, placeholder=placeholder, acknowledged_at=request.created_at)


@asynccontextmanager
async def connect_bot(
    sandbox: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
    *,
    on_first_ready: Callable[[], Awaitable[None]] | None = None,
    defaults: OptionDefaults = DEFAULTS,
) -> AsyncIterator[DiscordBot]:
    """Connect a bot and wait until its commands are registered."""
    # The addresses are discord.py's class attributes: put back afterwards for the tests of other servers.
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    )
    use_api(sandbox.environment["VEOBOT_DISCORD_API_URL"], sandbox.environment["VEOBOT_DISCORD_GATEWAY_URL"])
    log, clock, dates = RecordingLog(), RealClock(), list[str]()
    door, acceptance = ScriptedDoor(), RecordingAcceptance()

    async def nothing() -> None:
        pass

    client = VeobotClient(log, observe_date=dates.append, on_first_ready=on_first_ready or nothing)
    client.add_command(VeoCommand(door, acceptance, defaults, log).build())
    messenger = DiscordMessenger(client, clock, log, limits=Limits(), started_at=datetime.now(UTC))
    running = asyncio.create_task(client.start(sandbox.environment["VEOBOT_DISCORD_TOKEN"]))
    try:
        await sandbox.wait_for(kind="commands")
        yield DiscordBot(sandbox, client, clock, log, door, acceptance, messenger, dates)
    finally:
        await client.close()
        await asyncio.wait([running])

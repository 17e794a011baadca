"""The Discord side of the bot alone, connected to a sandbox: a real discord.py, and the core's door."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
import pytest

from simulation.neighbours import ScriptedBucket
from support.clock import RealClock
from support.door import PLENTY, RecordingQueue, ScriptedStore, WatchedDoor, a_door
from support.event_log import RecordingLog
from veobot.bot.client import VeobotClient, use_api
from veobot.bot.in_hand import InHand
from veobot.bot.messenger import DiscordMessenger
from veobot.bot.offering import offer
from veobot.core.admission import AdmissionPolicy
from veobot.core.fresh_links import FreshLinks
from veobot.core.limits import Limits
from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.own_requests import OwnRequests
from veobot.core.request import OptionDefaults, VideoRequest
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry
from veobot.store.own_requests import SqlMemberRecords
from veobot.store.prompt import PromptDatabase
from veobot.store.sqlite import SqliteDatabase

WAIT_SECONDS = 15.0
LOOK_UP_SECONDS = 0.5
DEFAULTS = OptionDefaults(
    model=DEFAULT_MODEL_ID,
    models=(DEFAULT_MODEL_ID, "veo-3.1-lite-generate-001"),
    location="us-central1",
    person_generation="allow_adult",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
)


@dataclass
class DiscordBot:
    """The connected bot and everything a test looks at."""

    sandbox: SandboxClient
    client: VeobotClient
    clock: RealClock
    log: RecordingLog
    door: WatchedDoor
    store: ScriptedStore
    queue: RecordingQueue
    messenger: DiscordMessenger
    dates: list[str]
    bucket: ScriptedBucket
    database: SqliteDatabase

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
            request_id, _ = await self.queue.submitted.get()
        request = await self.store.get(request_id)
        return replace(request, acknowledged_at=request.created_at)

    async def jump(self, **span: float) -> None:
        """Move Discord's time and the bot's."""
        await self.sandbox.clock(jump_seconds=timedelta(**span).total_seconds())
        self.clock.ahead += timedelta(**span)

    async def entries(self, kind: str) -> list[Entry]:
        """Return what the world saw, of one kind."""
        return await self.sandbox.ledger(kind=kind)


@asynccontextmanager
async def connect_bot(
    sandbox: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
    *,
    on_first_ready: Callable[[], Awaitable[None]] | None = None,
    defaults: OptionDefaults = DEFAULTS,
    directory: Path | None = None,
    policy: AdmissionPolicy = PLENTY,
) -> AsyncIterator[DiscordBot]:
    """Connect a bot and wait until its commands are registered; `directory` keeps its rows for another one."""
    # The addresses are discord.py's class attributes: put back afterwards for the tests of other servers.
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    )
    use_api(sandbox.environment["VEOBOT_DISCORD_API_URL"], sandbox.environment["VEOBOT_DISCORD_GATEWAY_URL"])
    log, clock, dates = RecordingLog(), RealClock(), list[str]()

    async def nothing() -> None:
        pass

    client = VeobotClient(log, observe_date=dates.append, on_first_ready=on_first_ready or nothing)
    messenger = DiscordMessenger(client, clock, log, limits=Limits(), started_at=datetime.now(UTC))
    events: list[str] = []
    temporary = TemporaryDirectory(prefix="veobot-")
    database = SqliteDatabase((directory or Path(temporary.name)) / "veobot.db", sleep=asyncio.sleep)
    store, queue = ScriptedStore(database, events), RecordingQueue(events)
    door = a_door(store, queue, messenger, clock, log)
    bucket = ScriptedBucket()
    links = FreshLinks(bucket, clock, log, Limits().link_lifetime)
    records = SqlMemberRecords(PromptDatabase(database, LOOK_UP_SECONDS))
    offer(client, door, OwnRequests(records, links, clock, policy), defaults, log, in_hand=InHand())
    running = asyncio.create_task(client.start(sandbox.environment["VEOBOT_DISCORD_TOKEN"]))
    try:
        await sandbox.wait_for(kind="commands")
        yield DiscordBot(sandbox, client, clock, log, door, store, queue, messenger, dates, bucket, database)
    finally:
        await client.close()
        await asyncio.wait([running])
        database.close()
        temporary.cleanup()

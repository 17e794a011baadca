"""A simulated Discord inside the test's own process, without Vertex and bucket."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Middleware

from support.gateway_client import DEFAULT_INTENTS, Answered, GatewayClient, connect
from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord import DiscordWorld
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.faults import Faults
from veobot.sandbox.ledger import Entry, JsonValue, Ledger

WAIT_SECONDS = 10.0

Json = Mapping[str, JsonValue]


@dataclass
class Reply:
    """A REST answer: its status, its headers, and its JSON (None if it has no body)."""

    status: int
    headers: Mapping[str, str]
    body: JsonValue

    @property
    def json(self) -> Answered:
        """The body, which must be an object."""
        assert isinstance(self.body, dict), self.body
        return self.body

    @property
    def list(self) -> Sequence[Answered]:
        """The body, which must be a list of objects."""
        assert isinstance(self.body, list), self.body
        return self.body

    @property
    def code(self) -> JsonValue:
        """Discord's numeric code, of a refusal."""
        code: JsonValue = self.json["code"]
        return code


@dataclass
class Discord:
    """The world, its clock, its ledger, its faults, and a plain HTTP client with the bot's token."""

    world: DiscordWorld
    clock: SandboxClock
    ledger: Ledger
    faults: Faults
    session: aiohttp.ClientSession
    url: str

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v10"

    @property
    def lab(self) -> str:
        return self.world.channel_ids["video-lab"]

    async def call(
        self,
        method: str,
        path: str,
        body: JsonValue = None,
        *,
        data: object = None,
        token: str | None = None,
    ) -> Reply:
        """Call an endpoint as the bot; `token` replaces the Authorization header."""
        headers = {"Authorization": f"Bot {self.world.bot_token}" if token is None else token}
        request = self.session.request(method, f"{self.api_url}{path}", json=body, data=data, headers=headers)
        async with request as response:
            raw = await response.read()
            value = await response.json() if raw else None
            return Reply(response.status, response.headers, value)

    async def wait_for(self, kind: str, *, after: int = 0, **fields: JsonValue) -> Entry:
        """Return the first ledger entry newer than `after` that is of a kind and has these fields."""
        while True:
            for entry in self.ledger.entries(after):
                if entry.kind == kind and fields.items() <= entry.fields.items():
                    return entry
            last = self.ledger.last_seq
            assert await self.ledger.wait(last, WAIT_SECONDS), f"no {kind} after {WAIT_SECONDS} s"

    def kinds(self, kind: str) -> list[Entry]:
        """Return all ledger entries of a kind."""
        return [entry for entry in self.ledger.entries() if entry.kind == kind]


@asynccontextmanager
async def discord_world(
    directory: Path,
    *,
    limits: RateLimits | None = None,
    middlewares: tuple[Middleware, ...] = (),
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Discord]:
    """Serve a fresh world on a free port of loopback."""
    clock = SandboxClock()
    ledger = Ledger(clock)
    world = DiscordWorld(
        clock, ledger, directory=directory / "attachments", limits=limits, monotonic=monotonic
    )
    faults = Faults(ledger)
    application = web.Application(middlewares=[faults.middleware(), *middlewares])
    application.add_routes(world.routes())

    async def stamp(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = clock.http_date()

    application.on_response_prepare.append(stamp)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    world.public_url = str(server.make_url("")).rstrip("/")
    try:
        async with aiohttp.ClientSession() as session:
            yield Discord(world, clock, ledger, faults, session, world.public_url)
    finally:
        await world.close()
        await server.close()


@asynccontextmanager
async def connected(discord: Discord, *, intents: int = DEFAULT_INTENTS) -> AsyncIterator[GatewayClient]:
    """Identify a bare gateway client, and read on to where it knows its guild."""
    async with connect(discord.session, discord.world.gateway_url, discord.world.bot_token) as client:
        await client.identify(intents=intents)
        await client.event("GUILD_CREATE")
        yield client

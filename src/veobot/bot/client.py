"""The connection to Discord: what discord.py is asked to do, and what not."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from veobot.core.ports import EventLog

from .buttons import Buttons
from .calls import trace
from .registration import register_if_changed
from .tree import VeobotTree

GUILD_READY_TIMEOUT_SECONDS = 0.0
"""Ready with the gateway's READY: whether a channel can be reached is asked by REST, so nobody waits for the cache."""
LONGEST_RATE_LIMIT_SECONDS = 30.0
"""A call that would have to wait longer is given back to the core; the smallest value that discord.py takes."""


Permit = Callable[[], Awaitable[None]]
"""Returns when a call may be made; raises `Retryable` where that is far off."""


def use_api(api_url: str | None, gateway_url: str | None) -> None:
    """Point discord.py to another Discord, before a client is made; None leaves it at the real one.

    Args:
        api_url: `https://discord.com/api/v10`, or what stands in for it.
        gateway_url: `wss://gateway.discord.gg`, or what stands in for it.
    """
    if api_url is not None:
        Route.BASE = api_url.rstrip("/")
    if gateway_url is not None:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class VeobotClient(discord.AutoShardedClient):
    """A discord.py client that sees servers only, remembers nobody, and pings nobody by default.

    Auto-sharded, since it tries a failed first handshake again, where a plain client ends, and since Discord refuses
    an unsharded bot in 2,500 servers or more.

    Args:
        log: gets what goes wrong in the background.
        observe_date: gets the `Date` header of each answer.
        permit: awaited before each call by the bot's token, where other processes make some too; see `calls`.
        on_first_ready: awaited in the background once the gateway is ready for the first time, with all its shards.
        shard_count: how many shards the whole bot has; None asks Discord.
        shard_ids: which of them are this process's; none for all.
        guild_ready_timeout_seconds: how long to wait for servers to fill the cache.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        observe_date: Callable[[str], None],
        on_first_ready: Callable[[], Awaitable[None]],
        permit: Permit | None = None,
        shard_count: int | None = None,
        shard_ids: Collection[int] = (),
        guild_ready_timeout_seconds: float = GUILD_READY_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=guild_ready_timeout_seconds,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT_SECONDS,
            shard_count=shard_count,
            http_trace=trace(observe_date) if permit is None else trace(observe_date, permit),
        )
        self.shard_ids = sorted(shard_ids) or None
        self._log = log
        self._on_first_ready = on_first_ready
        self._background: list[asyncio.Task[None]] = []
        self._buttons: Buttons | None = None
        self.tree = VeobotTree(self, log)

    def add_command(self, command: app_commands.Command[Any, ..., None]) -> None:
        """Offer a command; before the client is started."""
        self.tree.add_command(command)

    def add_buttons(self, buttons: Buttons) -> None:
        """Have the buttons of the bot's messages answered; before the client is started."""
        self._buttons = buttons

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Hand on what is pressed; commands go to the tree."""
        if interaction.type is discord.InteractionType.component and self._buttons is not None:
            await self._buttons.pressed(interaction)

    async def on_ready(self) -> None:
        """Begin, once: what waits for the gateway, and the registration of commands. Neither delays the other."""
        if self._background:
            self._log.info("gateway.ready_again")
            return
        self._log.info("gateway.ready", user=str(self.user), guilds=len(self.guilds))
        self._background = [
            asyncio.create_task(self._watch("first_ready", self._on_first_ready)),
            asyncio.create_task(self._watch("registration", self._register)),
        ]

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Log what an event handler raised."""
        self._log.exception("discord.event_failed", handler=event_method)

    async def close(self) -> None:
        """Leave Discord, and end what runs in the background."""
        for task in self._background:
            task.cancel()
        await super().close()

    async def _register(self) -> None:
        await register_if_changed(self.tree, self._log)

    async def _watch(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001  # the outermost frame of a background task: nobody else would see it
            self._log.exception("background.failed", task=name)

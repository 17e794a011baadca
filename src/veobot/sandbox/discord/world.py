"""One simulated Discord, as the sandbox's server holds it."""

import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord.cdn import Cdn
from veobot.sandbox.discord.connections import CloseCode
from veobot.sandbox.discord.members import MemberActions
from veobot.sandbox.discord.moderators import ModeratorActions
from veobot.sandbox.discord.parts import BOT_TOKEN, Parts
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.discord.rest import Api
from veobot.sandbox.discord.rest_application import ApplicationEndpoints
from veobot.sandbox.discord.rest_channels import ChannelEndpoints
from veobot.sandbox.discord.rest_guilds import GuildEndpoints
from veobot.sandbox.discord.rest_interactions import InteractionEndpoints
from veobot.sandbox.ledger import JsonValue, Ledger


class DiscordWorld(MemberActions, ModeratorActions):
    """One guild with channels and members, its REST routes and its gateway.

    All methods must be called on the server's event loop.

    Args:
        clock: the sandbox's time.
        ledger: what happens is recorded there.
        public_url: the server's own address (http://127.0.0.1:PORT), if it is known already.
        directory: where uploaded files are kept; emptied at the start.
        limits: the rate limits; Discord's if not given.
        seed: makes the interactions' tokens the same in each run.
        monotonic: the source of real seconds, for rate limits and the three seconds of an interaction.
    """

    def __init__(
        self,
        clock: SandboxClock,
        ledger: Ledger,
        public_url: str = "",
        *,
        directory: Path,
        limits: RateLimits | None = None,
        seed: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            Parts(
                clock=clock,
                ledger=ledger,
                public_url=public_url,
                directory=directory,
                limits=limits or RateLimits(monotonic),
                seed=seed,
                monotonic=monotonic,
            )
        )

    @property
    def public_url(self) -> str:
        """The server's own address; to be set before the first client comes."""
        return self._parts.public_url

    @public_url.setter
    def public_url(self, url: str) -> None:
        self._parts.public_url = url

    @property
    def bot_token(self) -> str:
        """The token with which the bot logs in."""
        return BOT_TOKEN

    @property
    def gateway_url(self) -> str:
        """Where the gateway is."""
        return self._parts.gateway_url

    @property
    def application_id(self) -> str:
        """The application's id, which is the bot's user id too."""
        return str(self._parts.state.application_id)

    @property
    def guild_id(self) -> str:
        """The guild's id."""
        return str(self._parts.state.guild.id)

    @property
    def channel_ids(self) -> dict[str, str]:
        """The ids of the guild's channels and threads, by name."""
        channels = [*self._parts.state.guild_channels(), *self._parts.state.threads()]
        return {channel.name: str(channel.id) for channel in channels}

    @property
    def member_ids(self) -> dict[str, str]:
        """The ids of the guild's human members, by name."""
        members = self._parts.state.guild.members.values()
        return {m.user.username: str(m.user.id) for m in members if not m.user.bot}

    def routes(self) -> list[web.RouteDef]:
        """Return every route of REST, gateway and CDN, each with a name of its own."""
        parts = self._parts
        state, payloads = parts.state, parts.payloads
        api = Api(
            clock=parts.clock,
            ledger=parts.ledger,
            limits=parts.limits,
            token=BOT_TOKEN,
            files=parts.files,
            is_attached=state.attachments_known,
        )
        application = ApplicationEndpoints(
            state, payloads, parts.snowflakes, parts.ledger, lambda: parts.gateway_url
        )
        interactions = InteractionEndpoints(state, payloads, parts.interactions, parts.messages, parts.ledger)
        return [
            *application.routes(api),
            *interactions.routes(api),
            *ChannelEndpoints(state, payloads, parts.messages, parts.places).routes(api),
            *GuildEndpoints(state, payloads, parts.places).routes(api),
            *parts.gateway.routes(),
            *Cdn(state).routes(),
        ]

    def state(self) -> dict[str, JsonValue]:
        """Return what the control API tells: ids, gateway sessions, commands, channels, limits."""
        state, payloads = self._parts.state, self._parts.payloads
        channels = [
            payloads.channel(channel)
            | {"bot_permissions": [permission.name for permission in state.bot_permissions(channel)]}
            for channel in state.channels.values()
        ]
        return {
            "guild_id": self.guild_id,
            "application_id": self.application_id,
            "channels": self.channel_ids,
            "members": self.member_ids,
            "gateway_sessions": self._parts.gateway.state(),
            "commands": [payloads.command(command) for command in state.commands.values()],
            "channel_details": channels,
            "upload_limit_bytes": state.guild.upload_limit_bytes,
            "bot_present": state.guild.bot_present,
            "message_count": len(state.messages),
            "attachment_bytes": sum(file.size for file in state.attachments.values()),
        }

    async def reset(self) -> None:
        """Return to the default world: no messages, commands or files, and no sessions (closed with 4000)."""
        await self._parts.gateway.close(CloseCode.UNKNOWN_ERROR)
        self._parts.state.reset()
        self._parts.files.clear()
        self._parts.limits.reset()

    async def close(self) -> None:
        """Let go of every client, at the server's end."""
        await self._parts.gateway.close(CloseCode.UNKNOWN_ERROR)

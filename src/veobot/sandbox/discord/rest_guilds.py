"""Endpoints for guild, members and users."""

from aiohttp import web

from veobot.sandbox.discord import errors
from veobot.sandbox.discord.form import Fields, Form
from veobot.sandbox.discord.model import Guild, Payload
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.places import Places
from veobot.sandbox.discord.ratelimits import CHANNEL_WRITES, READS, Limit
from veobot.sandbox.discord.rest import Api, Call, Endpoint
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue

GUILD = "/guilds/{guild_id}"


class GuildEndpoints:
    """Answers what `/guilds` and `/users` are asked."""

    def __init__(self, state: DiscordState, payloads: Payloads, places: Places) -> None:
        self._state = state
        self._payloads = payloads
        self._places = places

    def routes(self, api: Api) -> list[web.RouteDef]:
        """Return the routes; all want the bot's token. `@me` comes before `{user_id}`."""
        table: list[tuple[str, str, Endpoint, str, Limit]] = [
            ("GET", "/users/@me", self.own_user, "discord.user.me", READS),
            ("GET", "/users/@me/guilds", self.own_guilds, "discord.user.guilds", READS),
            ("POST", "/users/@me/channels", self.create_dm, "discord.dm.create", CHANNEL_WRITES),
            ("GET", "/users/{user_id}", self.user, "discord.user.get", READS),
            ("GET", GUILD, self.guild, "discord.guild.get", READS),
            ("GET", f"{GUILD}/channels", self.channels, "discord.guild.channels", READS),
            ("GET", f"{GUILD}/members/{{user_id}}", self.member, "discord.member.get", READS),
        ]
        return [
            api.route(method, path, endpoint, name=name, limit=limit)
            for method, path, endpoint, name, limit in table
        ]

    async def own_user(self, _call: Call) -> JsonValue:
        """GET the bot's account."""
        return self._payloads.own_user()

    async def own_guilds(self, _call: Call) -> JsonValue:
        """GET the guilds the bot is in."""
        guild = self._state.guild
        if not guild.bot_present:
            return []
        permissions = self._state.base_permissions(guild.members[self._state.bot.id].roles)
        listed: Payload = {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(permissions.value),
            "features": list(guild.features),
        }
        return [listed]

    async def create_dm(self, call: Call) -> JsonValue:
        """POST that the bot wants a private channel with a user."""
        form = Form()
        recipient_id = Fields(await call.body(), form).snowflake("recipient_id", required=True)
        form.check()
        user = self._state.users.get(recipient_id or 0)
        if user is None:
            raise errors.unknown_user()
        return self._payloads.channel(self._places.private_channel(user))

    async def user(self, call: Call) -> JsonValue:
        """GET somebody's account."""
        user = self._state.users.get(call.id("user_id"))
        if user is None:
            raise errors.unknown_user()
        return self._payloads.user(user)

    async def guild(self, call: Call) -> JsonValue:
        """GET the guild, with its counts if asked for."""
        guild = self._guild(call)
        counts: Payload = {}
        if call.query_flag("with_counts"):
            counts = {
                "approximate_member_count": len(guild.members),
                "approximate_presence_count": len(guild.members),
            }
        return self._payloads.guild(guild) | counts

    async def channels(self, call: Call) -> JsonValue:
        """GET the guild's channels, which do not include its threads."""
        self._guild(call)
        return [self._payloads.channel(channel) for channel in self._state.guild_channels()]

    async def member(self, call: Call) -> JsonValue:
        """GET a member of the guild."""
        member = self._guild(call).members.get(call.id("user_id"))
        if member is None:
            raise errors.unknown_member()
        return self._payloads.member(member)

    def _guild(self, call: Call) -> Guild:
        guild = self._state.guild
        if call.id("guild_id") != guild.id:
            raise errors.unknown_guild()
        if not guild.bot_present:
            raise errors.missing_access()
        return guild

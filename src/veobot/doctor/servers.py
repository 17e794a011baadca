"""Whether the bot is in a server, and may do what it must in each channel where members may use it."""

import asyncio
from dataclasses import dataclass

import discord

from veobot.bot.calls import one_call
from veobot.bot.client import VeobotClient
from veobot.bot.failures import NO_ACCESS, UNKNOWN_CHANNEL
from veobot.config import Settings
from veobot.core.errors import Unreachable
from veobot.core.request import ChannelId

from .findings import Finding, not_tried, ok, wrong
from .visitor import DISCORD_TIMEOUT_SECONDS

NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""What the bot does in a channel; what the invite link asks for."""

SHOWN_SERVERS = 20
"""How many servers are examined where all channels are allowed: three calls each."""

_NAMES = {
    "view_channel": "View Channel",
    "read_messages": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
}
"""As the channel's settings in Discord show them; discord.py also knows the first under an older name."""

_SERVERS, _CHANNELS = "Servers", "Channels"


@dataclass(frozen=True, slots=True)
class _Server:
    guild: discord.Guild
    me: discord.Member
    channels: dict[int, discord.abc.GuildChannel]


def invite_link(application_id: int | None) -> str:
    """Return the page that brings the bot into a server, with the permissions it needs."""
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(application_id or 0, permissions=NEEDED, scopes=scopes)


async def server_findings(client: VeobotClient, settings: Settings) -> list[Finding]:
    """Examine servers and channels. The client must be logged in. Raises as `one_call`."""
    async with one_call(DISCORD_TIMEOUT_SECONDS):
        guilds = [guild async for guild in client.fetch_guilds(limit=SHOWN_SERVERS + 1, with_counts=False)]
    if not guilds:
        fix = f"Open {invite_link(client.application_id)} and choose your server."
        return [
            wrong(_SERVERS, "The bot is in no server.", fix),
            not_tried(_CHANNELS, "the bot is in no server"),
        ]
    membership = ok(_SERVERS, _membership(guilds))
    if not settings.allowed_channels:
        servers = await asyncio.gather(*(_fetch(client, guild.id) for guild in guilds[:SHOWN_SERVERS]))
        found = [_server_wide(server, settings) for server in servers]
    else:
        found = await _allowed_channels(client, settings)
    return [membership, *found]


def _membership(guilds: list[discord.Guild]) -> str:
    names = ", ".join(guild.name for guild in guilds[:SHOWN_SERVERS])
    if len(guilds) > SHOWN_SERVERS:
        return f"The bot is in more than {SHOWN_SERVERS} servers, of which these are looked at: {names}."
    count = "1 server" if len(guilds) == 1 else f"{len(guilds)} servers"
    return f"The bot is in {count}: {names}."


async def _allowed_channels(client: VeobotClient, settings: Settings) -> list[Finding]:
    servers: dict[int, _Server] = {}
    findings: list[Finding] = []
    for channel_id in sorted(settings.allowed_channels):
        try:
            async with one_call(DISCORD_TIMEOUT_SECONDS):
                channel = await client.fetch_channel(channel_id)
        except Unreachable as error:
            findings.append(_unreachable(channel_id, error, client))
            continue
        if isinstance(channel, discord.abc.PrivateChannel | discord.CategoryChannel):
            fix = "Name text channels in VEOBOT_ALLOWED_CHANNELS: right-click one, Copy Channel ID."
            sentence = (
                f"{channel_id} in VEOBOT_ALLOWED_CHANNELS is no channel of a server where one can write."
            )
            findings.append(wrong(_CHANNELS, sentence, fix))
            continue
        guild_id = channel.guild.id
        if guild_id not in servers:
            servers[guild_id] = await _fetch(client, guild_id)
        findings += _one_channel(servers[guild_id], channel, settings)
    return findings


async def _fetch(client: VeobotClient, guild_id: int) -> _Server:
    assert client.user is not None, "known from the login on"
    async with one_call(DISCORD_TIMEOUT_SECONDS):
        guild = await client.fetch_guild(guild_id, with_counts=False)
        me = await guild.fetch_member(client.user.id)
        channels = await guild.fetch_channels()
    return _Server(guild, me, {channel.id: channel for channel in channels})


def _unreachable(channel_id: ChannelId, error: Unreachable, client: VeobotClient) -> Finding:
    match error.discord_code:
        case code if code == UNKNOWN_CHANNEL:
            return wrong(
                _CHANNELS,
                f"There is no channel {channel_id}, which VEOBOT_ALLOWED_CHANNELS names.",
                "Correct VEOBOT_ALLOWED_CHANNELS: in Discord, right-click the channel, Copy Channel ID.",
            )
        case code if code == NO_ACCESS:
            return wrong(
                _CHANNELS,
                f"The bot may not see the channel {channel_id}, which VEOBOT_ALLOWED_CHANNELS names.",
                "In Discord: Edit Channel, Permissions, allow the bot's role View Channel. If the bot is not in the "
                f"channel's server: {invite_link(client.application_id)}",
            )
        case code:
            sentence = f"Discord does not show the channel {channel_id} (code {code}), which is allowed."
            return wrong(_CHANNELS, sentence, "Look at the channel's permissions in Discord.")


def _one_channel(
    server: _Server, channel: discord.abc.GuildChannel | discord.Thread, settings: Settings
) -> list[Finding]:
    """Examine one channel; a thread by the channel it is in, whose rights and age restriction it has."""
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    place = server.channels.get(parent_id)
    where = f"#{channel.name} ({server.guild.name})"
    check = f"Permissions in {where}"
    if place is None:
        fix = "In Discord: Edit Channel, Permissions, allow the bot's role View Channel."
        return [wrong(check, f"The bot may not see the channel around {where}.", fix)]
    missing = _missing(place.permissions_for(server.me))
    if missing:
        fix = f"In Discord: #{place.name}, Edit Channel, Permissions, the bot's role: allow {', '.join(missing)}."
        findings = [wrong(check, f"In {where} the bot lacks {', '.join(missing)}.", fix)]
    else:
        findings = [ok(check, f"In {where} the bot has every permission it needs.")]
    if settings.age_restricted_only:
        findings.append(_age_finding(place, where))
    return findings


def _age_finding(place: discord.abc.GuildChannel, where: str) -> Finding:
    check = f"Age restriction of {where}"
    if _is_age_restricted(place):
        return ok(check, f"{where} is age-restricted, as VEOBOT_AGE_RESTRICTED_ONLY demands.")
    return wrong(
        check,
        f"{where} is not age-restricted, so VEOBOT_AGE_RESTRICTED_ONLY keeps /veo out of it.",
        f"In Discord: #{place.name}, Edit Channel, Overview, switch Age-Restricted Channel on; or take the channel out "
        "of VEOBOT_ALLOWED_CHANNELS.",
    )


def _server_wide(server: _Server, settings: Settings) -> Finding:
    """Examine a server all of whose channels are allowed."""
    name = server.guild.name
    check = f"Permissions in {name}"
    missing = _missing(server.me.guild_permissions)
    if missing:
        fix = f"In Discord: Server Settings of {name}, Roles, the bot's role, Permissions: allow {', '.join(missing)}."
        return wrong(check, f"In the server {name} the bot lacks {', '.join(missing)}.", fix)
    if settings.age_restricted_only and not any(map(_is_age_restricted, server.channels.values())):
        fix = "In Discord: Edit Channel, Overview, switch Age-Restricted Channel on where videos are wanted."
        sentence = f"VEOBOT_AGE_RESTRICTED_ONLY is on, and no channel of {name} is age-restricted."
        return wrong(check, sentence, fix)
    return ok(check, f"In the server {name} the bot has every permission it needs.")


def _missing(permissions: discord.Permissions) -> list[str]:
    """Name the missing permissions; without View Channel only that, since it takes all others along."""
    missing = [_NAMES[name] for name, needed in NEEDED if needed and not getattr(permissions, name)]
    return missing[:1] if "View Channel" in missing[:1] else missing


def _is_age_restricted(channel: object) -> bool:
    return bool(getattr(channel, "nsfw", False))

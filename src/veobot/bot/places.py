"""Where the bot can write and read, asked by REST: the cache is empty right after a start."""

import discord

from veobot.core.errors import Unreachable
from veobot.core.request import VideoRequest

from .failures import NO_PERMISSION, OPEN_THE_THREAD, THREAD_LOCKED

Messageable = discord.abc.GuildChannel | discord.Thread


async def require_writable(client: discord.Client, request: VideoRequest) -> None:
    """Raise `Unreachable` (or what `one_call` makes of Discord's refusal) if the bot cannot tell anything there.

    One call where the gateway's cache already says yes; its no is not believed, but asked for by REST.
    """
    channel = await client.fetch_channel(request.channel_id)
    guild = client.get_guild(request.guild_id)
    if guild is not None and not guild.unavailable and _permits_writing(guild.me, channel):
        return
    place, permissions = await _permissions(client, request)
    if not _can_post(place, permissions):
        raise Unreachable("The bot lacks View Channel or Send Messages there", discord_code=NO_PERMISSION)
    if _is_closed(place, permissions):
        raise Unreachable(
            "The thread is archived and locked, and the bot lacks Manage Threads there",
            discord_code=THREAD_LOCKED,
            fix=OPEN_THE_THREAD,
        )


async def may_read_history(client: discord.Client, request: VideoRequest) -> bool:
    """Return whether the bot may read the channel's history; without it Discord answers with an empty one."""
    _, permissions = await _permissions(client, request)
    return permissions.read_message_history


async def _permissions(
    client: discord.Client, request: VideoRequest
) -> tuple[Messageable, discord.Permissions]:
    """Ask for the guild's roles, the bot's own, and the channel's overwrites; a thread has its parent's."""
    assert client.user is not None, "the client is logged in"
    guild = await client.fetch_guild(request.guild_id, with_counts=False)
    me = await guild.fetch_member(client.user.id)
    channel = await guild.fetch_channel(request.channel_id)
    where = await guild.fetch_channel(channel.parent_id) if isinstance(channel, discord.Thread) else channel
    return channel, where.permissions_for(me)


def _permits_writing(me: discord.Member | None, channel: object) -> bool:
    """Ask the cache; False where it does not know."""
    if me is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return False
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False
    permissions = channel.permissions_for(me)
    return _can_post(channel, permissions) and not _is_closed(channel, permissions)


def _can_post(channel: Messageable, permissions: discord.Permissions) -> bool:
    in_thread = isinstance(channel, discord.Thread)
    send = permissions.send_messages_in_threads if in_thread else permissions.send_messages
    return permissions.view_channel and send


def _is_closed(channel: Messageable, permissions: discord.Permissions) -> bool:
    """Tell a thread that takes neither message nor edit; one that is only archived or only locked takes one of them."""
    is_shut = isinstance(channel, discord.Thread) and channel.archived and channel.locked
    return is_shut and not permissions.manage_threads

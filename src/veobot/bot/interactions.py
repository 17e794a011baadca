"""Reads the core's words off an interaction."""

import discord

from veobot.core.admission import Place
from veobot.core.errors import Ambiguous, Permanent, Retryable
from veobot.core.request import ChannelId, GuildId, RequestId, UserId, VideoOptions, VideoRequest

from .calls import one_call

PARENT_TIMEOUT_SECONDS = 1.0
"""For asking whether a thread's channel is age-restricted; the member's 3 s are running."""


def request_from(
    interaction: discord.Interaction, guild_id: int, channel_id: int, prompt: str, options: VideoOptions
) -> VideoRequest:
    """Return the request as it was asked; its time is the snowflake's."""
    return VideoRequest(
        id=RequestId(interaction.id),
        user_id=UserId(interaction.user.id),
        guild_id=GuildId(guild_id),
        channel_id=ChannelId(channel_id),
        application_id=interaction.application_id,
        interaction_token=interaction.token,
        upload_limit_bytes=interaction.filesize_limit,
        prompt=prompt,
        options=options,
        created_at=interaction.created_at,
    )


def encodable(prompt: str) -> str:
    """Replace halves of surrogate pairs, which no database and no JSON reader takes."""
    return prompt.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


async def place_of(interaction: discord.Interaction, channel_id: ChannelId) -> Place:
    """Return where the command was given; a thread is age-restricted as its channel is."""
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        restricted = await _parent_is_age_restricted(interaction.client, channel)
        return Place(channel_id, ChannelId(channel.parent_id), restricted)
    restricted = isinstance(channel, discord.abc.GuildChannel) and _is_age_restricted(channel)
    return Place(channel_id, None, restricted)


async def _parent_is_age_restricted(client: discord.Client, thread: discord.Thread) -> bool:
    """Ask the cache, else REST; what cannot be learnt in time counts as unrestricted, so that the door stays shut."""
    if thread.parent is not None:
        return _is_age_restricted(thread.parent)
    try:
        async with one_call(PARENT_TIMEOUT_SECONDS):
            return _is_age_restricted(await client.fetch_channel(thread.parent_id))
    except (Retryable, Ambiguous, Permanent):
        return False


def _is_age_restricted(channel: object) -> bool:
    return bool(getattr(channel, "nsfw", False))

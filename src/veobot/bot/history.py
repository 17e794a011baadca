"""Finds the bot's own messages again in a channel's history."""

from datetime import datetime, timedelta

import discord

from veobot.core.errors import Permanent, Unreachable
from veobot.core.ports import EventLog, NotAcknowledged, Unknowable
from veobot.core.request import MessageId, Placeholder, VideoRequest

from .calls import HISTORY_TIMEOUT_SECONDS, one_call
from .cards import request_id_of
from .places import may_read_history

MESSAGES_READ = 2000
"""At most 20 pages of 100: the placeholder follows its command within seconds, an outcome the start of its delivery."""
CLOCK_MARGIN = timedelta(minutes=10)
"""The delivery's start is by our clock, messages are dated by Discord's; reading a little more costs a page."""


async def find_placeholder(
    client: discord.Client, request: VideoRequest
) -> Placeholder | NotAcknowledged | Unknowable:
    """Look for the answer to the request's interaction, from the command on.

    Raises `Retryable` or `Ambiguous` where Discord could not be asked.
    """
    after = discord.Object(request.id)
    read = 0
    try:
        async with one_call(HISTORY_TIMEOUT_SECONDS):
            async for message in _channel(client, request).history(
                limit=MESSAGES_READ, after=after, oldest_first=True
            ):
                read += 1
                interaction = message.interaction_metadata
                if interaction is not None and interaction.id == request.id:
                    return Placeholder(MessageId(message.id), ephemeral=message.flags.ephemeral)
            if read == 0 and not await may_read_history(client, request):
                return Unknowable()
    except Permanent:
        return Unknowable()
    return NotAcknowledged() if read < MESSAGES_READ else Unknowable()


async def find_outcome(client: discord.Client, request: VideoRequest, log: EventLog) -> MessageId | None:
    """Look for the message that carries the request's outcome, from the delivery's start on.

    None where there is none, or the bot may not read. Raises `Retryable` or `Ambiguous` where Discord could not be
    asked.
    """
    assert client.user is not None, "the client is logged in"
    started_at = request.delivery.started_at if request.delivery else request.created_at
    read = 0
    try:
        async with one_call(HISTORY_TIMEOUT_SECONDS):
            async for message in _channel(client, request).history(
                limit=MESSAGES_READ, after=_snowflake(started_at - CLOCK_MARGIN), oldest_first=True
            ):
                read += 1
                if message.author.id == client.user.id and request_id_of(message.content) == request.id:
                    placeholder = request.placeholder
                    if placeholder is None or message.id != placeholder.message_id:
                        return MessageId(message.id)
    except Unreachable:
        return None
    if read == MESSAGES_READ:
        log.warning("outcome.history_too_long", request_id=request.id, messages_read=read)
    return None


def _channel(client: discord.Client, request: VideoRequest) -> discord.PartialMessageable:
    return client.get_partial_messageable(request.channel_id, guild_id=request.guild_id)


def _snowflake(moment: datetime) -> discord.Object:
    return discord.Object(discord.utils.time_snowflake(moment, high=False))

"""Opens a thread again that was archived while a video was made.

Discord archives a thread after hours without a message, though a member waits there for a video. A new message reopens
it by itself; an edit is refused (50083). Reopening is idempotent: after a crash it is found open, or is done again.
"""

from collections.abc import Awaitable, Callable

import discord

from veobot.core.errors import Permanent, Retryable, Unreachable
from veobot.core.limits import OWNERSHIP_FRESH
from veobot.core.ports import Clock
from veobot.core.request import VideoRequest

from .calls import CALL_TIMEOUT_SECONDS, one_call
from .failures import NO_ACCESS, OPEN_THE_THREAD, THREAD_ARCHIVED, UNKNOWN_CHANNEL


async def in_open_thread(
    client: discord.Client, clock: Clock, request: VideoRequest, edit: Callable[[], Awaitable[None]]
) -> None:
    """Make this edit; where it meets an archived thread, reopen the thread and make the edit once more.

    Raises what the edit raises, and what keeps the thread from being reopened: an `Unreachable` with Discord's code
    for the archived thread where the bot may not. `Retryable` where all this took longer than the proof that the
    request is ours is worth: the thread is open then, and the edit is made with a new proof.
    """
    began_at = clock.now()
    try:
        await edit()
    except Unreachable as error:
        if error.discord_code != THREAD_ARCHIVED:
            raise
        await _reopen(client, request, error)
    else:
        return
    if abs(clock.now() - began_at) >= OWNERSHIP_FRESH:
        raise Retryable("The thread was archived, and is open again")
    await edit()


async def _reopen(client: discord.Client, request: VideoRequest, archived: Unreachable) -> None:
    try:
        async with one_call(CALL_TIMEOUT_SECONDS):
            thread = await client.fetch_channel(request.channel_id)
            if not isinstance(thread, discord.Thread):
                raise archived
            await thread.edit(archived=False)
    except Permanent as refusal:
        if isinstance(refusal, Unreachable) and refusal.discord_code in {UNKNOWN_CHANNEL, NO_ACCESS}:
            raise
        # Not with the refusal's own code: that of a missing permission would be taken for one to attach the file.
        raise Unreachable(
            f"{archived}; it was not reopened: {refusal}", discord_code=THREAD_ARCHIVED, fix=OPEN_THE_THREAD
        ) from refusal

"""Tells members what became of their requests: the core's `Messenger`, spoken to Discord by discord.py.

An edit is idempotent, and pings nobody. A new message is a channel POST under a nonce derived from the request, so that
repeating it within some minutes gives the same message; later the core looks in the history first. A webhook is never
POSTed to: that has no nonce. Every call is made once (`calls.one_call`), and says whom it may ping. A thread that was
archived meanwhile is opened for an outcome (`threads`), not for progress.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import discord

from veobot.core.errors import Ambiguous, MessageGone, Permanent, Retryable, TokenExpired, Unreachable
from veobot.core.failures import Failure
from veobot.core.limits import Limits
from veobot.core.ports import Clock, Deleted, EventLog, NotAcknowledged, OutcomeVideo, Unknowable
from veobot.core.progress import Progress
from veobot.core.request import MessageId, Placeholder, VideoRequest

from . import cards, history
from .calls import CALL_TIMEOUT_SECONDS, PROGRESS_TIMEOUT_SECONDS, UPLOAD_TIMEOUT_SECONDS, one_call
from .failures import PROOF_OF_UNREACHABILITY, ReplyNotAllowed, UnknownWebhook
from .places import require_writable
from .threads import in_open_thread

NOBODY = discord.AllowedMentions.none()
NONCE_PREFIX = "veo-"
"""With a snowflake's at most 20 digits, 24 of the 25 characters that Discord takes."""


class DiscordMessenger:
    """Fulfils `core.ports.Messenger`.

    Args:
        client: logged in; built with `calls.trace` as its `http_trace`.
        clock: Discord's time, for choosing between the token and the channel.
        log: gets what the core is not told.
        limits: what failures are explained by.
        started_at: when this process started: the restart that a resumed request's member reads about.
    """

    def __init__(
        self, client: discord.Client, clock: Clock, log: EventLog, *, limits: Limits, started_at: datetime
    ) -> None:
        self._client = client
        self._clock = clock
        self._log = log
        self._limits = limits
        self._started_at = started_at

    # -- looking

    async def find_acknowledgement(
        self, request: VideoRequest
    ) -> Placeholder | Deleted | NotAcknowledged | Unknowable:
        """Look the placeholder up by the token; by the channel's history once the token is dead."""
        if request.interaction_token is not None:
            try:
                async with one_call(CALL_TIMEOUT_SECONDS, by_token=True):
                    message = await _webhook(self._client, request).fetch_message(
                        "@original"  # type: ignore[arg-type]  # Discord's name for it; discord.py only knows ids here
                    )
                # An ephemeral answer is a refusal of ours, to the same command told twice: nothing was promised.
                return NotAcknowledged() if message.flags.ephemeral else Placeholder(MessageId(message.id))
            except MessageGone:
                return Deleted()  # of an interaction that was never answered Discord says "unknown webhook"
            except UnknownWebhook:
                if request.token_alive(self._clock.now()):
                    return NotAcknowledged()
            except Permanent:
                pass
        return await history.find_placeholder(self._client, request)

    async def check_reachable(self, request: VideoRequest) -> None:
        """Raise `Unreachable` if REST proves that the bot cannot write in the channel; anything else proves nothing."""
        try:
            async with one_call(CALL_TIMEOUT_SECONDS):
                await require_writable(self._client, request)
        except Unreachable as error:
            if error.discord_code in PROOF_OF_UNREACHABILITY:
                raise
        except (Retryable, Ambiguous, Permanent) as error:
            self._log.info("channel.not_checked", request_id=request.id, reason=str(error))

    async def find_outcome(self, request: VideoRequest) -> MessageId | None:
        """Look in the channel's history for the new message that carries the outcome."""
        return await history.find_outcome(self._client, request, self._log)

    async def shows_video(self, request: VideoRequest) -> bool:
        """Whether the placeholder carries a file, as far as Discord lets it be read."""
        if request.placeholder is None:
            return False
        message_id = request.placeholder.message_id
        by_token = request.token_alive(self._clock.now())
        try:
            async with one_call(CALL_TIMEOUT_SECONDS, by_token=by_token):
                if by_token:
                    message: discord.Message = await _webhook(self._client, request).fetch_message(message_id)
                else:
                    message = await self._channel(request).fetch_message(message_id)
        except Permanent:
            return False
        return bool(message.attachments)

    # -- editing the placeholder

    async def show_progress(self, request: VideoRequest, progress: Progress) -> None:
        """Edit the placeholder's text; never its attachments. An archived thread stays so: progress wakes nobody."""
        card = cards.progress(request, progress, restarted_at=self._started_at)
        await self._edit_text(request, card.content)

    async def edit_outcome(
        self, request: VideoRequest, video: OutcomeVideo | None, *, through_token: bool
    ) -> None:
        """Make the placeholder the outcome: its text, and its one file or none. Repeating it replaces both."""
        card = cards.outcome(request, video, self._limits)
        path = video.path if video else None
        seconds = UPLOAD_TIMEOUT_SECONDS if path else CALL_TIMEOUT_SECONDS

        async def edit() -> None:
            async with one_call(seconds, by_token=through_token, needs_answer=False):
                with _files(path, card) as files:
                    await self._edit(request, card.content, through_token=through_token, attachments=files)

        await in_open_thread(self._client, self._clock, request, edit)

    async def repeat_outcome_text(self, request: VideoRequest, video: OutcomeVideo | None) -> None:
        """Edit the outcome's text once more, leaving its attachments; the last edit wins."""
        await self._edit_outcome_text(request, cards.outcome(request, video, self._limits).content)

    async def point_to_outcome(self, request: VideoRequest, message_id: MessageId) -> None:
        """Edit the placeholder so that it points to the message that carries the outcome."""
        await self._edit_outcome_text(request, cards.pointer(request, message_id))

    async def _edit_outcome_text(self, request: VideoRequest, content: str) -> None:
        await in_open_thread(self._client, self._clock, request, lambda: self._edit_text(request, content))

    async def _edit_text(self, request: VideoRequest, content: str) -> None:
        """Edit the text through the token; through the channel once the token is dead."""
        if request.token_alive(self._clock.now()):
            try:
                async with one_call(PROGRESS_TIMEOUT_SECONDS, by_token=True, needs_answer=False):
                    await self._edit(request, content, through_token=True)
            except TokenExpired:
                pass
            else:
                return
        async with one_call(PROGRESS_TIMEOUT_SECONDS, needs_answer=False):
            await self._edit(request, content, through_token=False)

    async def _edit(
        self,
        request: VideoRequest,
        content: str,
        *,
        through_token: bool,
        attachments: list[discord.File] = discord.utils.MISSING,
    ) -> None:
        if request.placeholder is None:
            raise MessageGone("There is no placeholder to edit")
        message_id = request.placeholder.message_id
        if through_token:
            await _webhook(self._client, request).edit_message(
                message_id, content=content, attachments=attachments, allowed_mentions=NOBODY
            )
        else:
            message = self._channel(request).get_partial_message(message_id)
            await message.edit(content=content, attachments=attachments, allowed_mentions=NOBODY)

    # -- a new message

    async def post_outcome(self, request: VideoRequest, video: OutcomeVideo | None) -> MessageId:
        """Post the outcome as a reply to the placeholder, pinging the member (not for an expired request)."""
        try:
            return await self._post(request, video, reply=request.placeholder is not None)
        except ReplyNotAllowed:
            return await self._post(request, video, reply=False)

    async def _post(self, request: VideoRequest, video: OutcomeVideo | None, *, reply: bool) -> MessageId:
        card = cards.late_outcome(request, video, self._limits)
        path = video.path if video else None
        seconds = UPLOAD_TIMEOUT_SECONDS if path else CALL_TIMEOUT_SECONDS
        async with one_call(seconds):
            with _files(path, card) as files:
                message = await self._channel(request).send(
                    card.content,
                    files=files,
                    nonce=f"{NONCE_PREFIX}{request.id}",  # discord.py sends enforce_nonce with it
                    allowed_mentions=_pinged(request),
                    reference=_reference(request) if reply else None,  # type: ignore[arg-type]  # it takes None
                )
                return MessageId(message.id)

    def _channel(self, request: VideoRequest) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(request.channel_id, guild_id=request.guild_id)


def _webhook(client: discord.Client, request: VideoRequest) -> discord.Webhook:
    """Return the interaction's webhook, which needs no Interaction object."""
    if request.interaction_token is None:
        raise TokenExpired("The token was erased")
    return discord.Webhook.partial(request.application_id, request.interaction_token, client=client)


@contextmanager
def _files(path: Path | None, card: cards.Card) -> Iterator[list[discord.File]]:
    """Provide the video as what discord.py streams from the disk; nothing where there is no file."""
    if path is None:
        yield []
        return
    file = discord.File(path, filename=card.file_name, description=card.description)
    try:
        yield [file]
    finally:
        file.close()


def _pinged(request: VideoRequest) -> discord.AllowedMentions:
    """Let a new message ping its member; an expired request's pings nobody, for there may be hundreds."""
    if request.failure is Failure.EXPIRED:
        return NOBODY
    member = discord.Object(request.user_id)
    return discord.AllowedMentions(everyone=False, users=[member], roles=False, replied_user=False)


def _reference(request: VideoRequest) -> discord.MessageReference | None:
    """Reply to the placeholder, if it still exists when Discord looks."""
    if request.placeholder is None:
        return None
    return discord.MessageReference(
        message_id=request.placeholder.message_id,
        channel_id=request.channel_id,
        guild_id=request.guild_id,
        fail_if_not_exists=False,
    )

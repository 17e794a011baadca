"""Tells the member the outcome: exactly one visible message, however often it is begun.

The start is committed first. A placeholder edit may be repeated freely; a new message is looked for in the channel's
history before it is sent again. Once an edit may have landed, the outcome stays an edit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from .errors import (
    Ambiguous,
    MessageGone,
    OperatorNeeded,
    Permanent,
    Retryable,
    TokenExpired,
    TooLarge,
    Unreachable,
    VideoMissing,
)
from .failures import RULES, Failure
from .limits import LOST_UPLOADS_BEFORE_A_LINK, POINTER_TRIES, TAKEOVER_SETTLE
from .outcomes import failed, undeliverable
from .ownership import Ownership
from .parts import Parts
from .ports import NotAcknowledged, OutcomeVideo
from .request import Delivery as DeliveryRecord
from .request import MessageId, VideoRequest
from .status import Closure, DeliveryRoute, Status
from .status_line import StatusLine

NO_PERMISSION = 50013
"""Discord's code for a missing permission; with a file, it may be the permission to attach it."""
THREAD_ARCHIVED = 50083
"""Discord's code for an edit in an archived thread."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The placeholder shows the outcome, with this video where there is one."""

    video: OutcomeVideo | None
    written_after: datetime
    """The edit was made at this moment or later."""


class Delivery:
    """One request's way from a known outcome to a closed row."""

    def __init__(self, parts: Parts, status_line: StatusLine, ownership: Ownership) -> None:
        self._parts = parts
        self._ownership = ownership
        self._status_line = status_line
        self._begun = False
        self._as_link = False
        self._lost_uploads = 0
        self._pointer_tries = 0
        self._no_permission: Unreachable | None = None

    async def deliver(self, request: VideoRequest) -> None:
        """Do the next thing towards the one visible outcome; closes the request when it is told, or cannot be.

        Raises `Retryable` or `Ambiguous` where it has to be done again, `Superseded` where somebody else does it.
        """
        try:
            if request.delivery is not None and request.delivery.message_id is not None:
                await self._finish_post(request, request.delivery.message_id)
                return
            async with self._turn(request):
                shown = await self._go_on(request)
            if shown is not None:
                await self._settle(request, shown)
                await self._close(request, Closure.DELIVERED)
        except VideoMissing as error:
            if await self._shown_before(request):
                await self._close(request, Closure.DELIVERED)
                return
            outcome = failed(request, Failure.VIDEO_LOST, str(error))
            await self._parts.store.record_outcome(request, outcome, (), self._parts.clock.now())
        except Permanent as error:
            await self._undeliverable(request, error)

    @asynccontextmanager
    async def _turn(self, request: VideoRequest) -> AsyncIterator[None]:
        """Videos go out a few at a time; notices by new messages one after the other."""
        if request.status is Status.COMPLETED:
            async with self._parts.deliveries:
                self._parts.check_running()
                yield
        else:
            if not request.token_alive(self._parts.clock.now()):
                await self._parts.notices.turn()
                self._parts.check_running()
            yield

    async def _go_on(self, request: VideoRequest) -> _Shown | None:
        if request.delivery is None:
            return await self._begin(request)
        if not self._begun:
            # Whoever began it may have written progress until then, and this object knows nothing of that.
            self._begun = True
            self._status_line.taken_over()
        if request.delivery.route is DeliveryRoute.EDIT:
            return await self._edit(request, may_have_landed=True)
        await self._post(request, may_have_landed=True)
        return None

    async def _begin(self, request: VideoRequest) -> _Shown | None:
        """Choose the route, commit it, and go."""
        self._begun = True
        now = self._parts.clock.now()
        editable = request.placeholder is not None and request.token_alive(now)
        route = DeliveryRoute.EDIT if editable else DeliveryRoute.POST
        await self._parts.store.begin_delivery(request, route, now)
        begun = replace(request, delivery=DeliveryRecord(route, now))
        if route is DeliveryRoute.EDIT:
            return await self._edit(begun, may_have_landed=False)
        await self._post(begun, may_have_landed=False)
        return None

    # -- the placeholder becomes the outcome

    async def _edit(self, request: VideoRequest, *, may_have_landed: bool) -> _Shown | None:
        """Return what the placeholder shows now, if that is the outcome."""
        async with self._video(request) as video:
            begun_at = self._parts.clock.now()
            try:
                await self._edit_by_any_door(request, video, may_have_landed=may_have_landed)
            except TokenExpired:
                await self._parts.store.begin_delivery(request, DeliveryRoute.POST, self._parts.clock.now())
                return None
            except MessageGone:
                await self._withdrawn(request)
                return None
            except (TooLarge, Unreachable) as error:
                if self._try_as_link(video, error):
                    return None
                if may_have_landed or not _is_archived(error):
                    raise
                # Surely not landed, and the thread could not be reopened; a new message does that by itself.
                await self._parts.store.begin_delivery(request, DeliveryRoute.POST, self._parts.clock.now())
                return None
            except Ambiguous:
                self._count_lost_upload(video)
                raise
            return _Shown(video, begun_at)

    async def _edit_by_any_door(
        self, request: VideoRequest, video: OutcomeVideo | None, *, may_have_landed: bool
    ) -> None:
        """Edit through the token; where it is dead, through the channel, if an earlier edit may have landed."""
        messenger = self._parts.messenger
        if request.token_alive(self._parts.clock.now()):
            try:
                await self._ownership.check()
                await messenger.edit_outcome(request, video, through_token=True)
            except TokenExpired:
                if not may_have_landed:
                    raise
            else:
                return
        await self._ownership.check()
        await messenger.edit_outcome(request, video, through_token=False)

    async def _settle(self, request: VideoRequest, shown: _Shown) -> None:
        """Write the text once more, if a progress edit may have landed on it meanwhile."""
        until = self._unsettled_until(request)
        if until is None or until <= shown.written_after:
            return
        await self._let_settle(request)
        await self._ownership.check()
        try:
            await self._parts.messenger.repeat_outcome_text(request, shown.video)
        except Permanent as error:
            self._parts.log.info("outcome.not_repeated", request_id=request.id, reason=str(error))

    async def _let_settle(self, request: VideoRequest) -> None:
        """Wait until a progress edit whose answer was lost can no longer land.

        Outside of `_turn`: other videos need not wait for it. Raises `Stopping`: what may still land is then left to
        the next process.
        """
        until = self._unsettled_until(request)
        if until is None or (seconds := (until - self._parts.clock.now()).total_seconds()) <= 0:
            return
        await self._parts.clock.wait(self._parts.stopping, min(seconds, TAKEOVER_SETTLE.total_seconds()))
        self._parts.check_running()

    def _unsettled_until(self, request: VideoRequest) -> datetime | None:
        """Return until when a progress edit may land; None where there is none under way."""
        until = self._status_line.unsettled_until
        if until is None or request.delivery is None:
            return until
        # Progress ends where a delivery begins: one begun by an earlier process needs no further wait.
        return min(until, request.delivery.started_at + TAKEOVER_SETTLE)

    async def _withdrawn(self, request: VideoRequest) -> None:
        """The placeholder is gone: by a human's hand, unless the whole channel is."""
        await self._parts.messenger.check_reachable(request)
        await self._close(request, Closure.WITHDRAWN)

    async def _shown_before(self, request: VideoRequest) -> bool:
        """Whether an edit that was begun before has landed, as one that was followed by a crash may."""
        begun = request.delivery is not None and request.delivery.route is DeliveryRoute.EDIT
        return begun and await self._parts.messenger.shows_video(request)

    # -- a new message carries the outcome

    async def _post(self, request: VideoRequest, *, may_have_landed: bool) -> None:
        message_id = await self._parts.messenger.find_outcome(request) if may_have_landed else None
        if message_id is None:
            if await self._placeholder_is_deleted(request):
                await self._withdrawn(request)
                return
            async with self._video(request) as video:
                await self._ownership.check()
                try:
                    message_id = await self._parts.messenger.post_outcome(request, video)
                except (TooLarge, Unreachable) as error:
                    if not self._try_as_link(video, error):
                        raise
                    return
                except Ambiguous:
                    self._count_lost_upload(video)
                    raise
        await self._parts.store.record_outcome_message(request, message_id, self._parts.clock.now())

    async def _placeholder_is_deleted(self, request: VideoRequest) -> bool:
        """Whether the channel's history proves it: an ephemeral placeholder is in no history."""
        if request.placeholder is None or request.placeholder.ephemeral:
            return False
        # Without the dead token, which would only be refused once more.
        answer = await self._parts.messenger.find_acknowledgement(replace(request, interaction_token=None))
        return isinstance(answer, NotAcknowledged)

    async def _finish_post(self, request: VideoRequest, message_id: MessageId) -> None:
        if request.placeholder is not None:
            await self._let_settle(request)
            await self._ownership.check()
            self._pointer_tries += 1
            try:
                await self._parts.messenger.point_to_outcome(request, message_id)
            except (Retryable, Ambiguous, Permanent) as error:
                if not isinstance(error, Permanent) and self._pointer_tries < POINTER_TRIES:
                    raise
                self._parts.log.info("pointer.not_written", request_id=request.id, reason=str(error))
        await self._close(request, Closure.DELIVERED)

    # -- what both share

    @asynccontextmanager
    async def _video(self, request: VideoRequest) -> AsyncIterator[OutcomeVideo | None]:
        """Provide the finished video as a file where Discord takes it, else as a link."""
        submission = request.video
        if request.status is not Status.COMPLETED or submission is None or submission.video_uri is None:
            yield None
        elif self._as_link or (submission.video_size_bytes or 0) > request.upload_limit_bytes:
            lifetime = self._parts.limits.link_lifetime
            try:
                link = await self._parts.bucket.signed_link(
                    submission.video_uri, lifetime, self._parts.clock.now()
                )
            except OperatorNeeded:
                if self._no_permission is not None:
                    raise self._no_permission from None
                raise
            yield OutcomeVideo(path=None, link=link)
        else:
            size_bytes = submission.video_size_bytes
            async with self._parts.bucket.download(submission.video_uri, size_bytes) as path:
                yield OutcomeVideo(path=path, link=None)

    def _try_as_link(self, video: OutcomeVideo | None, error: TooLarge | Unreachable) -> bool:
        """Go on with a link where the file itself is what Discord refused."""
        if video is None or video.path is None:
            return False
        if isinstance(error, Unreachable) and error.discord_code != NO_PERMISSION:
            return False
        self._as_link = True
        self._no_permission = error if isinstance(error, Unreachable) else None
        return True

    def _count_lost_upload(self, video: OutcomeVideo | None) -> None:
        """A file that never gets through in time, as on a slow line, gives way to a link."""
        if video is not None and video.path is not None:
            self._lost_uploads += 1
            self._as_link = self._as_link or self._lost_uploads >= LOST_UPLOADS_BEFORE_A_LINK

    async def _undeliverable(self, request: VideoRequest, error: Permanent) -> None:
        # Nobody can write over what lands after this: the row is closed only when nothing can.
        await self._let_settle(request)
        self._warn_undeliverable(request, error)
        lost = undeliverable(request, str(error)) if request.status is Status.COMPLETED else None
        await self._parts.store.close(request, Closure.UNDELIVERABLE, self._parts.clock.now(), lost)

    async def _close(self, request: VideoRequest, closure: Closure) -> None:
        await self._parts.store.close(request, closure, self._parts.clock.now())
        self._parts.log.info("request.closed", request_id=request.id, closure=closure, status=request.status)

    def _warn_undeliverable(self, request: VideoRequest, error: Permanent) -> None:
        """Tell the operator that nobody can be told, and what would mend it."""
        age = self._parts.clock.now() - request.created_at
        self._parts.log.warning(
            "request.undeliverable",
            request_id=request.id,
            user_id=request.user_id,
            guild_id=request.guild_id,
            channel_id=request.channel_id,
            discord_error=error.discord_code if isinstance(error, Unreachable) else str(error),
            status=request.status,
            age_minutes=int(age.total_seconds() // 60),
            reason=RULES[Failure.UNREACHABLE].reason,
            fix=error.fix
            if isinstance(error, Unreachable)
            else "Please report it: Discord takes no such message",
            see=f"veobot requests show {request.id}",
        )


def _is_archived(error: TooLarge | Unreachable) -> bool:
    return isinstance(error, Unreachable) and error.discord_code == THREAD_ARCHIVED

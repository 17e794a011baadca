"""Keeps the placeholder's text true while a request is under way."""

from dataclasses import replace
from datetime import datetime, timedelta

from .errors import Ambiguous, Permanent, Retryable
from .limits import PROGRESS_SETTLE_SECONDS, TAKEOVER_SETTLE
from .ownership import Ownership
from .parts import Parts
from .progress import Generating, Progress, Waiting
from .request import VideoRequest

NEAR_IN_LINE = 10
"""Up to this place in line the text follows every change; beyond, ever more seldom, so that a long line of waiting
requests costs Discord a few edits a second altogether."""


class StatusLine:
    """The one writer of one request's placeholder, until the outcome.

    Edits on a change of state and at most every `progress_interval_seconds`; best effort, since an outcome follows.
    `unsettled_until` is until when an edit whose answer was lost may still land on top of what is written next: ours,
    or that of the process before us.
    """

    def __init__(self, parts: Parts, ownership: Ownership) -> None:
        self._parts = parts
        self._ownership = ownership
        self._shown: Progress | None = None
        self._next_at: datetime | None = None
        self.unsettled_until: datetime | None = None

    def taken_over(self) -> None:
        """Remember that another process may have been writing until a moment ago."""
        self.unsettled_until = self._parts.clock.now() + TAKEOVER_SETTLE

    async def show(self, request: VideoRequest, progress: Progress) -> None:
        """Show this, if it is news and not too soon. Raises `Superseded`, `StoreUnavailable`."""
        progress = self._never_backwards(progress)
        now = self._parts.clock.now()
        if request.placeholder is None or not self._is_due(progress, now):
            return
        await self._ownership.check()
        self._shown = progress
        self._next_at = now + timedelta(seconds=self._interval_seconds(progress))
        try:
            await self._parts.messenger.show_progress(request, progress)
        except Ambiguous:
            self.unsettled_until = self._parts.clock.now() + timedelta(seconds=PROGRESS_SETTLE_SECONDS)
        except Retryable as error:
            self._next_at = max(self._next_at, now + timedelta(seconds=error.retry_after_seconds))
        except Permanent as error:
            self._parts.log.info("progress.not_shown", request_id=request.id, reason=str(error))

    def _is_due(self, progress: Progress, now: datetime) -> bool:
        if self._next_at is None or type(progress) is not type(self._shown):
            return True
        return progress != self._shown and now >= self._next_at

    def _never_backwards(self, progress: Progress) -> Progress:
        if isinstance(progress, Generating) and isinstance(self._shown, Generating):
            return replace(progress, fraction=max(progress.fraction, self._shown.fraction))
        return progress

    def _interval_seconds(self, progress: Progress) -> float:
        interval = self._parts.limits.progress_interval_seconds
        if isinstance(progress, Waiting):
            return interval * max(1.0, progress.position / NEAR_IN_LINE)
        return interval

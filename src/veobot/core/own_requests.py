"""What members may look up of their own: how much of the quota is used, and their requests, page by page.

It only reads. Whoever asks sees what is theirs, whatever place in the history they name: a place is no right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from .admission import AdmissionPolicy, next_back_at
from .failures import Failure
from .fresh_links import FreshLinks
from .ports import Clock, SignedLink, UnreadableRow
from .request import RequestId, UserId, VideoRequest, VideoUri
from .status import Status

PAGE_SIZE = 5
"""Requests on a page: with their prompts they fit one message, and the screen of a phone."""
LOOKING_UP = timedelta(seconds=2)
"""For the rows and the links together: Discord gives 3 s for the answer, of which the answer itself needs some."""


@dataclass(frozen=True, slots=True)
class MemberUsage:
    """What one member has used since a moment."""

    requests: Sequence[datetime]
    """When those were asked that count toward the quota, oldest first."""
    charged_micro_usd: int
    """What all of them may have cost, those included that do not count."""


@dataclass(frozen=True, slots=True)
class Position:
    """A request's place in the history: by when it was asked, and by its id where two were asked at once."""

    asked_at: datetime
    request_id: RequestId


class Direction(StrEnum):
    """Which side of a position is looked at."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Cut:
    """The requests right before or right after a position."""

    direction: Direction
    position: Position


@dataclass(frozen=True, slots=True)
class RecordedPage:
    """Some of a member's requests as the rows have them, newest first."""

    requests: Sequence[VideoRequest | UnreadableRow]
    newer: Cut | None
    """Where the next newer page is; None where there is none."""
    older: Cut | None


class MemberRecords(Protocol):
    """One member's rows. Each method is one reading transaction, and raises `StoreUnavailable`."""

    async def usage(self, user_id: UserId, since: datetime) -> MemberUsage:
        """Return what was used since then, counted as admission counts it."""

    async def page(self, user_id: UserId, cut: Cut | None, size: int) -> RecordedPage:
        """Return at most `size` of the requests at the cut; the newest where it is None, or nothing is there.

        Requests of which the member never saw that they were accepted are left out.
        """


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member stands toward the quota."""

    used: int
    quota: int
    window: timedelta
    next_back_at: datetime | None
    """When one more than now is possible; None where all are."""
    charged_micro_usd: int

    @property
    def left(self) -> int:
        """How many more are possible now. The operator may have lowered the quota meanwhile."""
        return max(0, self.quota - self.used)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a page, with a link to its video where there is one."""

    request: VideoRequest | UnreadableRow
    link: SignedLink | None


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of a member's own requests, newest first."""

    entries: Sequence[Entry]
    newer: Cut | None
    older: Cut | None


@dataclass(frozen=True, slots=True)
class OwnRequests:
    """Looks up what is a member's own."""

    records: MemberRecords
    links: FreshLinks
    clock: Clock
    policy: AdmissionPolicy

    async def standing(self, user_id: UserId) -> Standing:
        """Return how this member stands toward the quota. Raises `StoreUnavailable`."""
        policy = self.policy
        usage = await self.records.usage(user_id, self.clock.now() - policy.quota_window)
        return Standing(
            used=len(usage.requests),
            quota=policy.quota,
            window=policy.quota_window,
            next_back_at=next_back_at(usage.requests, policy) if usage.requests else None,
            charged_micro_usd=usage.charged_micro_usd,
        )

    async def page(self, user_id: UserId, cut: Cut | None) -> OwnPage:
        """Return this member's requests at the cut, the newest for None. Raises `StoreUnavailable`."""
        started_at = self.clock.now()
        page = await self.records.page(user_id, cut, PAGE_SIZE)
        wanted = {r.id: uri for r in page.requests if (uri := video_uri_of(r)) is not None}
        # Discord may have corrected the clock meanwhile.
        spent = max(timedelta(0), self.clock.now() - started_at)
        links = await self.links.sign(wanted, max(timedelta(0), LOOKING_UP - spent).total_seconds())
        return OwnPage([Entry(r, links.get(r.id)) for r in page.requests], page.newer, page.older)


def video_uri_of(request: VideoRequest | UnreadableRow) -> VideoUri | None:
    """Return where the request's finished video is; also of one that could be posted nowhere."""
    if isinstance(request, UnreadableRow) or request.video is None:
        return None
    kept = request.status is Status.COMPLETED or request.failure is Failure.UNREACHABLE
    return request.video.video_uri if kept else None

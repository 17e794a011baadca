"""Looking up what is one's own: when the next video comes back, and links that are signed in time or not at all."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from simulation.neighbours import ScriptedBucket
from support.door import PLENTY
from support.event_log import RecordingLog
from support.requests import NOON, a_request, a_submission
from veobot.core.errors import OperatorNeeded, Retryable
from veobot.core.failures import Failure
from veobot.core.fresh_links import SIGNED_AT_ONCE, FreshLinks
from veobot.core.own_requests import Cut, MemberUsage, OwnRequests, RecordedPage, video_uri_of
from veobot.core.ports import SignedLink, UnreadableRow
from veobot.core.request import RequestId, UserId, VideoRequest, VideoUri
from veobot.core.status import Status, SubmissionState

MIRA = UserId(1)
HOUR = timedelta(hours=1)
URI = VideoUri("gs://bucket/veo/1/1/video.mp4")
SOON = 0.05
"""Seconds that a test waits for what does not come."""


class StillClock:
    """A clock whose time does not pass."""

    def now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        raise NotImplementedError


@dataclass
class Records:
    """Rows that are as a test wants them."""

    asked: Sequence[datetime] = ()
    requests: Sequence[VideoRequest | UnreadableRow] = ()
    since: datetime | None = None

    async def usage(self, user_id: UserId, since: datetime) -> MemberUsage:
        assert user_id == MIRA
        self.since = since
        return MemberUsage(self.asked, 400_000 * len(self.asked))

    async def page(self, user_id: UserId, cut: Cut | None, size: int) -> RecordedPage:
        assert (user_id, cut) == (MIRA, None)
        return RecordedPage(self.requests[:size], None, None)


class HangingBucket(ScriptedBucket):
    """Signs nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.let_go = asyncio.Event()

    async def signed_link(self, uri: VideoUri, lifetime: timedelta, now: datetime) -> SignedLink:
        self.begun += 1
        await self.let_go.wait()
        return await super().signed_link(uri, lifetime, now)


def own(records: Records, bucket: ScriptedBucket, log: RecordingLog, quota: int = 3) -> OwnRequests:
    policy = replace(PLENTY, quota=quota)
    return OwnRequests(records, FreshLinks(bucket, StillClock(), log, 7 * 24 * HOUR), StillClock(), policy)


def done(number: int = 1) -> VideoRequest:
    """A request whose video is there."""
    submission = replace(a_submission(SubmissionState.SUCCEEDED), video_uri=URI)
    return a_request(request_id=RequestId(number), status=Status.COMPLETED, submissions=(submission,))


# -- the quota


@pytest.mark.parametrize(
    ("hours_ago", "left", "next_in_hours"),
    [([], 3, None), ([5], 2, 19), ([9, 5], 1, 15), ([9, 5, 1], 0, 15), ([20, 9, 5, 1], 0, 15)],
    ids=["none used", "one", "two", "all", "more than all, since the quota was lowered"],
)
async def test_the_next_video_comes_back_when_one_more_than_now_is_possible(
    hours_ago: list[int], left: int, next_in_hours: int | None
) -> None:
    records = Records([NOON - hours * HOUR for hours in hours_ago])
    standing = await own(records, ScriptedBucket(), RecordingLog()).standing(MIRA)
    assert (standing.used, standing.left) == (len(hours_ago), left)
    assert standing.next_back_at == (None if next_in_hours is None else NOON + next_in_hours * HOUR)
    assert records.since == NOON - 24 * HOUR


# -- links


async def test_a_finished_video_has_a_link_that_begins_to_live_now() -> None:
    log = RecordingLog()
    page = await own(Records(requests=[done(1), a_request()]), ScriptedBucket(), log).page(MIRA, None)
    assert [entry.link for entry in page.entries] == [
        SignedLink(f"https://storage.example/{URI}", NOON + 7 * 24 * HOUR),
        None,
    ]
    assert log.entries == []


@pytest.mark.parametrize(
    "error", [Retryable("Google is away"), OperatorNeeded("refused", fix="Add the role")]
)
async def test_where_signing_fails_the_request_is_shown_without_a_link_and_the_log_says_so(
    error: Retryable,
) -> None:
    bucket, log = ScriptedBucket(), RecordingLog()
    bucket.signing_error = error
    page = await own(Records(requests=[done(1)]), bucket, log).page(MIRA, None)
    assert [(entry.request, entry.link) for entry in page.entries] == [(done(1), None)]
    [logged] = log.named("link.not_signed")
    assert (logged["request_id"], logged["reason"]) == (1, str(error))
    assert logged.get("fix") == getattr(error, "fix", None)


async def test_a_link_that_is_not_signed_in_time_is_left_out_and_the_others_are_not_kept_waiting() -> None:
    bucket, log = HangingBucket(), RecordingLog()
    links = FreshLinks(bucket, StillClock(), log, HOUR)
    wanted = {RequestId(number): URI for number in range(SIGNED_AT_ONCE + 2)}
    assert await links.sign(wanted, SOON) == {}
    assert len(log.named("link.not_signed")) == len(wanted)
    assert bucket.begun == SIGNED_AT_ONCE, "the rest of the bucket's threads are the deliveries'"
    assert await links.sign(wanted, SOON) == {}
    assert bucket.begun == SIGNED_AT_ONCE, "what hangs keeps its turn"
    bucket.let_go.set()
    assert set(await links.sign(wanted, 10)) == set(wanted)


def test_a_video_that_could_be_posted_nowhere_is_still_its_members() -> None:
    unreachable = replace(done(), status=Status.FAILED, failure=Failure.UNREACHABLE)
    assert video_uri_of(unreachable) == URI
    lost = replace(done(), status=Status.FAILED, failure=Failure.VIDEO_LOST)
    assert video_uri_of(lost) is None
    assert video_uri_of(a_request()) is None
    assert video_uri_of(UnreadableRow(RequestId(1), "damaged", "mend it")) is None

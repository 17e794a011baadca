"""Requests and submissions for tests of the core, with plain defaults."""

from datetime import UTC, datetime

from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.request import (
    ChannelId,
    GuildId,
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    UserId,
    VideoOptions,
    VideoRequest,
)
from veobot.core.status import Status, SubmissionState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST_ID = RequestId(1_442_087_312_345_678_901)

OPTIONS = VideoOptions(
    model=DEFAULT_MODEL_ID,
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=48213,
    person_generation="allow_adult",
)
"""4 s of the fast model at 720p with sound: 40 cents."""


def a_request(
    *,
    asked: datetime = NOON,
    acknowledged_at: datetime | None = NOON,
    status: Status = Status.PENDING,
    submissions: tuple[Submission, ...] = (),
    request_id: RequestId = REQUEST_ID,
    user_id: int = 1,
    options: VideoOptions = OPTIONS,
    prompt: str = "A red fox running through fresh snow at dawn",
    epoch: int = 1,
) -> VideoRequest:
    """Return an acknowledged request with a live token."""
    return VideoRequest(
        id=request_id,
        user_id=UserId(user_id),
        guild_id=GuildId(2),
        channel_id=ChannelId(3),
        application_id=4,
        interaction_token="token",
        upload_limit_bytes=10 * 1024 * 1024,
        prompt=prompt,
        options=options,
        created_at=asked,
        status=status,
        acknowledged_at=acknowledged_at,
        placeholder=Placeholder(MessageId(5)) if acknowledged_at else None,
        epoch=epoch,
        charged_micro_usd=options.price_micro_usd,
        submissions=submissions,
    )


def a_submission(state: SubmissionState, *, attempt: int = 1, at: datetime = NOON) -> Submission:
    """Return a submission in this state, intended (and accepted) at this time."""
    accepted = state in {SubmissionState.ACCEPTED, SubmissionState.SUCCEEDED}
    return Submission(
        request_id=REQUEST_ID,
        attempt=attempt,
        prefix=f"veo/{REQUEST_ID}/{attempt}/",
        first_intended_at=at,
        intended_at=at,
        state=state,
        operation=OperationName(f"operations/{attempt}") if accepted else None,
        accepted_at=at if accepted else None,
    )

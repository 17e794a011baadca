"""What the tests of the bot's parts for Google have in common."""

from datetime import UTC, datetime

from support.google import BUCKET, FAST_MODEL, LOCATION, PROJECT
from veobot.core.models import AspectRatio, Resolution
from veobot.core.request import RequestId, Submission, VideoOptions
from veobot.core.status import SubmissionState
from veobot.vertex.veo import VeoGenerator

REQUEST_ID = RequestId(1442087312345678901)

OPTIONS = VideoOptions(
    model=FAST_MODEL,
    location=LOCATION,
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=48213,
    person_generation="allow_adult",
)

INTENDED_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def submission(prefix: str = f"veo/{REQUEST_ID}/1/") -> Submission:
    """A submission that is about to be made."""
    return Submission(REQUEST_ID, 1, prefix, INTENDED_AT, INTENDED_AT, SubmissionState.INTENDED)


def new_generator(url: str, *, submit_timeout_seconds: float = 10.0) -> VeoGenerator:
    """A generator that talks to this address."""
    return VeoGenerator(
        project=PROJECT, bucket=BUCKET, api_url=url, submit_timeout_seconds=submit_timeout_seconds
    )

"""Why a request can end without a video, and how it then ends."""

from dataclasses import dataclass
from enum import StrEnum

from .status import Status


class Failure(StrEnum):
    """Why a request ended without its video. The value is what the database stores."""

    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    FILTERED = "filtered"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_ERROR = "provider_error"
    MODEL_RETIRED = "model_retired"
    REJECTED = "rejected"
    NO_VIDEO = "no_video"
    TIMED_OUT = "timed_out"
    LOST_AT_RESTART = "lost_at_restart"
    ANSWER_LOST = "answer_lost"
    VIDEO_LOST = "video_lost"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FailureRule:
    """How a request ends, and the operator's sentence for it.

    No failure counts against the member's quota: none is the member's fault. What it costs is not a matter of the
    reason but of its submissions; see `outcomes.charge`.
    """

    status: Status
    reason: str


RULES: dict[Failure, FailureRule] = {
    Failure.EXPIRED: FailureRule(Status.TIMEOUT, "Request expired (>24 hours old)"),
    Failure.UNREACHABLE: FailureRule(Status.FAILED, "Cannot access channel for completion notification"),
    Failure.FILTERED: FailureRule(Status.FAILED, "Google's safety filter stopped the video"),
    Failure.PROVIDER_BUSY: FailureRule(Status.FAILED, "Quota at Google is exhausted"),
    Failure.PROVIDER_UNAVAILABLE: FailureRule(Status.FAILED, "Vertex could not be reached for 10 minutes"),
    Failure.PROVIDER_ERROR: FailureRule(Status.FAILED, "Vertex failed to make the video"),
    Failure.MODEL_RETIRED: FailureRule(
        Status.FAILED, "The model no longer exists or is closed to this project"
    ),
    Failure.REJECTED: FailureRule(Status.FAILED, "Vertex refused the request as invalid"),
    Failure.NO_VIDEO: FailureRule(Status.FAILED, "Vertex finished without a usable video"),
    Failure.TIMED_OUT: FailureRule(Status.TIMEOUT, "Video generation took longer than allowed"),
    Failure.LOST_AT_RESTART: FailureRule(Status.TIMEOUT, "Video generation timed out during bot restart"),
    Failure.ANSWER_LOST: FailureRule(Status.FAILED, "Could not learn whether Google accepted the request"),
    Failure.VIDEO_LOST: FailureRule(Status.FAILED, "The finished video is no longer in the bucket"),
    Failure.INTERNAL: FailureRule(Status.FAILED, "Internal error"),
}

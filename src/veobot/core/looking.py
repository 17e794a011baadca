"""One look at a submission that may bring a video, and how long it is worth looking."""

from datetime import datetime

from .errors import OperatorNeeded, Retryable, VideoMissing
from .failures import Failure
from .limits import LAST_LOOK_PATIENCE, Limits
from .parts import Parts
from .ports import Finished, Gone, Running, StoredVideo, Unsuccessful
from .request import Submission, VideoRequest
from .steps import deadline

OUTAGES = frozenset({Failure.PROVIDER_BUSY, Failure.PROVIDER_UNAVAILABLE})
"""What passes by itself; an answer that nobody understands does not."""

Look = StoredVideo | Unsuccessful | Running | Gone | Retryable
"""What one look at a submission can bring; `Retryable` where nobody could be asked."""


async def look(parts: Parts, submission: Submission, request: VideoRequest) -> Look:
    """Ask Vertex for the operation; where its name is not known, or known no longer, the bucket."""
    try:
        if submission.operation is None:
            return await _look_in_bucket(parts, submission)
        match await parts.generator.poll(submission.operation, request.options):
            case Finished(uri):
                video = await parts.bucket.stat(uri)
                return video if video.size_bytes else Unsuccessful(Failure.NO_VIDEO, f"{uri} is empty")
            case Gone():
                return await parts.bucket.find(submission.prefix) or Gone()
            case answer:
                return answer
    except VideoMissing as error:
        return Unsuccessful(Failure.NO_VIDEO, str(error))
    except Retryable as error:
        parts.log.warning("poll.failed", request_id=request.id, reason=str(error), **fix(error))
        return error


async def _look_in_bucket(parts: Parts, submission: Submission) -> StoredVideo | Running | Gone:
    video = await parts.bucket.find(submission.prefix)
    late = parts.clock.now() >= deadline(submission, parts.limits)
    return video or (Gone() if late else Running())


def wait_until(request: VideoRequest, limits: Limits, in_the_way: Retryable | None = None) -> datetime:
    """Return until when a video is waited for; longer where Vertex or the bucket gave no answer at all."""
    until = max(deadline(s, limits) for s in request.open_submissions)
    until = min(until, request.created_at + limits.request_expiry)
    if isinstance(in_the_way, OperatorNeeded):
        return until + limits.request_expiry
    if in_the_way is not None and in_the_way.failure in OUTAGES:
        return until + LAST_LOOK_PATIENCE
    return until


def fix(error: Exception) -> dict[str, object]:
    """Return what the log says beside an error that the operator has to mend."""
    return {"fix": error.fix} if isinstance(error, OperatorNeeded) else {}

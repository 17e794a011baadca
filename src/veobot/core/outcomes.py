"""How a request ends: the status, and what it costs quota and budget."""

from collections.abc import Sequence

from .failures import RULES, Failure
from .ports import Outcome, SubmissionEnd
from .request import Submission, VideoRequest
from .status import Status, SubmissionState

FREE = frozenset({SubmissionState.REFUSED, SubmissionState.FAILED})
"""Google charges nothing for what it refused, filtered or failed to make. Anything else may have been charged."""


def charge(request: VideoRequest, ends: Sequence[SubmissionEnd]) -> int:
    """Return what the request may have cost, in micro-USD: the price of each submission not known to be free.

    A model that has left the price table since costs what was charged so far, unless all was free.
    """
    states = {s.attempt: s.state for s in request.submissions} | {e.attempt: e.state for e in ends}
    paid = sum(state not in FREE for state in states.values())
    try:
        return paid * request.options.price_micro_usd
    except KeyError:
        return request.charged_micro_usd if paid else 0


def completed(request: VideoRequest, ends: Sequence[SubmissionEnd]) -> Outcome:
    """The video is there."""
    return Outcome(Status.COMPLETED, None, "", charge(request, ends), counts_toward_quota=True)


def failed(
    request: VideoRequest, failure: Failure, detail: str = "", ends: Sequence[SubmissionEnd] = ()
) -> Outcome:
    """There will be no video; the member's quota is given back."""
    return Outcome(RULES[failure].status, failure, detail, charge(request, ends), counts_toward_quota=False)


def undeliverable(request: VideoRequest, detail: str) -> Outcome:
    """Nobody can be told: a finished video stays with its submission, and what it cost stays counted."""
    return failed(request, Failure.UNREACHABLE, detail)


def unacknowledged() -> Outcome:
    """The member never saw that the command was accepted: as if it had not been."""
    return Outcome(Status.CANCELLED, None, "never acknowledged", 0, counts_toward_quota=False)


def cancelled(request: VideoRequest, ends: Sequence[SubmissionEnd]) -> Outcome:
    """Nobody wants it any more: it counts if Vertex may have made the video all the same."""
    states = {s.attempt: s.state for s in request.submissions} | {e.attempt: e.state for e in ends}
    counts = any(state not in FREE for state in states.values())
    return Outcome(Status.CANCELLED, None, "on request", charge(request, ends), counts_toward_quota=counts)


def abandon_open(request: VideoRequest, ended: Sequence[SubmissionEnd]) -> tuple[SubmissionEnd, ...]:
    """Complete `ended` by giving up every other submission that is still open."""
    known = {end.attempt for end in ended}
    given_up = (
        SubmissionEnd(s.attempt, SubmissionState.ABANDONED)
        for s in request.open_submissions
        if s.attempt not in known
    )
    return (*ended, *given_up)


def next_attempt(request: VideoRequest) -> int:
    """Return the attempt to submit under: a surely refused one is made again, a lost one is followed by the next."""
    latest: Submission | None = request.submission
    if latest is None:
        return 1
    return latest.attempt if latest.state is SubmissionState.REFUSED else latest.attempt + 1

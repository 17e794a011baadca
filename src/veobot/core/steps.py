"""What comes next in a request's life, read off its row: the table of the design, as a function."""

from datetime import datetime
from enum import Enum, auto
from typing import assert_never

from .limits import Limits
from .request import Submission, VideoRequest
from .status import Status, SubmissionState


class Step(Enum):
    """The one next thing to do."""

    CONFIRM = auto()
    """Find out whether the member was shown that the command was accepted."""
    CANCEL = auto()
    """Nobody wants it any more."""
    EXPIRE = auto()
    """It waited too long; nothing was paid."""
    LINE_UP = auto()
    """Wait for a slot."""
    SUBMIT = auto()
    """Ask Vertex for the video."""
    RECONCILE = auto()
    """The answer to a submission was lost: look for its video in the bucket."""
    START = auto()
    """The operation's name is recorded, the status not yet."""
    WATCH = auto()
    """Ask Vertex how it is doing."""
    DELIVER = auto()
    """The outcome is known: tell the member."""


def next_step(request: VideoRequest, now: datetime, *, has_slot: bool, limits: Limits) -> Step:
    """Return the one next thing to do for a request that is not closed."""
    match request.status:
        case _ if request.acknowledged_at is None:
            return Step.CONFIRM
        case Status.PENDING | Status.GENERATING if request.cancel_requested_at is not None:
            return Step.CANCEL
        case Status.PENDING:
            return _next_of_pending(request, now, has_slot=has_slot, limits=limits)
        case Status.GENERATING:
            return Step.WATCH
        case Status.COMPLETED | Status.FAILED | Status.TIMEOUT | Status.CANCELLED:
            return Step.DELIVER
        case _:
            assert_never(request.status)


def _next_of_pending(request: VideoRequest, now: datetime, *, has_slot: bool, limits: Limits) -> Step:
    if any(submission.state is SubmissionState.ACCEPTED for submission in request.submissions):
        return Step.START
    if request.open_submissions:
        return Step.RECONCILE
    if now - request.created_at > limits.request_expiry:
        return Step.EXPIRE
    return Step.SUBMIT if has_slot else Step.LINE_UP


def deadline(submission: Submission, limits: Limits) -> datetime:
    """Return when a submission's video is no longer expected.

    Without an operation's name nobody knows when it was accepted: at the latest when its answer was due.
    """
    if submission.accepted_at is not None:
        return submission.accepted_at + limits.generation_deadline
    return submission.intended_at + limits.submit_timeout + limits.generation_deadline

"""The states of a request and of a submission, and which moves between them exist."""

from enum import StrEnum


class Status(StrEnum):
    """Where a request is in its life; `closed_at` stands beside it and is no status."""

    PENDING = "pending"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"

    @property
    def is_outcome(self) -> bool:
        """Whether this is an end: all that is left is to tell the member."""
        return self not in {Status.PENDING, Status.GENERATING}


TRANSITIONS: dict[Status, frozenset[Status]] = {
    # Straight to completed: the answer to the submission was lost, and its finished video is adopted.
    Status.PENDING: frozenset(
        {Status.GENERATING, Status.COMPLETED, Status.FAILED, Status.TIMEOUT, Status.CANCELLED}
    ),
    Status.GENERATING: frozenset({Status.COMPLETED, Status.FAILED, Status.TIMEOUT, Status.CANCELLED}),
    # A finished video that nobody can be given: undeliverable, or gone from the bucket.
    Status.COMPLETED: frozenset({Status.FAILED}),
    Status.FAILED: frozenset(),
    Status.TIMEOUT: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Every move that exists. The store refuses any other."""


class SubmissionState(StrEnum):
    """What is known of one call that Vertex may charge for."""

    INTENDED = "intended"
    """About to be made, or made and its answer never recorded."""
    REFUSED = "refused"
    """Surely not accepted; may be made again under the same attempt."""
    ACCEPTED = "accepted"
    """Vertex gave an operation name: it is running, and will be charged if it succeeds."""
    SUCCEEDED = "succeeded"
    """There is a video."""
    FAILED = "failed"
    """Vertex ended it without a video."""
    ABANDONED = "abandoned"
    """Nobody waits for it any longer; what became of it is unknown."""

    @property
    def is_open(self) -> bool:
        """Whether this submission may still bring a video."""
        return self in {SubmissionState.INTENDED, SubmissionState.ACCEPTED}


class Closure(StrEnum):
    """Why nothing more is owed to the member."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    """Proven that nobody can be told."""
    UNACKNOWLEDGED = "unacknowledged"
    """The member never saw that `/veo` was accepted."""
    WITHDRAWN = "withdrawn"
    """A human deleted the placeholder."""


class DeliveryRoute(StrEnum):
    """How the one visible outcome reaches the member."""

    EDIT = "edit"
    """The placeholder becomes the outcome."""
    POST = "post"
    """A new message in the channel, since the token was dead from the start."""

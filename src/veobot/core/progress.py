"""What a member can be shown while waiting."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """No slot is free yet. `position` is 1 for the next in line."""

    position: int
    starts_at: datetime
    """An estimate."""


@dataclass(frozen=True, slots=True)
class Generating:
    """Vertex is making the video."""

    fraction: float
    """An estimate from elapsed time, from 0 to below 1; it never goes backwards."""
    ready_at: datetime
    """When such a video is usually ready."""
    overdue: bool
    """Whether this one takes longer than 95 in 100 did."""


@dataclass(frozen=True, slots=True)
class Checking:
    """Google's answer was lost: the bucket is watched for the video until `until`."""

    until: datetime


Progress = Waiting | Generating | Checking

"""What is only read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, RowMapping, bindparam, exists, select

from veobot.core.request import RequestId, VideoOptions, VideoRequest
from veobot.core.status import SubmissionState

from .journal import Event
from .rows import request_from_row
from .schema import requests, submissions, transitions

# Built once: putting these together takes longer than running them.
_REQUEST = (
    select(requests, submissions)  # no two of their columns have one name
    .outerjoin(submissions, submissions.c.request_id == requests.c.id)
    .where(requests.c.id == bindparam("of_request"))
    .order_by(submissions.c.attempt)
)
"""Once for each submission, or once with none: what is read most often is read by one statement."""

_restarted = exists().where(
    transitions.c.request_id == submissions.c.request_id,
    transitions.c.event == Event.CLAIMED.value,
    transitions.c.at >= submissions.c.accepted_at,
    transitions.c.at <= submissions.c.ended_at,
)

_LATEST_VIDEOS = (
    select(submissions.c.accepted_at, submissions.c.ended_at)
    .join(requests, requests.c.id == submissions.c.request_id)
    .where(
        submissions.c.state == SubmissionState.SUCCEEDED.value,
        submissions.c.accepted_at.is_not(None),
        submissions.c.ended_at < bindparam("before"),
        requests.c.model == bindparam("model"),
        requests.c.resolution == bindparam("resolution"),
        requests.c.duration_seconds == bindparam("duration_seconds"),
        ~_restarted,
    )
    .order_by(submissions.c.ended_at.desc())
    .limit(bindparam("limit", type_=Integer))
)


def get(connection: Connection, request_id: RequestId) -> VideoRequest:
    """Read one request with its submissions. Raises KeyError, `RowUnreadable`."""
    return request_from_row(*rows_of(connection, request_id))


def rows_of(connection: Connection, request_id: RequestId) -> tuple[RowMapping, Sequence[RowMapping]]:
    """Return a request's own row and those of its submissions. Raises KeyError."""
    rows = connection.execute(_REQUEST, {"of_request": request_id}).mappings().all()
    if not rows:
        raise KeyError(request_id)
    return rows[0], [row for row in rows if row["request_id"] is not None]


def recent_generation_seconds(
    connection: Connection, options: VideoOptions, before: datetime, limit: int
) -> Sequence[float]:
    """Return how long the latest videos of this kind took that were ready before this moment, the latest first.

    Where the bot restarted while one was made, nobody saw when it was ready: such a one is left out, as is one whose
    times are damaged.
    """
    kind = {
        "model": options.model,
        "resolution": options.resolution.value,
        "duration_seconds": options.duration_seconds,
    }
    rows = connection.execute(_LATEST_VIDEOS, {**kind, "before": before, "limit": limit}).mappings()
    return [seconds for row in rows if (seconds := _seconds(row["accepted_at"], row["ended_at"])) is not None]


def _seconds(start: object, end: object) -> float | None:
    if isinstance(start, datetime) and isinstance(end, datetime):
        return (end - start).total_seconds()
    return None

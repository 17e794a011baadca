"""What is only read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, RowMapping, bindparam, exists, select

from veobot.core.request import RequestId, VideoOptions, VideoRequest
from veobot.core.status import SubmissionState

from .journal import Event
from .rows import moment, request_from_row
from .schema import requests, submissions, transitions

# Built once: putting these together takes longer than running them.
_REQUEST = select(requests).where(requests.c.id == bindparam("request_id"))

_SUBMISSIONS = (
    select(submissions)
    .where(submissions.c.request_id == bindparam("request_id"))
    .order_by(submissions.c.attempt)
)

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
    row = connection.execute(_REQUEST, {"request_id": request_id}).mappings().one_or_none()
    if row is None:
        raise KeyError(request_id)
    attempts = connection.execute(_SUBMISSIONS, {"request_id": request_id})
    return row, attempts.mappings().all()


def recent_generation_seconds(
    connection: Connection, options: VideoOptions, before: datetime, limit: int
) -> Sequence[float]:
    """Return how long the latest videos of this kind took that were ready before this moment, the latest first.

    Where the bot restarted while one was made, nobody saw when it was ready: such a one is left out.
    """
    kind = {
        "model": options.model,
        "resolution": options.resolution.value,
        "duration_seconds": options.duration_seconds,
    }
    rows = connection.execute(_LATEST_VIDEOS, {**kind, "before": before, "limit": limit}).mappings()
    return [_seconds(moment(row, "accepted_at"), moment(row, "ended_at")) for row in rows]


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()

"""What is only read."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, exists, select

from veobot.core.request import RequestId, VideoOptions, VideoRequest
from veobot.core.status import SubmissionState

from .journal import Event
from .rows import moment, request_from_row
from .schema import requests, submissions, transitions


def get(connection: Connection, request_id: RequestId) -> VideoRequest:
    """Read one request with its submissions. Raises KeyError, `RowUnreadable`."""
    return request_from_row(*rows_of(connection, request_id))


def rows_of(connection: Connection, request_id: RequestId) -> tuple[RowMapping, Sequence[RowMapping]]:
    """Return a request's own row and those of its submissions. Raises KeyError."""
    row = connection.execute(select(requests).where(requests.c.id == request_id)).mappings().one_or_none()
    if row is None:
        raise KeyError(request_id)
    attempts = connection.execute(
        select(submissions).where(submissions.c.request_id == request_id).order_by(submissions.c.attempt)
    )
    return row, attempts.mappings().all()


def recent_generation_seconds(
    connection: Connection, options: VideoOptions, before: datetime, limit: int
) -> Sequence[float]:
    """Return how long the latest videos of this kind took that were ready before this moment, the latest first.

    Where the bot restarted while one was made, nobody saw when it was ready: such a one is left out.
    """
    restarted = exists().where(
        transitions.c.request_id == submissions.c.request_id,
        transitions.c.event == Event.CLAIMED.value,
        transitions.c.at >= submissions.c.accepted_at,
        transitions.c.at <= submissions.c.ended_at,
    )
    rows = connection.execute(
        select(submissions.c.accepted_at, submissions.c.ended_at)
        .join(requests, requests.c.id == submissions.c.request_id)
        .where(
            submissions.c.state == SubmissionState.SUCCEEDED.value,
            submissions.c.accepted_at.is_not(None),
            submissions.c.ended_at < before,
            requests.c.model == options.model,
            requests.c.resolution == options.resolution.value,
            requests.c.duration_seconds == options.duration_seconds,
            ~restarted,
        )
        .order_by(submissions.c.ended_at.desc())
        .limit(limit)
    ).mappings()
    return [_seconds(moment(row, "accepted_at"), moment(row, "ended_at")) for row in rows]


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()

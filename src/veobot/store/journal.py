"""The append-only record of what moved when, and under which epoch."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, insert, literal, select

from .schema import Moment, requests, transitions


class Event(StrEnum):
    """What can move."""

    ADMITTED = "admitted"
    CLAIMED = "claimed"
    ACKNOWLEDGED = "acknowledged"
    ASSUMED_ACKNOWLEDGED = "assumed acknowledged"
    INTENDED = "submission intended"
    REFUSED = "submission refused"
    ACCEPTED = "submission accepted"
    ACCEPTED_AGAIN = "submission accepted again"
    """A second operation under one attempt: paid twice, and named here only."""
    GENERATING = "generating"
    SUBMISSION_ENDED = "submission ended"
    OUTCOME = "outcome"
    DELIVERY_BEGUN = "delivery begun"
    OUTCOME_POSTED = "outcome posted"
    CLOSED = "closed"
    TOKEN_ERASED = "token erased"  # noqa: S105 - the name of an event


def append(
    connection: Connection, request_id: int, event: Event, now: datetime, *, epoch: int, detail: str = ""
) -> None:
    """Record one move. `detail` is for the operator: never a prompt, a token or a signed address."""
    connection.execute(
        insert(transitions).values(
            request_id=request_id, at=now, epoch=epoch, event=event.value, detail=detail
        )
    )


def append_fact(
    connection: Connection, request_id: int, event: Event, now: datetime, *, detail: str = ""
) -> None:
    """Record one move under the epoch that the request has at this moment."""
    append_to_each(connection, requests.c.id == request_id, event, now, detail=detail)


def append_to_each(
    connection: Connection,
    which: ColumnElement[bool],
    event: Event,
    now: datetime,
    *,
    epoch: ColumnElement[int] | None = None,
    detail: str = "",
) -> None:
    """Record one move of each of these requests, oldest first, in one statement."""
    each = (
        select(
            requests.c.id,
            literal(now, Moment),
            requests.c.epoch if epoch is None else epoch,
            literal(event.value),
            literal(detail),
        )
        .where(which)
        .order_by(requests.c.created_at, requests.c.id)
    )
    connection.execute(
        insert(transitions).from_select(["request_id", "at", "epoch", "event", "detail"], each)
    )

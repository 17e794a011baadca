"""The append-only record of what moved when, and under which epoch."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Insert, Text, bindparam, insert, select

from .schema import Moment, Words, requests, transitions


class Event(StrEnum):
    """What can move."""

    ADMITTED = "admitted"
    CLAIMED = "claimed"
    ACKNOWLEDGED = "acknowledged"
    ASSUMED_ACKNOWLEDGED = "assumed acknowledged"
    CANCEL_REQUESTED = "cancel requested"
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


def each_of(which: ColumnElement[bool], *, epoch: ColumnElement[int] = requests.c.epoch) -> Insert:
    """Return the statement that records one move of each of these requests, oldest first, for `append_to_each`."""
    at = bindparam("move_at", type_=Moment)
    event = bindparam("move_event", type_=Text)
    detail = bindparam("move_detail", type_=Words)
    each = (
        select(requests.c.id, at, epoch, event, detail)
        .where(which)
        .order_by(requests.c.created_at, requests.c.id)
    )
    return insert(transitions).from_select(["request_id", "at", "epoch", "event", "detail"], each)


# Built once: putting these together takes longer than running them.
_MOVE = insert(transitions).inline()  # nobody asks for its id
_FACT = each_of(requests.c.id == bindparam("of_request"))


def append(
    connection: Connection, request_id: int, event: Event, now: datetime, *, epoch: int, detail: str = ""
) -> None:
    """Record one move. `detail` is for the operator: never a prompt, a token or a signed address."""
    move = {"request_id": request_id, "at": now, "epoch": epoch, "event": event.value, "detail": detail}
    connection.execute(_MOVE, move)


def append_fact(
    connection: Connection, request_id: int, event: Event, now: datetime, *, detail: str = ""
) -> None:
    """Record one move under the epoch that the request has at this moment."""
    append_to_each(connection, _FACT, event, now, {"of_request": request_id}, detail=detail)


def append_to_each(
    connection: Connection,
    each: Insert,
    event: Event,
    now: datetime,
    which: Mapping[str, object],
    *,
    detail: str = "",
) -> None:
    """Record one move of each of some requests in one statement of `each_of`; `which` are its own parameters."""
    move = {"move_at": now, "move_event": event.value, "move_detail": detail}
    connection.execute(each, {**which, **move})

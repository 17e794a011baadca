"""What is recorded by whoever learns it, under any epoch: a paused owner's paid answer is never thrown away.

A fact that is known already, or comes too late to change anything, changes nothing.
"""

from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    update,
)

from veobot.core.errors import Superseded
from veobot.core.ports import CancelAnswer, SubmissionEnd
from veobot.core.request import OperationName, Placeholder, RequestId, Submission, VideoRequest
from veobot.core.status import Status, SubmissionState

from . import journal
from .journal import Event
from .schema import Moment, incomplete, requests, storable, submissions


def first_time(column: Column[object]) -> ColumnElement[object]:
    """Return the time that a column holds already, else the parameter `now`."""
    return func.coalesce(column, bindparam("now", type_=Moment))


# Built once: putting these together takes longer than running them. What the parameters name beside a statement's own
# is what it sets; so these are never named as a column of the same table. Lists hold literals, since plain words would
# be put into the statement at each run.
_MAY_STILL_END = [
    literal(SubmissionState.INTENDED.value),
    literal(SubmissionState.ACCEPTED.value),
    # Nobody waited for it, and now it is known after all.
    literal(SubmissionState.ABANDONED.value),
]

_MAY_BE_ACCEPTED = [literal(SubmissionState.INTENDED.value), literal(SubmissionState.REFUSED.value)]

this_submission = and_(
    submissions.c.request_id == bindparam("of_request"),
    submissions.c.attempt == bindparam("of_attempt"),
)
"""The submission that the parameters `of_request` and `of_attempt` name."""

_ACKNOWLEDGED = (
    update(requests)
    .where(requests.c.id == bindparam("of_request"), requests.c.placeholder_id.is_(None), incomplete)
    .values(acknowledged_at=first_time(requests.c.acknowledged_at))
)
_open_submission = exists().where(
    submissions.c.request_id == requests.c.id,
    submissions.c.state.in_([literal(state.value) for state in SubmissionState if state.is_open]),
)
_CANCELLABLE = update(requests).where(
    requests.c.id == bindparam("of_request"),
    requests.c.status.in_([literal(status.value) for status in Status if not status.is_outcome]),
    incomplete,
)
_DROPPED = _CANCELLABLE.values(cancel_requested_at=first_time(requests.c.cancel_requested_at))
_CANCELLED = _DROPPED.where(~_open_submission)
_STATUS = select(requests.c.status).where(requests.c.id == bindparam("of_request"))

_KNOWN_REQUEST = select(requests.c.id).where(requests.c.id == bindparam("of_request"))

_REFUSED = (
    update(submissions)
    .where(
        this_submission,
        submissions.c.state == SubmissionState.INTENDED.value,
        submissions.c.intended_at == bindparam("of_call"),
    )
    .values(state=SubmissionState.REFUSED.value)
)

_accepted = case(
    (submissions.c.state.in_(_MAY_BE_ACCEPTED), SubmissionState.ACCEPTED.value),
    else_=submissions.c.state,
)
_ACCEPTED = (
    update(submissions).where(this_submission, submissions.c.operation.is_(None)).values(state=_accepted)
)
_KNOWN_OPERATION = select(submissions.c.operation).where(this_submission)

_GENERATING = (
    update(requests)
    .where(
        requests.c.id == bindparam("of_request"),
        requests.c.status == Status.PENDING.value,
        requests.c.epoch == bindparam("of_epoch"),
        incomplete,
    )
    .values(status=Status.GENERATING.value)
)

_ENDED = update(submissions).where(
    this_submission,
    submissions.c.state.in_(_MAY_STILL_END),
    submissions.c.state != bindparam("end"),
)


def record_placeholder(
    connection: Connection, request_id: RequestId, placeholder: Placeholder, now: datetime
) -> None:
    """Keep the message by which the command was acknowledged; an earlier one stays. Raises KeyError."""
    which = {"of_request": request_id}
    values = {
        "placeholder_id": placeholder.message_id,
        "placeholder_ephemeral": placeholder.ephemeral,
        "now": now,
    }
    if connection.execute(_ACKNOWLEDGED, {**which, **values}).rowcount:
        detail = f"message {placeholder.message_id}"
        journal.append_fact(connection, request_id, Event.ACKNOWLEDGED, now, detail=detail)
    elif connection.scalar(_KNOWN_REQUEST, which) is None:
        raise KeyError(request_id)


def request_cancel(
    connection: Connection, request_id: RequestId, now: datetime, *, drop: bool
) -> CancelAnswer:
    """Keep that nobody wants the request any more, unless it has its outcome, or is running and not to be dropped."""
    which = {"of_request": request_id}
    if connection.execute(_DROPPED if drop else _CANCELLED, {**which, "now": now}).rowcount:
        journal.append_fact(
            connection, request_id, Event.CANCEL_REQUESTED, now, detail="drop" if drop else ""
        )
        return CancelAnswer.TAKEN
    status = connection.scalar(_STATUS, which)
    if status is None:
        raise KeyError(request_id)
    going_on = {status.value for status in Status if not status.is_outcome}
    return CancelAnswer.RUNNING if status in going_on else CancelAnswer.OVER


def record_refusal(connection: Connection, submission: Submission, now: datetime) -> None:
    """Keep that this very call was surely not accepted; a later call under the same attempt is another one."""
    call = {**_key(submission), "of_call": submission.intended_at}
    if connection.execute(_REFUSED, call).rowcount:
        _append(connection, submission, Event.REFUSED, now)


def record_operation(
    connection: Connection,
    request: VideoRequest,
    submission: Submission,
    operation: OperationName,
    now: datetime,
) -> None:
    """Keep the operation's name, where none is known; move pending → generating if the epoch is still the request's."""
    values = {"operation": operation, "accepted_at": now}
    if connection.execute(_ACCEPTED, {**_key(submission), **values}).rowcount:
        _append(connection, submission, Event.ACCEPTED, now)
    else:
        _record_second_operation(connection, submission, operation, now)
    if connection.execute(_GENERATING, {"of_request": request.id, "of_epoch": request.epoch}).rowcount:
        journal.append(connection, request.id, Event.GENERATING, now, epoch=request.epoch)


def end_submission(connection: Connection, submission: Submission, end: SubmissionEnd, now: datetime) -> None:
    """Keep how a submission ended. The first end known stays."""
    which = {**_key(submission), "end": end.state.value}
    if connection.execute(_ENDED, {**which, **end_values(end, now)}).rowcount:
        _append(connection, submission, Event.SUBMISSION_ENDED, now, detail=end.state.value)


def end_values(end: SubmissionEnd, now: datetime) -> dict[str, object]:
    """Return the columns of a submission that has ended."""
    return {
        "state": end.state.value,
        "ended_at": now,
        "video_uri": end.video_uri,
        "video_size_bytes": end.video_size_bytes,
    }


def _key(submission: Submission) -> dict[str, object]:
    return {"of_request": submission.request_id, "of_attempt": submission.attempt}


def _append(
    connection: Connection, submission: Submission, event: Event, now: datetime, *, detail: str = ""
) -> None:
    attempt = f"attempt {submission.attempt}"
    detail = f"{attempt}: {detail}" if detail else attempt
    journal.append_fact(connection, submission.request_id, event, now, detail=detail)


def _record_second_operation(
    connection: Connection, submission: Submission, operation: OperationName, now: datetime
) -> None:
    """Keep a second operation's name in the journal: it is paid too, but the row's own name stays."""
    known = connection.scalar(_KNOWN_OPERATION, _key(submission))
    if known is None:
        raise Superseded("There is no such submission.")
    if known != storable(operation):
        _append(connection, submission, Event.ACCEPTED_AGAIN, now, detail=operation)

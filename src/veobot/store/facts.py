"""What is recorded by whoever learns it, under any epoch: a paused owner's paid answer is never thrown away.

A fact that is known already, or comes too late to change anything, changes nothing.
"""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, case, func, literal, select, update

from veobot.core.errors import Superseded
from veobot.core.ports import SubmissionEnd
from veobot.core.request import OperationName, Placeholder, RequestId, Submission, VideoRequest
from veobot.core.status import Status, SubmissionState

from . import journal
from .journal import Event
from .schema import Moment, incomplete, requests, submissions

_MAY_STILL_END = [
    SubmissionState.INTENDED.value,
    SubmissionState.ACCEPTED.value,
    # Nobody waited for it, and now it is known after all.
    SubmissionState.ABANDONED.value,
]

_MAY_BE_ACCEPTED = [SubmissionState.INTENDED.value, SubmissionState.REFUSED.value]


def record_placeholder(
    connection: Connection, request_id: RequestId, placeholder: Placeholder, now: datetime
) -> None:
    """Keep the message by which the command was acknowledged; an earlier one stays. Raises KeyError."""
    changed = connection.execute(
        update(requests)
        .where(requests.c.id == request_id, requests.c.placeholder_id.is_(None), incomplete)
        .values(
            placeholder_id=placeholder.message_id,
            placeholder_ephemeral=placeholder.ephemeral,
            acknowledged_at=first_time(requests.c.acknowledged_at, now),
        )
    ).rowcount
    if changed:
        detail = f"message {placeholder.message_id}"
        journal.append_fact(connection, request_id, Event.ACKNOWLEDGED, now, detail=detail)
    elif connection.scalar(select(requests.c.id).where(requests.c.id == request_id)) is None:
        raise KeyError(request_id)


def record_refusal(connection: Connection, submission: Submission, now: datetime) -> None:
    """Keep that this very call was surely not accepted; a later call under the same attempt is another one."""
    changed = connection.execute(
        update(submissions)
        .where(
            *_key(submission),
            submissions.c.state == SubmissionState.INTENDED.value,
            submissions.c.intended_at == submission.intended_at,
        )
        .values(state=SubmissionState.REFUSED.value)
    ).rowcount
    if changed:
        _append(connection, submission, Event.REFUSED, now)


def record_operation(
    connection: Connection,
    request: VideoRequest,
    submission: Submission,
    operation: OperationName,
    now: datetime,
) -> None:
    """Keep the operation's name, where none is known; move pending → generating if the epoch is still the request's."""
    accepted = case(
        (submissions.c.state.in_(_MAY_BE_ACCEPTED), SubmissionState.ACCEPTED.value),
        else_=submissions.c.state,
    )
    changed = connection.execute(
        update(submissions)
        .where(*_key(submission), submissions.c.operation.is_(None))
        .values(operation=operation, accepted_at=now, state=accepted)
    ).rowcount
    if changed:
        _append(connection, submission, Event.ACCEPTED, now)
    else:
        _record_second_operation(connection, submission, operation, now)
    moved = connection.execute(
        update(requests)
        .where(
            requests.c.id == request.id,
            requests.c.status == Status.PENDING.value,
            requests.c.epoch == request.epoch,
            incomplete,
        )
        .values(status=Status.GENERATING.value)
    ).rowcount
    if moved:
        journal.append(connection, request.id, Event.GENERATING, now, epoch=request.epoch)


def end_submission(connection: Connection, submission: Submission, end: SubmissionEnd, now: datetime) -> None:
    """Keep how a submission ended. The first end known stays."""
    changed = connection.execute(
        update(submissions)
        .where(
            *_key(submission),
            submissions.c.state.in_(_MAY_STILL_END),
            submissions.c.state != end.state.value,
        )
        .values(end_values(end, now))
    ).rowcount
    if changed:
        _append(connection, submission, Event.SUBMISSION_ENDED, now, detail=end.state.value)


def end_values(end: SubmissionEnd, now: datetime) -> dict[str, object]:
    """Return the columns of a submission that has ended."""
    return {
        "state": end.state.value,
        "ended_at": now,
        "video_uri": end.video_uri,
        "video_size_bytes": end.video_size_bytes,
    }


def first_time(column: Column[object], now: datetime) -> ColumnElement[object]:
    """Return the time that a column holds already, else now."""
    return func.coalesce(column, literal(now, Moment))


def _key(submission: Submission) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        submissions.c.request_id == submission.request_id,
        submissions.c.attempt == submission.attempt,
    )


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
    known = connection.scalar(select(submissions.c.operation).where(*_key(submission)))
    if known is None:
        raise Superseded("There is no such submission.")
    if known != operation:
        _append(connection, submission, Event.ACCEPTED_AGAIN, now, detail=operation)

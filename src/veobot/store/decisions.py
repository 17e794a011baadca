"""What only the present owner may decide.

Each decision is an UPDATE that names the status and the epoch it was made on. If no row changes, the request has moved
on: `Superseded`, and the caller looks again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Update, bindparam, exists, insert, literal, or_, select, update

from veobot.core.errors import Superseded
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import MessageId, RequestId, Submission, VideoRequest
from veobot.core.status import TRANSITIONS, Closure, DeliveryRoute, Status, SubmissionState

from . import journal
from .errors import ImpossibleTransition
from .facts import end_values, first_time, this_submission
from .journal import Event
from .rows import integer, submission_from_row, text
from .schema import Moment, incomplete, requests, submissions

# Built once: putting these together takes longer than running them. What the parameters name beside a statement's own
# is what it sets; so these are never named as a column of the same table.
_DECISION = update(requests).where(
    requests.c.id == bindparam("of_request"),
    requests.c.status == bindparam("of_status"),
    requests.c.epoch == bindparam("of_epoch"),
    # What was decided before somebody wished to cancel is decided anew.
    requests.c.cancel_requested_at.is_not_distinct_from(bindparam("of_cancel", type_=Moment)),
    incomplete,
)

_ACKNOWLEDGED = _DECISION.values(acknowledged_at=first_time(requests.c.acknowledged_at))

_accepted = exists().where(
    submissions.c.request_id == requests.c.id,
    # Literals, since plain words would be put into the statement at each run.
    submissions.c.state.in_(
        [literal(SubmissionState.ACCEPTED.value), literal(SubmissionState.SUCCEEDED.value)]
    ),
)
_GENERATING = _DECISION.where(_accepted)

_DELIVERY = _DECISION.values(delivery_started_at=first_time(requests.c.delivery_started_at))

_none_or_same = or_(
    requests.c.outcome_message_id.is_(None), requests.c.outcome_message_id == bindparam("message")
)
_begun = requests.c.delivery_route.is_not(None)
_MESSAGE = _DECISION.where(_begun, _none_or_same).values(outcome_message_id=bindparam("message"))

_STATE = select(submissions.c.state).where(this_submission)
_STATES = select(submissions.c.attempt, submissions.c.state).where(
    submissions.c.request_id == bindparam("of_request")
)
_NEW_SUBMISSION = insert(submissions).returning(submissions)
_OPENED_AGAIN = update(submissions).where(this_submission).returning(submissions)
_CHANGE = update(submissions).where(this_submission)


def assume_acknowledged(connection: Connection, request: VideoRequest, now: datetime) -> None:
    """Go on as if acknowledged, since nothing can be looked up."""
    _decide(connection, request, {}, Event.ASSUMED_ACKNOWLEDGED, now, statement=_ACKNOWLEDGED)


def record_intent(
    connection: Connection, request: VideoRequest, attempt: int, prefix: str, now: datetime
) -> Submission:
    """Open submission `attempt`, or open the same refused one again."""
    if request.status is not Status.PENDING:
        raise Superseded(f"Only a pending request is submitted; this one is {request.status}.")
    # The row itself stays as it is; updating it proves the epoch.
    _decide(connection, request, {"epoch": request.epoch}, Event.INTENDED, now, detail=f"attempt {attempt}")
    _expect_submissions(connection, request)
    earlier = next((s for s in request.submissions if s.attempt == attempt), None)
    if earlier is None:
        return _open_new(connection, request, attempt, prefix, now)
    return _open_again(connection, earlier, prefix, now)


def start_generating(connection: Connection, request: VideoRequest, now: datetime) -> None:
    """Move pending → generating where Vertex is known to have accepted."""
    _check_move(request.status, Status.GENERATING)
    values = {"status": Status.GENERATING.value}
    _decide(connection, request, values, Event.GENERATING, now, statement=_GENERATING)


def record_outcome(
    connection: Connection,
    request: VideoRequest,
    outcome: Outcome,
    ends: Sequence[SubmissionEnd],
    now: datetime,
) -> None:
    """Record how the request ends, and how its submissions ended."""
    _check_move(request.status, outcome.status)
    _decide(connection, request, _outcome_values(outcome, now), Event.OUTCOME, now, detail=_describe(outcome))
    for end in ends:
        _end_as_read(connection, request, end, now)


def begin_delivery(
    connection: Connection, request: VideoRequest, route: DeliveryRoute, now: datetime
) -> None:
    """Record that the outcome is about to be shown by this route; the first start is kept."""
    if not request.status.is_outcome:
        raise ImpossibleTransition(f"There is nothing to deliver yet: the request is {request.status}.")
    values = {"delivery_route": route.value}
    _decide(connection, request, values, Event.DELIVERY_BEGUN, now, detail=route.value, statement=_DELIVERY)


def record_outcome_message(
    connection: Connection, request: VideoRequest, message_id: MessageId, now: datetime
) -> None:
    """Record the new message that carries the outcome; there is at most one."""
    values = {"message": message_id}
    detail = f"message {message_id}"
    _decide(connection, request, values, Event.OUTCOME_POSTED, now, detail=detail, statement=_MESSAGE)


def close(
    connection: Connection, request: VideoRequest, closure: Closure, now: datetime, outcome: Outcome | None
) -> None:
    """Record that nothing more is owed, and erase the interaction's token."""
    values: dict[str, object] = {}
    detail = closure.value
    if outcome is not None:
        if outcome.status is not request.status:
            _check_move(request.status, outcome.status)
        values |= _outcome_values(outcome, now)
        detail = f"{closure.value}, {_describe(outcome)}"
    elif not request.status.is_outcome:
        raise ImpossibleTransition(f"A {request.status} request cannot be closed without an outcome.")
    values |= {"closed_at": now, "closure": closure.value, "interaction_token": None}
    _decide(connection, request, values, Event.CLOSED, now, detail=detail)


# -- the one statement


def _decide(
    connection: Connection,
    request: VideoRequest,
    values: Mapping[str, object],
    event: Event,
    now: datetime,
    *,
    detail: str = "",
    statement: Update = _DECISION,
) -> None:
    """Change the request's row if it still stands where the decision was made. Raises `Superseded`."""
    seen = {
        "of_request": request.id,
        "of_status": request.status.value,
        "of_epoch": request.epoch,
        "of_cancel": request.cancel_requested_at,
    }
    if connection.execute(statement, {**seen, **values, "now": now}).rowcount != 1:
        raise Superseded
    journal.append(connection, request.id, event, now, epoch=request.epoch, detail=detail)


def _check_move(old: Status, new: Status) -> None:
    if new not in TRANSITIONS[old]:
        raise ImpossibleTransition(f"A request never moves from {old} to {new}.")


def _outcome_values(outcome: Outcome, now: datetime) -> dict[str, object]:
    return {
        "status": outcome.status.value,
        "failure": None if outcome.failure is None else outcome.failure.value,
        "failure_detail": outcome.detail,
        "outcome_at": now,
        "charged_micro_usd": outcome.charged_micro_usd,
        "counts_toward_quota": outcome.counts_toward_quota,
    }


def _describe(outcome: Outcome) -> str:
    return (
        outcome.status.value
        if outcome.failure is None
        else f"{outcome.status.value}: {outcome.failure.value}"
    )


# -- submissions, as the decision saw them


def _key(request_id: RequestId, attempt: int) -> dict[str, object]:
    return {"of_request": request_id, "of_attempt": attempt}


def _expect_submissions(connection: Connection, request: VideoRequest) -> None:
    """Raise `Superseded` where a submission was opened, accepted or ended since the request was read."""
    rows = connection.execute(_STATES, {"of_request": request.id}).mappings()
    present = {integer(row, "attempt"): text(row, "state") for row in rows}
    if present != {s.attempt: s.state.value for s in request.submissions}:
        raise Superseded


def _open_new(
    connection: Connection, request: VideoRequest, attempt: int, prefix: str, now: datetime
) -> Submission:
    if attempt != len(request.submissions) + 1:
        raise ImpossibleTransition(f"Attempt {attempt} cannot follow {len(request.submissions)} attempts.")
    values = {
        "request_id": request.id,
        "attempt": attempt,
        "prefix": prefix,
        "first_intended_at": now,
        "intended_at": now,
        "state": SubmissionState.INTENDED.value,
    }
    return submission_from_row(connection.execute(_NEW_SUBMISSION, values).mappings().one())


def _open_again(connection: Connection, earlier: Submission, prefix: str, now: datetime) -> Submission:
    if earlier.state is not SubmissionState.REFUSED:
        raise ImpossibleTransition(f"Attempt {earlier.attempt} was not refused: it is {earlier.state}.")
    if earlier.prefix != prefix:
        raise ImpossibleTransition(f"Attempt {earlier.attempt} keeps its prefix {earlier.prefix}.")
    values = {"state": SubmissionState.INTENDED.value, "intended_at": now}
    key = _key(earlier.request_id, earlier.attempt)
    return submission_from_row(connection.execute(_OPENED_AGAIN, {**key, **values}).mappings().one())


def _end_as_read(connection: Connection, request: VideoRequest, end: SubmissionEnd, now: datetime) -> None:
    """End a submission that is as the decision knew it, or has ended in just this way. Raises `Superseded`.

    An intended one is known: nobody but the present owner intends. One accepted since the read is not.
    """
    key = _key(request.id, end.attempt)
    state = connection.scalar(_STATE, key)
    if state == end.state.value:
        return
    known = {s.state.value for s in request.submissions if s.attempt == end.attempt}
    if state not in known | {SubmissionState.INTENDED.value}:
        raise Superseded
    connection.execute(_CHANGE, {**key, **end_values(end, now)})

"""Start-up's first step: make every incomplete request of other owners ours, in one statement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    bindparam,
    exists,
    literal,
    or_,
    select,
    update,
)

from veobot.core.errors import RowUnreadable
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId, VideoRequest
from veobot.core.status import SubmissionState

from . import journal
from .rows import REQUEST_CHOICES, integer, request_from_row
from .schema import incomplete, requests, submissions


def claim_incomplete(
    connection: Connection, owner: str, now: datetime
) -> Sequence[VideoRequest | UnreadableRow]:
    """Raise the epoch of every incomplete request of other owners, and return them, oldest first.

    The number of statements does not depend on the number of requests.
    """
    claimant = {"claimant": owner}
    journal.append_to_each(connection, _CLAIMED, journal.Event.CLAIMED, now, claimant, detail=owner)
    claimed = connection.execute(_CLAIM, claimant).mappings().all()
    # What is still of others is what this version cannot read.
    left = connection.execute(_OF_OTHERS, claimant).mappings().all()
    rows = sorted([*claimed, *left], key=_age)
    by_request = _submissions_of_incomplete(connection)
    return [read_request(row, by_request.get(row["id"], ())) for row in rows]


def read_request(row: RowMapping, submission_rows: Sequence[RowMapping]) -> VideoRequest | UnreadableRow:
    """Return the request, or why it cannot be read."""
    try:
        return request_from_row(row, submission_rows)
    except RowUnreadable as error:
        return UnreadableRow(RequestId(integer(row, "id")), str(error))


def _age(row: RowMapping) -> tuple[bool, object, int]:
    """Sort by time asked; a damaged time comes last, where it disturbs no comparison."""
    created_at: object = row["created_at"]
    is_time = isinstance(created_at, datetime)
    return not is_time, created_at if is_time else 0, integer(row, "id")


def _submissions_of_incomplete(connection: Connection) -> Mapping[int, Sequence[RowMapping]]:
    found: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(_SUBMISSIONS_OF_INCOMPLETE).mappings():
        found[integer(row, "request_id")].append(row)
    return found


def _readable() -> ColumnElement[bool]:
    """Tell the rows whose every word this version knows."""
    unknown_submission = exists().where(
        submissions.c.request_id == requests.c.id, ~_known(submissions, "state", SubmissionState)
    )
    return and_(
        *(_known(requests, column, words) for column, words in REQUEST_CHOICES.items()), ~unknown_submission
    )


def _known(table: Table, name: str, words: type[StrEnum]) -> ColumnElement[bool]:
    column: Column[str] = table.c[name]
    known = column.in_([literal(word.value) for word in words])
    return or_(column.is_(None), known) if column.nullable else known


# -- the statements; built once: putting them together takes longer than running them

_of_others = and_(incomplete, requests.c.owner != bindparam("claimant"))
_claimable = and_(_of_others, _readable())

_CLAIMED = journal.each_of(_claimable, epoch=requests.c.epoch + 1)
_CLAIM = (
    update(requests)
    .where(_claimable)
    .values(owner=bindparam("claimant"), epoch=requests.c.epoch + 1)
    .returning(requests)
)
_OF_OTHERS = select(requests).where(_of_others)
_SUBMISSIONS_OF_INCOMPLETE = (
    select(submissions)
    .join(requests, requests.c.id == submissions.c.request_id)
    .where(incomplete)
    .order_by(submissions.c.request_id, submissions.c.attempt)
)

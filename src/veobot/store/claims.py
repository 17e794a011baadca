"""How requests get an owner: all incomplete ones of other owners at start-up, in one statement; or some by name."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, or_, select, update

from veobot.core.errors import RowUnreadable
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId, VideoRequest

from . import journal
from .portable import Among
from .rows import integer, request_from_row
from .schema import incomplete, requests, submissions

NOBODY = ""
"""The owner of a request that was let in and has not been carried yet."""


def claim_incomplete(
    connection: Connection, owner: str, now: datetime
) -> Sequence[VideoRequest | UnreadableRow]:
    """Raise the epoch of every incomplete request of other owners, and return them, oldest first.

    They are read before: only what reading makes a request of is claimed, whatever a newer version or a damage has
    left in the other rows. The number of statements does not depend on the number of requests.

    What this owner has claimed before is returned with them, as it is: a disk may report a commit as failed that took
    place, and nobody else would ever carry those.
    """
    claimant = {"claimant": owner}
    rows = connection.execute(_TAKEN_OVER, claimant).mappings().all()
    if not rows:
        return []
    by_request = _by_request(connection.execute(_SUBMISSIONS_OF_INCOMPLETE).mappings())
    found = [read_request(row, by_request.get(row["id"], ())) for row in rows]
    unreadable = [row.id for row in found if isinstance(row, UnreadableRow)]
    claim = {**claimant, "unreadable": json.dumps(unreadable)}
    journal.append_to_each(connection, _CLAIMED, journal.Event.CLAIMED, now, claim, detail=owner)
    connection.execute(_CLAIM, claim)
    return [
        row if isinstance(row, UnreadableRow) or row.owner == owner else _claimed(row, owner) for row in found
    ]


def claim(
    connection: Connection, request_ids: Sequence[RequestId], owner: str, now: datetime
) -> Sequence[VideoRequest | UnreadableRow]:
    """Make `owner` the owner of these requests, and return them as they are then, oldest first.

    Whoever carries one of them is superseded, even under the same name; what nobody has carried keeps its epoch. What
    is closed is left out, and what cannot be read is left as it is.
    """
    which = {"wanted": json.dumps(list(request_ids))}
    rows = connection.execute(_WANTED, which).mappings().all()
    by_request = _by_request(connection.execute(_SUBMISSIONS_OF_WANTED, which).mappings())
    found = [read_request(row, by_request.get(row["id"], ())) for row in rows]
    readable = {"wanted": json.dumps([row.id for row in found if isinstance(row, VideoRequest)])}
    connection.execute(_CLAIM_WANTED, {**readable, "claimant": owner})
    journal.append_to_each(connection, _CLAIMED_WANTED, journal.Event.CLAIMED, now, readable, detail=owner)
    return [row if isinstance(row, UnreadableRow) else _carried_by(owner, row) for row in found]


def read_request(row: RowMapping, submission_rows: Sequence[RowMapping]) -> VideoRequest | UnreadableRow:
    """Return the request, or why it cannot be read."""
    try:
        return request_from_row(row, submission_rows)
    except RowUnreadable as error:
        return UnreadableRow(RequestId(integer(row, "id")), str(error), error.fix)


def _claimed(request: VideoRequest, owner: str) -> VideoRequest:
    """Return the request as its row is now."""
    return replace(request, owner=owner, epoch=request.epoch + 1)


def _carried_by(owner: str, request: VideoRequest) -> VideoRequest:
    """Return the request as its row is once it has been claimed by name."""
    return replace(request, owner=owner) if request.owner == NOBODY else _claimed(request, owner)


def _by_request(submission_rows: Iterable[RowMapping]) -> Mapping[int, Sequence[RowMapping]]:
    found: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in submission_rows:
        found[integer(row, "request_id")].append(row)
    return found


# -- the statements; built once: putting them together takes longer than running them

_of_others = and_(incomplete, requests.c.owner != bindparam("claimant"))
_claimable = and_(_of_others, ~Among(requests.c.id, "unreadable"))
# An owner's own requests of the first epoch are those that it let in itself: they were never left behind.
_taken_over = and_(incomplete, or_(_of_others, requests.c.epoch > 1))

_CLAIMED = journal.each_of(_claimable, epoch=requests.c.epoch + 1)
_CLAIM = update(requests).where(_claimable).values(owner=bindparam("claimant"), epoch=requests.c.epoch + 1)
# A damaged time is a text or out of all bounds, and comes last.
_TAKEN_OVER = select(requests).where(_taken_over).order_by(requests.c.created_at, requests.c.id)
_SUBMISSIONS = (
    select(submissions)
    .join(requests, requests.c.id == submissions.c.request_id)
    .order_by(submissions.c.request_id, submissions.c.attempt)
)
_SUBMISSIONS_OF_INCOMPLETE = _SUBMISSIONS.where(incomplete)

_wanted = and_(incomplete, Among(requests.c.id, "wanted"))
_next_epoch = case((requests.c.owner == NOBODY, requests.c.epoch), else_=requests.c.epoch + 1)

_WANTED = select(requests).where(_wanted).order_by(requests.c.created_at, requests.c.id)
_SUBMISSIONS_OF_WANTED = _SUBMISSIONS.where(_wanted)
_CLAIM_WANTED = update(requests).where(_wanted).values(owner=bindparam("claimant"), epoch=_next_epoch)
_CLAIMED_WANTED = journal.each_of(_wanted)

"""One member's rows, for that member: what was used, and the history. Only read.

The history is walked by when requests were asked, and by their ids where two were asked at once: the index of a
member's quota has them in this order. What has a damaged time has no place in it, and is left out.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    RowMapping,
    Select,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
)

from veobot.core.own_requests import Cut, Direction, MemberRecords, MemberUsage, Position, RecordedPage
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId, UserId, VideoRequest
from veobot.core.status import Closure

from .admission import asked_since, member_requests
from .claims import read_request
from .database import Database
from .portable import Among, WholeNumber
from .rows import integer, moment
from .schema import requests, submissions

_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""Discord's epoch: no snowflake is older."""
_LATEST = datetime.max.replace(tzinfo=UTC)
"""No time is later."""
_TOP = Position(_LATEST - timedelta(milliseconds=1), RequestId(2**63 - 1))
"""Newer than every request."""


class SqlMemberRecords(MemberRecords):
    """One member's rows, in SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usage(self, user_id: UserId, since: datetime) -> MemberUsage:
        """Return what was used since then, counted as admission counts it. Raises `StoreUnavailable`."""
        return await self._database.read(lambda c: _usage(c, user_id, since))

    async def page(self, user_id: UserId, cut: Cut | None, size: int) -> RecordedPage:
        """Return at most `size` of the requests at the cut; the newest where it is None, or nothing is there."""
        return await self._database.read(lambda c: _page(c, user_id, cut, size))


def _usage(connection: Connection, user_id: UserId, since: datetime) -> MemberUsage:
    charged = connection.execute(_CHARGED, {"user_id": user_id, "quota_since": since}).mappings().one()
    return MemberUsage(member_requests(connection, user_id, since), integer(charged, "charged"))


def _page(connection: Connection, user_id: UserId, cut: Cut | None, size: int) -> RecordedPage:
    if cut is not None and cut.direction is Direction.AFTER:
        nearest_first = _positions(connection, _NEWER, user_id, cut.position, size + 1)
        # Fewer than a page are the newest page, which is shown whole.
        shown = nearest_first[size - 1 :: -1] if len(nearest_first) > size else ()
    else:
        shown = _positions(connection, _OLDER, user_id, cut.position if cut else _TOP, size)
    shown = shown or _positions(connection, _OLDER, user_id, _TOP, size)
    if not shown:
        return RecordedPage((), None, None)
    newer = _positions(connection, _NEWER, user_id, shown[0], 1)
    older = _positions(connection, _OLDER, user_id, shown[-1], 1)
    return RecordedPage(
        _whole(connection, shown),
        Cut(Direction.AFTER, shown[0]) if newer else None,
        Cut(Direction.BEFORE, shown[-1]) if older else None,
    )


def _positions(
    connection: Connection,
    statement: "Select[tuple[int, object]]",
    user_id: UserId,
    position: Position,
    limit: int,
) -> Sequence[Position]:
    """Return the places of the nearest requests on one side of a position, the nearest first."""
    asked = {
        "user_id": user_id,
        "asked_at": position.asked_at,
        "request_id": position.request_id,
        "limit": limit,
    }
    rows = connection.execute(statement, asked).mappings()
    return [Position(moment(row, "created_at"), RequestId(integer(row, "id"))) for row in rows]


def _whole(connection: Connection, shown: Sequence[Position]) -> Sequence[VideoRequest | UnreadableRow]:
    """Return the requests at these places, in their order."""
    wanted = {"wanted": json.dumps([position.request_id for position in shown])}
    by_request: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(_WHOLE, wanted).mappings():
        by_request[integer(row, "id")].append(row)
    return [_request(by_request[position.request_id]) for position in shown]


def _request(rows: Sequence[RowMapping]) -> VideoRequest | UnreadableRow:
    return read_request(rows[0], [row for row in rows if row["request_id"] is not None])


# -- the statements; built once: putting them together takes longer than running them

_of_member = requests.c.user_id == bindparam("user_id")

_CHARGED = select(
    # PostgreSQL sums whole numbers up to one with a decimal point.
    cast(func.coalesce(func.sum(requests.c.charged_micro_usd), 0), BigInteger).label("charged")
).where(_of_member, asked_since("quota_since"), WholeNumber(requests.c.charged_micro_usd))

_promised = or_(requests.c.closure.is_(None), requests.c.closure != Closure.UNACKNOWLEDGED.value)
_listed = and_(
    _of_member,
    _promised,
    requests.c.created_at.between(_EARLIEST, _LATEST),
    WholeNumber(requests.c.created_at),
)
_at_once = requests.c.created_at == bindparam("asked_at")
_limit = bindparam("limit", type_=Integer)

# The first condition on the time is for the index: no database finds it in the second.
_OLDER = (
    select(requests.c.id, requests.c.created_at)
    .where(
        _listed,
        requests.c.created_at <= bindparam("asked_at"),
        or_(
            requests.c.created_at < bindparam("asked_at"),
            and_(_at_once, requests.c.id < bindparam("request_id")),
        ),
    )
    .order_by(requests.c.created_at.desc(), requests.c.id.desc())
    .limit(_limit)
)
_NEWER = (
    select(requests.c.id, requests.c.created_at)
    .where(
        _listed,
        requests.c.created_at >= bindparam("asked_at"),
        or_(
            requests.c.created_at > bindparam("asked_at"),
            and_(_at_once, requests.c.id > bindparam("request_id")),
        ),
    )
    .order_by(requests.c.created_at, requests.c.id)
    .limit(_limit)
)

_WHOLE = (
    select(requests, submissions)  # no two of their columns have one name
    .outerjoin(submissions, submissions.c.request_id == requests.c.id)
    .where(Among(requests.c.id, "wanted"))
    .order_by(submissions.c.attempt)
)

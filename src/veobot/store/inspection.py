"""What the operator sees of the rows. Words are shown as stored, so that no row is too new to be listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from veobot.core.errors import RowUnreadable
from veobot.core.ports import UnreadableRow
from veobot.core.request import ChannelId, GuildId, RequestId, UserId, VideoRequest

from .claims import read_request
from .database import Database
from .queries import rows_of
from .rows import integer, moment, moment_or_none, text
from .schema import incomplete, requests, transitions

STUCK_AFTER = timedelta(hours=1)
"""An incomplete request in which nothing moved for so long is stuck.

A generation ends within 10 minutes, one whose answer was lost within 21, and the last of 100 that wait has three slots
to wait for, of some 2 minutes each. A bot that starts moves each request, by claiming it.
"""

ASKED_AT_ONCE = 1_000
"""Requests named in one statement."""

DEFAULT_LIMIT = 50
"""Rows that fit a terminal with some scrolling."""


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests to list; the newest `limit` of them."""

    incomplete_only: bool = False
    stuck_at: datetime | None = None
    """If given: only those that are stuck at this moment (see `STUCK_AFTER`)."""
    user_id: UserId | None = None
    status: str | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """One line of a list."""

    id: RequestId
    user_id: UserId
    guild_id: GuildId
    channel_id: ChannelId
    status: str
    failure: str
    """Empty where there is none."""
    closure: str
    """Empty while incomplete."""
    owner: str
    epoch: int
    created_at: datetime
    closed_at: datetime | None
    last_moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a request's history."""

    at: datetime
    epoch: int
    event: str
    detail: str


@dataclass(frozen=True, slots=True)
class RequestHistory:
    """One request, and all that moved it, oldest first."""

    request: VideoRequest | UnreadableRow
    transitions: Sequence[Transition]


async def list_requests(database: Database, which: RequestFilter) -> Sequence[RequestSummary | UnreadableRow]:
    """Return the newest requests that match, oldest first; a damaged row hides no other. Raises `StoreUnavailable`."""
    return await database.read(lambda connection: _list(connection, which))


async def show_request(database: Database, request_id: RequestId) -> RequestHistory:
    """Return one request with its submissions and transitions. Raises KeyError, `StoreUnavailable`."""
    return await database.read(lambda connection: _show(connection, request_id))


_last_moved_at = (
    select(func.max(transitions.c.at, type_=transitions.c.at.type))
    .where(transitions.c.request_id == requests.c.id)
    .scalar_subquery()
)


def _list(connection: Connection, which: RequestFilter) -> Sequence[RequestSummary | UnreadableRow]:
    rows = connection.execute(
        select(
            requests.c.id,
            requests.c.user_id,
            requests.c.guild_id,
            requests.c.channel_id,
            requests.c.status,
            func.coalesce(requests.c.failure, "").label("failure"),
            func.coalesce(requests.c.closure, "").label("closure"),
            requests.c.owner,
            requests.c.epoch,
            requests.c.created_at,
            requests.c.closed_at,
            _last_moved_at.label("last_moved_at"),
        )
        .where(*_conditions(which))
        .order_by(requests.c.created_at.desc(), requests.c.id.desc())
        .limit(which.limit)
    ).mappings()
    return [_read(row) for row in rows][::-1]


def _conditions(which: RequestFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.incomplete_only or which.stuck_at is not None:
        conditions.append(incomplete)
    if which.stuck_at is not None:
        last_moved_at = func.coalesce(_last_moved_at, requests.c.created_at)
        conditions.append(last_moved_at <= which.stuck_at - STUCK_AFTER)
    if which.user_id is not None:
        conditions.append(requests.c.user_id == which.user_id)
    if which.status is not None:
        conditions.append(requests.c.status == which.status)
    return conditions


def _read(row: RowMapping) -> RequestSummary | UnreadableRow:
    try:
        return _summary(row)
    except RowUnreadable as error:
        return UnreadableRow(RequestId(integer(row, "id")), str(error), error.fix)


def _summary(row: RowMapping) -> RequestSummary:
    return RequestSummary(
        id=RequestId(integer(row, "id")),
        user_id=UserId(integer(row, "user_id")),
        guild_id=GuildId(integer(row, "guild_id")),
        channel_id=ChannelId(integer(row, "channel_id")),
        status=text(row, "status"),
        failure=text(row, "failure"),
        closure=text(row, "closure"),
        owner=text(row, "owner"),
        epoch=integer(row, "epoch"),
        created_at=moment(row, "created_at"),
        closed_at=moment_or_none(row, "closed_at"),
        last_moved_at=moment_or_none(row, "last_moved_at"),
    )


def _show(connection: Connection, request_id: RequestId) -> RequestHistory:
    row, submission_rows = rows_of(connection, request_id)
    moves = connection.execute(
        select(transitions).where(transitions.c.request_id == request_id).order_by(transitions.c.id)
    ).mappings()
    return RequestHistory(
        read_request(row, submission_rows),
        [
            Transition(moment(move, "at"), integer(move, "epoch"), text(move, "event"), text(move, "detail"))
            for move in moves
        ],
    )


async def incomplete_by_status(database: Database) -> Mapping[RequestId, str]:
    """Return the states of all requests that are owed an outcome. Raises `StoreUnavailable`."""
    return await database.read(lambda c: _statuses(c, incomplete))


async def status_of_each(database: Database, request_ids: Sequence[RequestId]) -> Mapping[RequestId, str]:
    """Return the states of these requests, of those that are still kept. Raises `StoreUnavailable`."""
    found: dict[RequestId, str] = {}
    for start in range(0, len(request_ids), ASKED_AT_ONCE):
        these = requests.c.id.in_(request_ids[start : start + ASKED_AT_ONCE])
        found |= await database.read(partial(_statuses, condition=these))
    return found


def _statuses(connection: Connection, condition: ColumnElement[bool]) -> dict[RequestId, str]:
    rows = connection.execute(select(requests.c.id, requests.c.status).where(condition))
    return {RequestId(row.id): row.status for row in rows}

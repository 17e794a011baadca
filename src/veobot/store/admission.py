"""Quota, budget and insert in one transaction: ten commands at once cannot pass a quota of one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, cast, func, insert, select

from veobot.core.admission import Refusal, Usage, UsageWindow
from veobot.core.errors import AlreadyKnown
from veobot.core.request import UserId, VideoRequest
from veobot.core.status import Status

from . import journal
from .portable import WholeNumber
from .rows import integer, moment, row_from_request
from .schema import incomplete, requests

_LATEST = datetime.max.replace(tzinfo=UTC)
"""No time is later."""


def asked_since(since: str) -> ColumnElement[bool]:
    """Tell the rows asked after the parameter `since`; not those whose time is damaged.

    A text sorts above every number: it would be in the window for ever, and nobody could be let in who counts it.
    """
    created_at = requests.c.created_at
    return and_(created_at > bindparam(since), created_at <= _LATEST, WholeNumber(created_at))


# Built once: putting these together takes longer than running them.
_INSERTION = insert(requests)

_KNOWN = select(requests.c.id).where(requests.c.id == bindparam("request_id"))

_MEMBER_REQUESTS = (
    select(requests.c.created_at)
    .where(
        requests.c.user_id == bindparam("user_id"),
        asked_since("quota_since"),
        requests.c.counts_toward_quota,
    )
    .order_by(requests.c.created_at)
)

_TOTALS = select(
    # PostgreSQL sums whole numbers up to one with a decimal point.
    select(cast(func.coalesce(func.sum(requests.c.charged_micro_usd), 0), BigInteger))
    .where(asked_since("budget_since"), WholeNumber(requests.c.charged_micro_usd))
    .scalar_subquery()
    .label("spent"),
    select(func.count())
    .select_from(requests)
    .where(incomplete, requests.c.status == Status.PENDING.value)
    .scalar_subquery()
    .label("waiting"),
)

_CHARGES = (
    select(requests.c.created_at, requests.c.charged_micro_usd)
    .where(
        asked_since("budget_since"),
        WholeNumber(requests.c.charged_micro_usd),
        requests.c.charged_micro_usd > 0,
    )
    .order_by(requests.c.created_at)
)


def admit(
    connection: Connection,
    request: VideoRequest,
    window: UsageWindow,
    decide: Callable[[Usage], Refusal | None],
) -> Refusal | None:
    """Insert the request if `decide` finds no reason against it. Raises `AlreadyKnown`."""
    if connection.scalar(_KNOWN, {"request_id": request.id}) is not None:
        raise AlreadyKnown
    refusal = decide(_usage(connection, request.user_id, window))
    if refusal is None:
        connection.execute(_INSERTION, row_from_request(request))
        journal.append(
            connection, request.id, journal.Event.ADMITTED, request.created_at, epoch=request.epoch
        )
    return refusal


def _usage(connection: Connection, user_id: UserId, window: UsageWindow) -> Usage:
    """Count what is used, as far as it can be read. A window is open at its start.

    What was asked exactly 24 hours ago no longer counts: so the moment that a refusal names is the very moment from
    which the next command is admitted.
    """
    totals = connection.execute(_TOTALS, {"budget_since": window.budget_since}).mappings().one()
    return Usage(
        member_requests=member_requests(connection, user_id, window.quota_since),
        spent_micro_usd=integer(totals, "spent"),
        waiting=integer(totals, "waiting"),
        charges=lambda: _charges(connection, window.budget_since),
    )


def member_requests(connection: Connection, user_id: UserId, since: datetime) -> Sequence[datetime]:
    """Return when the member's requests that count were asked since then, oldest first."""
    member = {"user_id": user_id, "quota_since": since}
    rows = connection.execute(_MEMBER_REQUESTS, member).mappings().all()
    return [moment(row, "created_at") for row in rows]


def _charges(connection: Connection, since: datetime) -> Sequence[tuple[datetime, int]]:
    rows = connection.execute(_CHARGES, {"budget_since": since}).mappings().all()
    return [(moment(row, "created_at"), integer(row, "charged_micro_usd")) for row in rows]

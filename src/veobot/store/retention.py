"""What is forgotten, and when."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Integer, and_, bindparam, delete, exists, func, select, update

from veobot.core.request import TOKEN_LIFETIME

from . import journal
from .schema import closed, incomplete, requests

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_with_token = and_(incomplete, requests.c.interaction_token.is_not(None))
_expired = and_(_with_token, requests.c.created_at < bindparam("asked_before"))

_long_closed = and_(closed, requests.c.closed_at < bindparam("closed_before"))

# Built once: putting these together takes longer than running them.
_OLDEST_TOKEN = select(func.min(requests.c.created_at)).where(_with_token)
_ERASED = journal.each_of(_expired)
_ERASURE = update(requests).where(_expired).values(interaction_token=None)

_ANY_LONG_CLOSED = select(exists().where(_long_closed))
_DELETION = delete(requests).where(
    requests.c.id.in_(
        select(requests.c.id)
        .where(_long_closed)
        .order_by(requests.c.closed_at)
        .limit(bindparam("limit", type_=Integer))
    )
)


def oldest_token(connection: Connection) -> datetime | None:
    """Return when the oldest request was asked that still has its token; long ago where that time is damaged."""
    value: object = connection.scalar(_OLDEST_TOKEN)
    return value if value is None or isinstance(value, datetime) else _LONG_AGO


def erase_expired_tokens(connection: Connection, asked_before: datetime) -> int:
    """Erase the tokens of incomplete requests asked before this moment; a closed one has none."""
    now = asked_before + TOKEN_LIFETIME
    which = {"asked_before": asked_before}
    journal.append_to_each(connection, _ERASED, journal.Event.TOKEN_ERASED, now, which)
    return connection.execute(_ERASURE, which).rowcount


def any_long_closed(connection: Connection, closed_before: datetime) -> bool:
    """Tell whether there is a request to delete: there mostly is none, and then nobody needs the write lock."""
    return bool(connection.scalar(_ANY_LONG_CLOSED, {"closed_before": closed_before}))


def delete_closed(connection: Connection, closed_before: datetime, limit: int) -> int:
    """Delete requests closed before this moment, the longest closed first; the rest goes with them by cascade."""
    return connection.execute(_DELETION, {"closed_before": closed_before, "limit": limit}).rowcount

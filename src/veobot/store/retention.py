"""What is forgotten, and when."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, select, update

from veobot.core.request import TOKEN_LIFETIME

from . import journal
from .schema import closed, incomplete, requests


def erase_expired_tokens(connection: Connection, asked_before: datetime) -> int:
    """Erase the tokens of incomplete requests asked before this moment; a closed one has none."""
    now = asked_before + TOKEN_LIFETIME
    expired = and_(
        incomplete, requests.c.interaction_token.is_not(None), requests.c.created_at < asked_before
    )
    journal.append_to_each(connection, expired, journal.Event.TOKEN_ERASED, now)
    return connection.execute(update(requests).where(expired).values(interaction_token=None)).rowcount


def delete_closed(connection: Connection, closed_before: datetime, limit: int) -> int:
    """Delete requests closed before this moment, the longest closed first; the rest goes with them by cascade."""
    longest_closed = (
        select(requests.c.id)
        .where(closed, requests.c.closed_at < closed_before)
        .order_by(requests.c.closed_at)
        .limit(limit)
    )
    return connection.execute(delete(requests).where(requests.c.id.in_(longest_closed))).rowcount

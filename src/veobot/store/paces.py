"""The turns of calls that all processes take together: the core's `PaceBook` on PostgreSQL, by its clock."""

from collections.abc import Sequence

from sqlalchemy import Connection, Double, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from veobot.core.pacing import PaceBook, Rate

from .cluster import paces
from .database import Database, Lock


class SqlPaceBook(PaceBook):
    """One row for each pace. Who takes turns waits for whoever takes some at the moment: a millisecond or two."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, rate: Rate, patiences_seconds: Sequence[float]) -> Sequence[float]:
        """Take turns, from now. A commit whose answer was lost has taken turns that nobody uses."""

        def take(connection: Connection) -> Sequence[float]:
            now, next_at = connection.execute(_LOOK, {"pace": name}).one()
            next_at, waits = rate.take(now if next_at is None else next_at, now, patiences_seconds)
            connection.execute(_TAKE, {"pace": name, "after": next_at})
            return waits

        return await self._database.write(take, lock=Lock.PACES)


# Built once: putting these together takes longer than running them.
_LOOK = select(
    # Not the transaction's beginning, which lies before the wait for the lock.
    cast(func.extract("epoch", func.clock_timestamp()), Double),
    select(paces.c.next_at).where(paces.c.name == bindparam("pace")).scalar_subquery(),
)
_TAKE = (
    insert(paces)
    .values(name=bindparam("pace"), next_at=bindparam("after"))
    .on_conflict_do_update(index_elements=[paces.c.name], set_={"next_at": bindparam("after")})
)

"""What the statements need of a database: transactions. `sqlite` and `postgres` provide them."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Lock(Enum):
    """What is done by one transaction at a time, over all processes; the values are PostgreSQL's keys for it."""

    ADMISSION = 1
    """Quota and budget are counted and the request inserted: two at once would each miss the other's."""
    SCHEMA = 2
    """The tables are made or migrated."""
    SLOTS = 3
    """Slots are counted and given."""
    PACES = 4
    """Turns are taken, of whichever pace."""


class Database(Protocol):
    """Runs transactions that commit as a whole or change nothing, and that each see the rows as of one moment."""

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        """Run `work` in one writing transaction, after any other that names the same lock.

        Raises `StoreUnavailable`. `work` may be run again, from the start, where another transaction got in between.
        """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one reading transaction: all its statements see the same rows. Raises `StoreUnavailable`."""

    async def leave(self) -> None:
        """Close what is open; a later transaction opens it again."""

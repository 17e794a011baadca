"""The real store on a real SQLite file, with a point before and after every transaction."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from veobot.core.errors import StoreUnavailable
from veobot.core.ports import UnreadableRow
from veobot.core.request import VideoRequest
from veobot.store.database import Lock
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .process import Process

T = TypeVar("T")

ROOMY_PAGES = 1_000_000
""""No limit", where a disk is no longer full."""


class SimulatedDatabase(SqliteDatabase):
    """The real database, used by one process at a time; each transaction is preceded and followed by a point.

    One object serves one process after the other: opening the file and preparing the statements would take longer than
    all else that a process does in its short life.
    """

    process: "Process"
    _on_full_disk = False

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        """Run a writing transaction; its disk may be full, or fail before or after the commit."""
        name = _method(work)
        await self.process.point(f"{name}: before")
        self._be_there()
        result = await super().write(self._on_this_disk(work), lock=lock)
        world = self.process.world
        world.committed(self.process)
        reported_as_failed = world.spoils_commit(name)
        await self.process.point(f"{name}: after")
        if reported_as_failed:
            raise StoreUnavailable("The disk failed while the commit was made to last.")
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading transaction."""
        name = _method(work)
        await self.process.point(f"{name}: before")
        self._be_there()
        result = await super().read(work)
        await self.process.point(f"{name}: after")
        return result

    def _be_there(self) -> None:
        if self.process.world.database_gone:
            raise StoreUnavailable("The disk failed.")

    def _on_this_disk(self, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """Where the disk is full the file cannot grow by a page: SQLite itself says so."""
        full = self.process.world.disk_full
        if full == self._on_full_disk:
            return work

        def limited(connection: Connection) -> T:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {1 if full else ROOMY_PAGES}")
            self._on_full_disk = full
            return work(connection)

        return limited

    def close(self) -> None:
        """Close the file; a new connection knows no limit."""
        self._on_full_disk = False
        super().close()


class SimulatedStore(SqlRequestStore):
    """The real store; notes who resumed what."""

    def __init__(self, database: SimulatedDatabase) -> None:
        super().__init__(database)
        self._database_of = database

    async def claim_incomplete(self, owner: str, now: "datetime") -> "Sequence[VideoRequest | UnreadableRow]":
        """Claim, and note what was claimed."""
        rows = await super().claim_incomplete(owner, now)
        self._database_of.process.note_claimed(tuple(row.id for row in rows))
        return rows


def _method(work: Callable[[Connection], T]) -> str:
    """Return the store's method that runs this transaction, as `admit` of `SqlRequestStore.admit.<locals>.…`."""
    parts = work.__qualname__.split(".")
    return parts[1] if len(parts) > 1 else parts[0]

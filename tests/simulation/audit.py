"""The schedule's database file, with triggers that write down every change: they know nothing of the code."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from veobot.store.sqlite import open_database

from .record import Change
from .store import SimulatedDatabase

_REQUEST_COLUMNS = (
    "id",
    "user_id",
    "guild_id",
    "channel_id",
    "created_at",
    "status",
    "failure",
    "cancel_requested_at",
    "acknowledged_at",
    "placeholder_id",
    "outcome_at",
    "delivery_route",
    "delivery_started_at",
    "outcome_message_id",
    "closed_at",
    "closure",
    "owner",
    "epoch",
    "charged_micro_usd",
    "counts_toward_quota",
)
_SUBMISSION_COLUMNS = (
    "request_id",
    "attempt",
    "prefix",
    "first_intended_at",
    "intended_at",
    "state",
    "operation",
    "accepted_at",
    "ended_at",
    "video_uri",
)


class AuditedFile:
    """One file that each schedule finds empty, and the objects that open it.

    They are kept from one schedule to the next, and stay open where the disk is not the subject: compiling their
    statements, and SQLite's preparing them, takes longer than running them.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "veobot.db"
        self._template = _template(directory / "template.db")
        self._idle: list[SimulatedDatabase] = []
        self._used: list[SimulatedDatabase] = []
        self._observer: sqlite3.Connection | None = None
        self._seen = 0

    def renew(self, *, fresh: bool) -> None:
        """Put an empty database in place; with `fresh` one that is opened anew, and whose file has no room in it."""
        if fresh or not self._emptied():
            self._replace()
        self._seen = 0

    def _emptied(self) -> bool:
        """Delete all rows; returns False where the last schedule left some that may not be deleted."""
        if self._observer is None or self.incomplete():
            return False
        self._observer.execute("BEGIN")
        for table in ("requests", "audit"):  # in this order: the first writes into the second
            self._observer.execute(f"DELETE FROM {table}")  # noqa: S608 -- one of two words
        self._observer.execute("COMMIT")
        return True

    def _replace(self) -> None:
        self.close()
        for end in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        self.path.write_bytes(self._template)
        self._observer = sqlite3.connect(self.path, isolation_level=None)
        self._observer.row_factory = sqlite3.Row
        self._observer.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Close everything that is open on the file."""
        if self._observer is not None:
            self._observer.close()
            self._observer = None
        self.put_away()
        for database in self._idle:
            database.close()

    def put_away(self) -> None:
        """Take back what is in use: the schedule is over."""
        self._idle += self._used
        self._used.clear()

    def take(self) -> SimulatedDatabase:
        """Return a database that no other process uses."""
        database = self._idle.pop() if self._idle else SimulatedDatabase(self.path, sleep=asyncio.sleep)
        self._used.append(database)
        return database

    def give_back(self, database: SimulatedDatabase) -> None:
        """Take back what a dead process used; its connection, which holds no lock between transactions, stays open."""
        self._used.remove(database)
        self._idle.append(database)

    def changes(self, at: float, life: int) -> list[Change]:
        """Return what was changed since the last call; it was changed now, by this process."""
        rows = self._query("SELECT seq, tbl, old, new FROM audit WHERE seq > ? ORDER BY seq", self._seen)
        if rows:
            self._seen = rows[-1]["seq"]
        return [
            Change(row["seq"], at, life, row["tbl"], _read(row["old"]), _read(row["new"])) for row in rows
        ]

    def incomplete(self) -> int:
        """Return how many requests are not closed."""
        count: int = self._query("SELECT count(*) FROM requests WHERE closed_at IS NULL")[0][0]
        return count

    def table(self, name: str) -> list[dict[str, object]]:
        """Return a whole table."""
        return [dict(row) for row in self._query(f"SELECT * FROM {name}")]  # noqa: S608 -- the world's own word

    def _query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        assert self._observer is not None
        return self._observer.execute(sql, values).fetchall()

    def lock(self) -> sqlite3.Connection:
        """Hold the write lock, as another program would."""
        rival = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        rival.execute("BEGIN IMMEDIATE")
        return rival


def _read(text: str | None) -> Mapping[str, object] | None:
    return None if text is None else json.loads(text)


def _template(path: Path) -> bytes:
    """Return an empty database of today's schema, with the triggers that write changes down."""

    async def create() -> None:
        (await open_database(path, sleep=asyncio.sleep)).close()

    asyncio.run(create())
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, tbl TEXT, old TEXT, new TEXT)")
        for table, names in (("requests", _REQUEST_COLUMNS), ("submissions", _SUBMISSION_COLUMNS)):
            for operation in ("INSERT", "UPDATE", "DELETE"):
                old = "NULL" if operation == "INSERT" else _object("OLD", table, names)
                new = "NULL" if operation == "DELETE" else _object("NEW", table, names)
                connection.execute(
                    f"CREATE TRIGGER audit_{table}_{operation} AFTER {operation} ON {table} "  # noqa: S608
                    f"BEGIN INSERT INTO audit (tbl, old, new) VALUES ('{table}', {old}, {new}); END"
                )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def _object(row: str, table: str, names: tuple[str, ...]) -> str:
    pairs = [f"'{name}', {row}.{name}" for name in names]
    if table == "requests":
        pairs.append(f"'has_token', {row}.interaction_token IS NOT NULL")
    return f"json_object({', '.join(pairs)})"

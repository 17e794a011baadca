"""The databases that were kept, as files of SQL, and how they are loaded."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from veobot.store.migrate import HEAD_REVISION

DATABASES = Path(__file__).parent / "databases"
DUMPS = sorted(DATABASES.glob("*.sql"))
"""`<revision>.sql`, and `<revision>-2.sql` … where words were added without a new schema; none ever changes."""

Row = Mapping[str, object]


def revision_of(dump: Path) -> str:
    """Return the schema that a dump was written in."""
    return dump.stem.partition("-")[0]


def dumps_of_head() -> list[Path]:
    """Return the dumps of today's schema."""
    return [dump for dump in DUMPS if revision_of(dump) == HEAD_REVISION]


def load(dump: Path, database: Path, renamed: Mapping[str, str] | None = None) -> None:
    """Make a fresh database of a dump, some of its ids `renamed`."""
    sql = dump.read_text(encoding="utf-8")
    for old, new in (renamed or {}).items():
        sql = re.sub(rf"\b{old}\b", new, sql)
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(sql)


def rows(database: Path, table: str = "requests") -> list[Row]:
    """Read a whole table, just as it is stored."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        # The table's name is a test's own.
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608


def named(database: Path) -> dict[str, Row]:
    """Return every request's row by the name of its state, which is its prompt."""
    return {str(row["prompt"]): row for row in rows(database)}


def parts_of(database: Path, request_id: object) -> list[Row]:
    """Return all that belongs to a request: its row, its submissions, what moved it.

    Without what is empty: a newer schema has more columns, and they are empty in what was written before.
    """
    parts = [
        *(row for row in rows(database) if row["id"] == request_id),
        *(row for row in rows(database, "submissions") if row["request_id"] == request_id),
        *(row for row in rows(database, "transitions") if row["request_id"] == request_id),
    ]
    return [{column: value for column, value in part.items() if value is not None} for part in parts]


def died_at(database: Path) -> datetime:
    """Return when the bot of a dump was killed: when it last moved a request."""
    last = max(int(str(row["at"])) for row in rows(database, "transitions"))
    return datetime.fromtimestamp(last / 1000, UTC)


def schema_of(database: Path) -> dict[str, str]:
    """Return every table, index and trigger, white space evened out."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")") for name, sql in found}

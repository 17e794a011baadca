"""The bot's database as it lies there after a kill: whole, and what was closed has not changed."""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

Row = Mapping[str, object]

_STATES = """
SELECT CASE
    WHEN acknowledged_at IS NULL THEN 'not known to be acknowledged'
    WHEN status = 'generating' THEN 'generating'
    WHEN status = 'pending' THEN COALESCE(
        (SELECT 'pending, submission ' || state FROM submissions
          WHERE request_id = requests.id ORDER BY attempt DESC LIMIT 1), 'waiting for a slot')
    WHEN delivery_route IS NULL THEN 'outcome known, telling not begun'
    WHEN outcome_message_id IS NOT NULL THEN 'posted, not closed'
    WHEN delivery_route = 'post' THEN 'telling by a new message'
    ELSE 'telling by an edit'
  END
  FROM requests WHERE closed_at IS NULL
"""

_TOKENS = "SELECT interaction_token FROM requests WHERE interaction_token IS NOT NULL"


class Records:
    """Looks at the database between two lives of the bot, and remembers what it saw.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed: dict[object, Row] = {}
        self._operations: dict[tuple[object, object], object] = {}
        self._tokens: set[str] = set()
        self.checks = 0
        self.broken: list[str] = []
        """What was found that must never be."""
        self.caught: Counter[str] = Counter()
        """In which states the kills caught requests."""

    def check_dead(self) -> None:
        """Look at a copy: opening the file itself would recover it, which is for the next bot to do."""
        if not self._path.exists():
            return
        with tempfile.TemporaryDirectory(prefix="veobot-chaos-") as name:
            copy = Path(name) / self._path.name
            for suffix in ("", "-wal"):
                source = self._path.with_name(self._path.name + suffix)
                if source.exists():
                    shutil.copyfile(source, copy.with_name(copy.name + suffix))
            self._check(copy)

    def check_alive(self) -> None:
        """Look at the file itself, which the next bot may have opened already."""
        if self._path.exists():
            self._check(self._path)

    def rows(self, table: str) -> list[Row]:
        """Return a table as it is now."""
        return _read(self._path, f"SELECT * FROM {table}")  # noqa: S608 -- the table's name is our own

    def unclosed(self) -> int:
        """Return how many requests are owed something."""
        return len(_read(self._path, "SELECT id FROM requests WHERE closed_at IS NULL"))

    def tokens_left(self) -> int:
        """Return how many rows hold an interaction's token."""
        return len(_read(self._path, _TOKENS))

    def token_traces(self) -> int:
        """Return how many of the tokens ever seen here can still be found in the file's bytes.

        To be called when no bot runs: the file is opened, so that what was in its log is in the file itself. SQLite's
        secure_delete wipes what is deleted, but not what is left over where a page was split: no row shows that.
        """
        _read(self._path, _TOKENS, writable=True)
        content = self._path.read_bytes()
        return sum(token.encode() in content for token in self._tokens)

    def _check(self, path: Path) -> None:
        self.checks += 1
        found = [*_read(path, "PRAGMA integrity_check"), *_read(path, "PRAGMA foreign_key_check")]
        if [list(row.values()) for row in found] != [["ok"]]:
            self.broken.append(f"the database is damaged after kill {self.checks}: {found[:3]}")
            return
        if not _read(path, "SELECT 1 FROM sqlite_master WHERE name = 'requests'"):
            return  # killed before it had made its tables
        self.caught.update(str(next(iter(row.values()))) for row in _read(path, _STATES))
        self._tokens.update(str(row["interaction_token"]) for row in _read(path, _TOKENS))
        self._compare(path)

    def _compare(self, path: Path) -> None:
        """A closed row never changes, and an operation's name is never overwritten."""
        for row in _read(path, "SELECT * FROM requests WHERE closed_at IS NOT NULL"):
            before = self._closed.setdefault(row["id"], row)
            if before != row:
                self.broken.append(f"request {row['id']} changed after it was closed: {before} → {row}")
        for row in _read(path, "SELECT request_id, attempt, operation FROM submissions"):
            key = (row["request_id"], row["attempt"])
            before_name = self._operations.get(key)
            if before_name is not None and before_name != row["operation"]:
                self.broken.append(f"the operation of {key} changed: {before_name} → {row['operation']}")
            if row["operation"] is not None:
                self._operations[key] = row["operation"]


def _read(path: Path, statement: str, *, writable: bool = False) -> list[Row]:
    mode = "rw" if writable or not path.with_name(path.name + "-shm").exists() else "ro"
    with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=5.0)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]

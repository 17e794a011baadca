"""The bot's database as it lies there after a kill: whole, and what was closed has not changed."""

import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from chaos.campaign.memory import CLOSED, NAMES, STATES, TOKENS, Continuity, Row


class Records:
    """Looks at the database between two lives of the bot, and remembers what it saw.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens: set[str] = set()
        self.checks = 0
        self.broken: list[str] = []
        """What was found that must never be."""
        self._continuity = Continuity(self.broken)
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
        return len(_read(self._path, TOKENS))

    def token_traces(self) -> int:
        """Return how many of the tokens ever seen here can still be found in the file's bytes.

        To be called when no bot runs: the file is opened, so that what was in its log is in the file itself. SQLite's
        secure_delete wipes what is deleted, but not what is left over where a page was split: no row shows that.
        """
        _read(self._path, TOKENS, writable=True)
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
        self.caught.update(str(next(iter(row.values()))) for row in _read(path, STATES))
        self._tokens.update(str(row["interaction_token"]) for row in _read(path, TOKENS))
        self._continuity.compare(_read(path, CLOSED), _read(path, NAMES))


def _read(path: Path, statement: str, *, writable: bool = False) -> list[Row]:
    mode = "rw" if writable or not path.with_name(path.name + "-shm").exists() else "ro"
    with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=5.0)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]

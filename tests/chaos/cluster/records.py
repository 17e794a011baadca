"""The rows in PostgreSQL, read past all lines; and what must still stand there at the next look."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing

import psycopg
from psycopg.rows import dict_row

from chaos.campaign.memory import CLOSED, NAMES, STATES, TOKENS, Continuity, Row

CONNECT_SECONDS = 2

_CARRIED = "SELECT id, epoch FROM requests WHERE closed_at IS NULL AND owner LIKE %(owner)s"
_IN_LINE = """
    SELECT id FROM requests
    WHERE closed_at IS NULL AND status = 'pending' AND acknowledged_at IS NOT NULL AND owner <> ''
      AND NOT EXISTS (SELECT FROM submissions WHERE request_id = requests.id)
    ORDER BY created_at, id
"""


class ClusterRecords:
    """Looks at the database by the server's own address.

    Args:
        url: where.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.checks = 0
        self.broken: list[str] = []
        """What was found that must never be."""
        self.caught: Counter[str] = Counter()
        """In which states the kills caught requests."""
        self._continuity = Continuity(self.broken)

    def check(self) -> None:
        """Compare with what was there before; nothing where PostgreSQL does not run at the moment."""
        try:
            states, closed, names = self._read(STATES), self._read(CLOSED), self._read(NAMES)
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return
        self.checks += 1
        self.caught.update(str(next(iter(row.values()))) for row in states)
        self._continuity.compare(closed, names)

    def carried_by(self, pid: int) -> Mapping[int, int] | None:
        """Return the open requests of a process with their epochs; None where PostgreSQL does not run."""
        try:
            rows = self._read(_CARRIED, {"owner": f"%:{pid}:%"})
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return None
        return {_number(row["id"]): _number(row["epoch"]) for row in rows}

    def in_line(self) -> list[int]:
        """Return the requests that some process carries and that nothing was paid for yet, the oldest first."""
        return [_number(row["id"]) for row in self._read(_IN_LINE)]

    def rows(self, table: str) -> list[Row]:
        """Return a table as it is now."""
        return self._read(f"SELECT * FROM {table}")  # noqa: S608 -- the table's name is our own

    def unclosed(self) -> int:
        """Return how many requests are owed something."""
        return len(self._read("SELECT id FROM requests WHERE closed_at IS NULL"))

    def tokens_left(self) -> int:
        """Return how many rows hold an interaction's token."""
        return len(self._read(TOKENS))

    def _read(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        with closing(
            psycopg.connect(self._url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS)
        ) as connection:
            rows: Sequence[Row] = connection.execute(statement.encode(), parameters).fetchall()
            return list(rows)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value

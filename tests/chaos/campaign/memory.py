"""What must stay as it is from one look at the rows to the next, whatever happens in between."""

from collections.abc import Iterable, Mapping

Row = Mapping[str, object]

STATES = """
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
"""In which states a kill catches requests."""

CLOSED = "SELECT * FROM requests WHERE closed_at IS NOT NULL"
NAMES = "SELECT request_id, attempt, operation FROM submissions"
TOKENS = "SELECT interaction_token FROM requests WHERE interaction_token IS NOT NULL"


class Continuity:
    """Remembers what it was shown.

    Args:
        broken: gets what was found that must never be.
    """

    def __init__(self, broken: list[str]) -> None:
        self._broken = broken
        self._closed: dict[object, Row] = {}
        self._operations: dict[tuple[object, object], object] = {}

    def compare(self, closed: Iterable[Row], names: Iterable[Row]) -> None:
        """A closed row never changes, and an operation's name is never overwritten; given `CLOSED` and `NAMES`."""
        for row in closed:
            before = self._closed.setdefault(row["id"], row)
            if before != row:
                self._broken.append(f"request {row['id']} changed after it was closed: {before} → {row}")
        for row in names:
            key = (row["request_id"], row["attempt"])
            before_name = self._operations.get(key)
            if before_name is not None and before_name != row["operation"]:
                self._broken.append(f"the operation of {key} changed: {before_name} → {row['operation']}")
            if row["operation"] is not None:
                self._operations[key] = row["operation"]

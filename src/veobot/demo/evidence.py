"""In which state the kill catches each request: read from the bot's rows and from the ledger, never assumed."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from veobot.demo.accounts import Account, Accounts
from veobot.demo.scenario import ASKS, EXPIRY_SECONDS, TOKEN_LIFETIME_SECONDS, Ask, StateAtKill, ask

# Discord's snowflakes count milliseconds from the first second of 2015, above 22 bits of other things.
_SNOWFLAKE_EPOCH_MS = 1_420_070_400_000
_SNOWFLAKE_SHIFT = 22

_ROWS = """
    SELECT requests.id, requests.status, requests.acknowledged_at, requests.delivery_started_at, requests.closed_at,
           submissions.state, submissions.operation
      FROM requests LEFT JOIN submissions ON submissions.request_id = requests.id
  ORDER BY submissions.attempt
"""


class StateNotReached(Exception):
    """Requests were not in the states in which they were to be caught, so that the run shows nothing."""

    def __init__(self, missing: Mapping[int, str]) -> None:
        """`missing` says of each such request what it was in instead."""
        parts = [f"request {number} ({ask(number).title}): {words}" for number, words in missing.items()]
        super().__init__(f"the kill did not catch every request as planned. {'; '.join(parts)}")


@dataclass(frozen=True, slots=True)
class Row:
    """What the bot has written down of one request and its latest submission."""

    status: str
    acknowledged: bool
    delivery_started: bool
    closed: bool
    submission: str | None
    operation: str | None

    @property
    def words(self) -> str:
        """The row in a few words, for a sentence that says what was found instead."""
        paid = "no submission" if self.submission is None else f"submission {self.submission}"
        name = "" if self.submission is None or self.operation else " without a name"
        closed = ", closed" if self.closed else ""
        return f"{self.status}, {paid}{name}{closed}"


def read_rows(database_path: Path) -> Mapping[str, Row]:
    """Return the bot's rows by request id; nothing while there is no database yet."""
    if not database_path.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{database_path.as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            rows = database.execute(_ROWS).fetchall()
    except sqlite3.OperationalError:
        return {}  # the bot is creating its tables, or writes this very moment: whoever waits looks again
    return {
        str(request_id): Row(
            status, acknowledged is not None, begun is not None, closed is not None, state, name
        )
        for request_id, status, acknowledged, begun, closed, state, name in rows
    }


def age_seconds(interaction_id: str, now: datetime) -> float:
    """Return how long ago the command was run, in sandbox seconds, by its snowflake."""
    asked_ms = (int(interaction_id) >> _SNOWFLAKE_SHIFT) + _SNOWFLAKE_EPOCH_MS
    return now.timestamp() - asked_ms / 1000


def not_yet(
    accounts: Accounts, rows: Mapping[str, Row], now: datetime, asks: Sequence[Ask] = ASKS
) -> Mapping[int, str]:
    """Return which of these requests are not in the state the kill is to catch, each with what it is in instead."""
    found: dict[int, str] = {}
    for asked in asks:
        if asked.state is None:
            continue
        account = accounts.find(asked.prompt)
        row = rows.get(account.id) if account else None
        if account is None or row is None:
            found[asked.number] = "not in the bot's rows"
        elif not _is_in(asked.state, account, row, now):
            found[asked.number] = f"{row.words}, asked {age_seconds(account.id, now) / 60:.1f} min ago"
    return found


def _is_in(state: StateAtKill, account: Account, row: Row, now: datetime) -> bool:
    if not row.acknowledged or row.closed or account.told:
        return False
    age = age_seconds(account.id, now)
    waiting = row.status == "pending" and row.submission is None and not account.submissions
    generating = row.status == "generating" and row.operation is not None and not account.finished
    match state:
        case StateAtKill.WAITING:
            return waiting
        case StateAtKill.PAID_UNRECORDED:
            return row.status == "pending" and row.operation is None and len(account.submissions) == 1
        case StateAtKill.GENERATING | StateAtKill.FINISHED_WHILE_DEAD:
            return generating
        case StateAtKill.UNDELIVERED:
            return row.status == "completed" and row.delivery_started
        case StateAtKill.TOKEN_EXPIRED:
            return generating and age < TOKEN_LIFETIME_SECONDS
        case StateAtKill.TOO_OLD:
            return waiting and age < EXPIRY_SECONDS
        case _:
            assert_never(state)


def not_while_dead(accounts: Accounts, now: datetime) -> Mapping[int, str]:
    """Return which of the things that were to happen while the bot was dead have not happened yet."""
    found: dict[int, str] = {}
    for asked in ASKS:
        account = accounts.find(asked.prompt)
        if account is None:
            continue
        age = age_seconds(account.id, now)
        if asked.state is StateAtKill.FINISHED_WHILE_DEAD and not account.finished:
            found[asked.number] = "Vertex is still at it"
        elif asked.state is StateAtKill.TOKEN_EXPIRED and age < TOKEN_LIFETIME_SECONDS:
            found[asked.number] = "its token is still good"
        elif asked.state is StateAtKill.TOO_OLD and age < EXPIRY_SECONDS:
            found[asked.number] = "it is not 24 hours old yet"
    return found

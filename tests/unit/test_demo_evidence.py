"""The demo's claim about the moment of the kill: a request that is in another state than planned is found."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.demo_ledger import BEGAN
from veobot.demo.accounts import Accounts
from veobot.demo.evidence import Row, StateNotReached, age_seconds, not_yet, read_rows
from veobot.demo.scenario import ASKS, Ask, StateAtKill
from veobot.sandbox.ledger import Entry, JsonValue

NOW = BEGAN
WAITING = Row("pending", True, False, False, None, None)
GENERATING = Row("generating", True, False, False, "accepted", "operations/1")
ROWS = {
    StateAtKill.WAITING: WAITING,
    StateAtKill.TOO_OLD: WAITING,
    StateAtKill.PAID_UNRECORDED: Row("pending", True, False, False, "intended", None),
    StateAtKill.GENERATING: GENERATING,
    StateAtKill.FINISHED_WHILE_DEAD: GENERATING,
    StateAtKill.TOKEN_EXPIRED: GENERATING,
    StateAtKill.UNDELIVERED: Row("completed", True, True, False, "succeeded", "operations/1"),
}
AGES = {StateAtKill.TOKEN_EXPIRED: 14.9 * 60, StateAtKill.TOO_OLD: 23.99 * 3600}
PLANNED = [ask for ask in ASKS if ask.state]


def snowflake(age_seconds: float, number: int) -> str:
    asked = NOW - timedelta(seconds=age_seconds)
    return str((int(asked.timestamp() * 1000) - 1_420_070_400_000 << 22) + number)


def state_of(ask: Ask) -> StateAtKill:
    assert ask.state is not None
    return ask.state


def world(*, older_seconds: float = 0.0) -> tuple[Accounts, dict[str, Row]]:
    """Return the ledger's accounts and the bot's rows at a kill that catches everything as planned."""
    entries: list[Entry] = []
    rows: dict[str, Row] = {}
    for ask in PLANNED:
        row = ROWS[state_of(ask)]
        request_id = snowflake(AGES.get(state_of(ask), 60) + older_seconds, ask.number)
        rows[request_id] = row
        fields: dict[str, JsonValue] = {
            "id": request_id,
            "user_id": "1",
            "channel_id": "2",
            "prompt": ask.prompt,
        }
        entries.append(Entry(len(entries) + 1, NOW, "interaction", fields))
        if row.submission is not None:
            paid: dict[str, JsonValue] = {
                "operation": f"o{ask.number}",
                "prompt": ask.prompt,
                "labels": {"request_id": request_id},
            }
            entries.append(Entry(len(entries) + 1, NOW, "submission", paid))
    return Accounts(entries), rows


def test_a_kill_as_planned_misses_nothing() -> None:
    accounts, rows = world()

    assert not not_yet(accounts, rows, NOW)


@pytest.mark.parametrize("ask", PLANNED, ids=lambda ask: ask.title)
def test_a_request_that_has_been_closed_is_missed(ask: Ask) -> None:
    accounts, rows = world()
    account = accounts.find(ask.prompt)
    assert account is not None
    rows[account.id] = replace(rows[account.id], closed=True)

    assert list(not_yet(accounts, rows, NOW)) == [ask.number]


@pytest.mark.parametrize("ask", PLANNED, ids=lambda ask: ask.title)
def test_a_request_in_another_ones_state_is_missed(ask: Ask) -> None:
    accounts, rows = world()
    account = accounts.find(ask.prompt)
    assert account is not None
    other = StateAtKill.UNDELIVERED if ask.state is not StateAtKill.UNDELIVERED else StateAtKill.GENERATING
    rows[account.id] = ROWS[other]

    assert list(not_yet(accounts, rows, NOW)) == [ask.number]


def test_what_is_too_late_for_the_kill_is_missed() -> None:
    accounts, rows = world(older_seconds=600)

    missed = not_yet(accounts, rows, NOW)

    assert {ask.state for ask in PLANNED if ask.number in missed} == {
        StateAtKill.TOKEN_EXPIRED,
        StateAtKill.TOO_OLD,
    }
    assert "request 6 (night train): generating, submission accepted" in str(StateNotReached(missed))


def test_a_request_without_a_row_is_missed() -> None:
    accounts, _ = world()

    assert set(not_yet(accounts, {}, NOW).values()) == {"not in the bot's rows"}


def test_there_are_no_rows_before_there_is_a_database(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "veobot.db") == {}


def test_a_snowflake_tells_a_commands_age() -> None:
    assert age_seconds(snowflake(90.0, 1), NOW) == pytest.approx(90.0, abs=0.002)

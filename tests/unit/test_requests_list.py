"""`veobot requests list`, where a row is damaged: it is named in a line, and hides no other."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.rows import a_request, admitted
from veobot.cli.requests import requests
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

WHOLE, DAMAGED = a_request(1), a_request(2)
REASON = "created_at holds str instead of a time: the row is damaged"
FIX = "Stop the bot, put what a backup has in created_at (or mend it by hand), and start it again"

List = Callable[..., list[str]]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> List:
    """Runs the command on a database of two requests, of which one is damaged; returns its lines."""
    path = tmp_path / "veobot.db"
    asyncio.run(fill(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE requests SET created_at = 'yesterday' WHERE id = ?", [DAMAGED.id])
    settings = {
        "VEOBOT_DISCORD_TOKEN": "a-token",
        "VEOBOT_GOOGLE_PROJECT": "my-project-123",
        "VEOBOT_BUCKET": "my-videos",
        "VEOBOT_DATA_DIRECTORY": str(tmp_path),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*options: str) -> list[str]:
        result = CliRunner().invoke(requests, ["list", *options], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output.splitlines()

    return run


async def fill(path: Path) -> None:
    database = SqliteDatabase(path, sleep=asyncio.sleep)
    store = SqlRequestStore(database)
    for request in (WHOLE, DAMAGED):
        await admitted(store, request)
    database.close()


def test_the_table_shows_the_others_and_a_plain_line_names_it(listed: List) -> None:
    heading, whole, damaged = listed()
    assert heading.split()[0] == "request"
    assert whole.split()[0] == str(WHOLE.id)
    assert damaged == f"Request {DAMAGED.id} cannot be read by this version: {REASON}"


def test_scripts_get_it_as_an_object_with_its_id_and_the_reason(listed: List) -> None:
    whole, damaged = (json.loads(line) for line in listed("--json"))
    assert (whole["id"], whole["status"]) == (WHOLE.id, "pending")
    assert damaged == {"id": DAMAGED.id, "reason": REASON, "fix": FIX}

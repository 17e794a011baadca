"""A database of a newer version: every command says so in one sentence, and leaves it as it is."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from support.bot import Bot, StartBot
from support.interrupted import veobot
from upgrade.dumps import DUMPS, load
from veobot.store.sqlite import open_database


@pytest.mark.parametrize(
    "command", [("run",), ("requests", "list"), ("requests", "show", "1"), ("migrate",)], ids=" ".join
)
async def test_a_newer_version_s_database_is_refused_in_one_sentence_and_left_as_it_is(
    new_bot: StartBot, command: tuple[str, ...]
) -> None:
    bot = new_bot()
    await make_newer(bot.process.database_path)
    before = files(bot)

    ended = await veobot(bot, *command)

    assert ended.returncode == 2
    sentences = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    path = bot.process.database_path
    sentence = (
        f"The database {path} was written by a newer version of veobot; run that version, or a newer one."
    )
    assert sentences == [f"veobot: {sentence}"]
    assert "Traceback" not in ended.stdout + ended.stderr
    assert files(bot) == before


async def make_newer(path: Path) -> None:
    """Make a database as a version leaves it that knows another column, another state and another table."""
    load(DUMPS[-1], path)
    (await open_database(path, sleep=asyncio.sleep)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            ALTER TABLE requests ADD COLUMN parent_id INTEGER;
            CREATE TABLE members (id INTEGER PRIMARY KEY);
            UPDATE alembic_version SET version_num = '9999';
            """
        )


def files(bot: Bot) -> Mapping[str, bytes]:
    """Return the database and what SQLite keeps beside it."""
    kept = bot.process.data_directory.glob("veobot.db*")
    return {file.name: file.read_bytes() for file in kept if file.suffix != ".lock"}

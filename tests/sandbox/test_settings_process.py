"""`veobot` as its operator runs it: wrong settings in plain sentences, secrets from files, and the small commands."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.bot import Bot, StartBot
from support.member_view import FOX, content, outcome, start
from veobot.sandbox.client import SandboxClient

COMMAND_SECONDS = 30.0

GOOD = {
    "VEOBOT_DISCORD_TOKEN": "a-token",
    "VEOBOT_GOOGLE_PROJECT": "my-project-123",
    "VEOBOT_BUCKET": "my-videos",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    exit_code: int | None
    out: str
    err: str


async def veobot(directory: Path, *arguments: str, **settings: str) -> Ended:
    """Run a command in a directory of its own, with these settings and no others."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VEOBOT_", "GOOGLE_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "veobot", *arguments,
        cwd=directory, env={**own, **settings}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except TimeoutError:
        process.kill()
        raise
    return Ended(process.returncode, out.decode(), err.decode())


def check_sentences(ended: Ended, *sentences: str) -> None:
    """Make sure that this is all that was said, by exit code 2 and without a traceback."""
    assert ended.exit_code == 2, ended
    assert "Traceback" not in ended.out + ended.err
    for sentence in sentences:
        assert sentence in ended.err, ended.err


async def test_wrong_and_missing_settings_are_said_all_at_once_in_plain_sentences(tmp_path: Path) -> None:
    nothing, wrong, wrong_file = await asyncio.gather(
        veobot(tmp_path, "run"),
        veobot(
            tmp_path, "run",
            VEOBOT_DISCORD_TOKEN="Bot abc", VEOBOT_GOOGLE_PROJECT="my-project-123", VEOBOT_QUOTA="none",
            VEOBOT_DAILY_BUDGET_USD="-1", VEOBOT_ALOWED_CHANNELS="1",
        ),
        veobot(tmp_path, "run", **GOOD | {"VEOBOT_DISCORD_TOKEN": "", "VEOBOT_DISCORD_TOKEN_FILE": "/nowhere/token"}),
    )  # fmt: skip
    check_sentences(
        nothing,
        "veobot: 3 settings are wrong or missing.\n",
        "  VEOBOT_DISCORD_TOKEN is missing. The bot's token: the Developer Portal, your application, Bot, Reset",
        "  VEOBOT_GOOGLE_PROJECT is missing. ",
        "  VEOBOT_BUCKET is missing. ",
    )
    assert len(nothing.err.splitlines()) == 4
    check_sentences(
        wrong,
        "veobot: 5 settings are wrong or missing.\n",
        "  VEOBOT_ALOWED_CHANNELS is no setting of veobot: did you mean VEOBOT_ALLOWED_CHANNELS?\n",
        "  VEOBOT_DISCORD_TOKEN is wrong: it must be the token alone, without spaces and without the word Bot",
        "  VEOBOT_QUOTA is 'none': it must be a whole number.\n",
        "  VEOBOT_DAILY_BUDGET_USD is '-1': it must be at least 0.\n",
        "  VEOBOT_BUCKET is missing. ",
    )
    assert "Bot abc" not in wrong.out + wrong.err
    assert len(wrong.err.splitlines()) == 6
    check_sentences(
        wrong_file,
        "VEOBOT_DISCORD_TOKEN_FILE names the file /nowhere/token, which cannot be read: no such file or directory.\n",
    )
    assert not (tmp_path / "data").exists()


async def test_a_place_where_nothing_can_be_kept_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    under_a_file, no_files_there = await asyncio.gather(
        veobot(tmp_path, "run", **GOOD, VEOBOT_DATA_DIRECTORY=str(tmp_path / "file" / "data")),
        veobot(tmp_path, "run", **GOOD, VEOBOT_DATA_DIRECTORY="/proc/veobot"),
    )
    check_sentences(under_a_file, f"{tmp_path / 'file' / 'data'} ")
    check_sentences(no_files_there, "/proc/veobot")


async def ended_by_itself(bot: Bot) -> str:
    """Wait until the process has left; return all that it wrote."""
    await bot.until(lambda: not bot.process.running, "the process to end")
    return bot.process.log_path.read_text()


async def test_what_discord_or_the_database_will_not_have_ends_the_start_in_one_sentence(
    new_bot: StartBot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    refused = new_bot(tmp_path / "refused", VEOBOT_DISCORD_TOKEN="not-the-token")
    await refused.start(until_ready=False)
    newer = new_bot(tmp_path / "newer")
    migrated = await veobot(tmp_path, "migrate", **newer.process.environment)
    assert migrated.exit_code == 0
    with sqlite3.connect(newer.process.database_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    await newer.start(until_ready=False)

    said = await ended_by_itself(refused)
    assert "veobot: Discord does not accept VEOBOT_DISCORD_TOKEN; copy the bot's token anew" in said
    assert "Traceback" not in said
    assert "not-the-token" not in said
    assert refused.process.exit_code == 2
    said = await ended_by_itself(newer)
    sentence = "was written by a newer version of veobot; run that version, or a newer one."
    assert f"veobot: The database {newer.process.database_path} {sentence}" in said
    assert "Traceback" not in said
    assert newer.process.exit_code == 2
    assert await sandbox.ledger(kind="gateway") == []


async def test_the_token_is_taken_from_a_file_and_stays_out_of_the_log_and_other_settings_from_dot_env(
    new_bot: StartBot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text(sandbox.environment["VEOBOT_DISCORD_TOKEN"] + "\n")
    bot = new_bot(VEOBOT_DISCORD_TOKEN="", VEOBOT_DISCORD_TOKEN_FILE=str(secret), VEOBOT_QUOTA="")
    (bot.process.directory / ".env").write_text("VEOBOT_QUOTA=1\n")
    del bot.process.environment["VEOBOT_QUOTA"]
    await start(bot)
    await sandbox.vertex(generation_seconds=0)
    first = await sandbox.command("mira", FOX)
    assert content(await outcome(sandbox, first)).startswith("✅ **Done**")
    second = await sandbox.command("mira", FOX)
    await bot.logged("request.refused", request_id=second)
    assert sandbox.environment["VEOBOT_DISCORD_TOKEN"] not in bot.process.log_path.read_text()
    assert FOX not in bot.process.log_path.read_text()


async def test_a_log_that_can_no_longer_be_written_stops_no_request(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    read_end, write_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "veobot", "run",
        cwd=bot.process.directory, env=bot.process.environment, stdout=write_end, stderr=write_end,
    )  # fmt: skip
    os.close(write_end)
    try:
        await sandbox.wait_for(kind="commands", timeout_seconds=30)
        os.close(read_end)
        await sandbox.vertex(generation_seconds=0)
        request_id = await sandbox.command("mira", FOX)
        assert content(await outcome(sandbox, request_id)).startswith("✅ **Done**")
        await bot.closed(request_id)
        assert len(await bot.paid(request_id)) == 1
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_the_rows_can_be_listed_and_shown_while_the_bot_runs_and_once_it_is_gone(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(script=[{"result": "filtered", "contains": "secret", "generation_seconds": 0}])
    filtered = await sandbox.command("mira", "A secret prompt that is filtered")
    await bot.closed(filtered)
    making = await sandbox.command("jonas", FOX)
    await bot.reaches(making, "generating")
    environment, directory = bot.process.environment, bot.process.directory

    async def run(*arguments: str) -> Ended:
        ended = await veobot(directory, "requests", *arguments, **environment)
        assert ended.err == "", ended
        return ended

    listed, incomplete, stuck, shown, sheet = await asyncio.gather(
        run("list", "--json"),
        run("list", "--incomplete"),
        run("list", "--stuck"),
        run("show", making, "--json"),
        run("show", filtered),
    )
    assert [str(json.loads(line)["id"]) for line in listed.out.splitlines()] == [filtered, making]
    assert making in incomplete.out
    assert filtered not in incomplete.out
    assert (stuck.exit_code, stuck.out) == (0, "")
    whole: Mapping[str, Mapping[str, object]] = json.loads(shown.out)
    assert str(whole["request"]["id"]) == making
    assert whole["request"]["status"] == "generating"
    assert "interaction_token" not in shown.out
    assert "Google's safety filter stopped the video" in sheet.out
    assert "secret prompt" not in sheet.out

    bot.kill()
    after, unknown = await asyncio.gather(
        run("show", making), veobot(directory, "requests", "show", "1234567890", **environment)
    )
    assert "generating" in after.out
    check_sentences(unknown, "veobot: There is no request 1234567890 in the database.\n")


async def test_the_small_commands_say_what_they_do(tmp_path: Path) -> None:
    settings = GOOD | {"VEOBOT_DATA_DIRECTORY": str(tmp_path / "data")}
    helped, version, missing, unknown = await asyncio.gather(
        veobot(tmp_path, "--help"),
        veobot(tmp_path, "--version"),
        veobot(tmp_path, "requests", "list", **settings),
        veobot(tmp_path, "fly"),
    )
    assert helped.exit_code == 0
    for command in ("run", "doctor", "migrate", "requests", "sandbox", "demo"):
        assert command in helped.out
    assert version.exit_code == 0
    assert version.out.startswith("veobot ")
    check_sentences(missing, f"veobot: There is no database at {tmp_path / 'data' / 'veobot.db'}.\n")
    assert not (tmp_path / "data").exists()
    check_sentences(unknown, "No such command 'fly'")

    for _ in range(2):
        migrated = await veobot(tmp_path, "migrate", **settings)
        assert migrated.exit_code == 0, migrated
        assert migrated.out == f"The database {tmp_path / 'data' / 'veobot.db'} is up to date.\n"
    empty = await veobot(tmp_path, "requests", "list", **settings)
    assert (empty.exit_code, empty.out) == (0, "")

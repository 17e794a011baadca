"""Two bots on one database: the second waits for the first to leave, and takes over what it left behind."""

import sqlite3
from contextlib import closing
from pathlib import Path

from support.bot import Bot, StartBot
from support.held import assert_one_video, outcome
from veobot.sandbox.client import SandboxClient


async def test_a_second_bot_waits_for_the_first_and_goes_on_with_its_requests(
    new_bot: StartBot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    first = new_bot()
    await first.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await sandbox.command("mira", "A relay baton")
    await first.reaches(request_id, "generating")

    second = beside(new_bot, first, tmp_path / "second")
    third = beside(new_bot, first, tmp_path / "third")
    await second.start(until_ready=False)
    await second.logged("bot.starting")
    # A deploy: the first is told to leave, and its successor waits already.
    before = await sandbox.last_seq()
    assert await first.stop() == 0
    await sandbox.wait_for_gateway(after=before)
    await second.logged("request.resumed", request_id=request_id)

    await third.start(until_ready=False)
    await third.logged("bot.starting")
    # An accident: the second is killed, and the system gives its lock away at once.
    before = await sandbox.last_seq()
    second.kill()
    await sandbox.wait_for_gateway(after=before)
    await third.logged("request.resumed", request_id=request_id)
    await sandbox.finish()
    await outcome(first, request_id)
    await assert_one_video(first, request_id)

    sessions = [e.fields["event"] for e in await sandbox.ledger(kind="gateway")]
    alternating = [event for event in sessions if event in {"ready", "disconnect"}]
    assert alternating == ["ready", "disconnect", "ready", "disconnect", "ready"]
    row = first.row(request_id)
    assert row is not None
    assert row["epoch"] == 3


async def test_a_bot_of_the_same_process_id_resumes_what_the_one_before_left(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await sandbox.command("mira", "A snake that bites its tail")
    await bot.reaches(request_id, "generating")
    old_pid = bot.process.pid
    bot.kill()
    await bot.start(until_ready=False)
    # As in a container, where every process is number 1: the row's owner had the number that the new one has.
    with closing(sqlite3.connect(bot.process.database_path)) as connection, connection:
        connection.execute(
            "UPDATE requests SET owner = replace(owner, ?, ?)", (f":{old_pid}", f":{bot.process.pid}")
        )
    await bot.logged("request.resumed", request_id=request_id)


def beside(new_bot: StartBot, other: Bot, directory: Path) -> Bot:
    """Make a bot with a log of its own on another's data."""
    return new_bot(directory, VEOBOT_DATA_DIRECTORY=str(other.process.data_directory))

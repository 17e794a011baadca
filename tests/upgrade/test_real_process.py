"""Whatever an older version left behind, the real process of today brings to its end."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.bot import Bot, StartBot
from support.interrupted import let_it_notice_the_time
from upgrade.dumps import DUMPS, died_at, load, named, parts_of, rows
from upgrade.endings import UNREADABLE
from veobot.core.failures import Failure
from veobot.core.status import Closure, Status
from veobot.sandbox.client import SandboxClient

PAST_EVERY_DEADLINE_SECONDS = 13 * 60.0
"""What was submitted just before the end is given up by then: 1 minute for its answer, 10 for its video."""

PLAIN_OUTCOMES = set(Status) - {Status.PENDING, Status.GENERATING}


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: str(dump.stem))
async def test_the_real_bot_starts_on_an_older_database_and_closes_everything_in_it(
    dump: Path, new_bot: StartBot, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """The world is set to the moment at which the dump's bot was killed, and its places are given to the rows.

    It has never heard of the rows' messages, tokens, operations and videos. So this does not show that a member is
    told the right thing (the simulation does), but that the real adapters take every row that an older version may
    have left, and everything that Discord and Google say when they know nothing of it: no request crashes, none is
    left open, none is submitted twice, and none but those that had failed so already ends by an error of the bot's own.
    """
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="50", VEOBOT_RETENTION_DAYS="30")
    load(dump, tmp_path / "dump.db")
    load(dump, bot.process.database_path, await the_sandbox_s_ids(sandbox, tmp_path / "dump.db"))
    path = bot.process.database_path
    left = {name: row for name, row in named(path).items() if row["closed_at"] is None}
    readable = {str(row["id"]) for name, row in left.items() if name not in UNREADABLE}
    closed = [parts_of(path, row["id"]) for row in rows(path) if row["closed_at"] is not None]
    newer = [parts_of(path, row["id"]) for name, row in left.items() if name.startswith("newer")]
    internal = {row["id"] for row in rows(path) if row["failure"] == Failure.INTERNAL}
    await sandbox.clock(jump_seconds=(died_at(path) - datetime.now(UTC)).total_seconds())
    await sandbox.vertex(generation_seconds=0)

    await bot.start()
    await sandbox.wait_for(kind="commands", timeout_seconds=20)
    await bot.logged("request.resumed", count=len(readable))
    await bot.until(lambda: set(open_states(bot, readable)) <= {"intended"}, "all else to be closed", 60)
    await sandbox.clock(jump_seconds=PAST_EVERY_DEADLINE_SECONDS)
    await let_it_notice_the_time(bot)
    finished = await bot.logged("resume.finished", timeout_seconds=60)

    ended = [row for row in bot.rows() if str(row["id"]) in readable]
    assert {str(row["status"]) for row in ended} <= PLAIN_OUTCOMES
    assert {str(row["closure"]) for row in ended} <= set(Closure) - {Closure.UNDELIVERABLE}
    assert all(row["interaction_token"] is None for row in ended)
    counts = [int(str(finished.fields[name])) for name in ("completed", "failed", "timed_out", "cancelled")]
    assert sum(counts) == len(readable)
    paid = [str(e.fields["storage_uri"]).split("/")[-3] for e in await sandbox.ledger(kind="submission")]
    assert len(paid) == len(set(paid))
    assert set(paid) <= {str(row["id"]) for row in left.values() if row["status"] == Status.PENDING}
    assert bot.log("request.crashed") == []
    assert {row["id"] for row in bot.rows() if row["failure"] == Failure.INTERNAL} == internal
    logged = {str(line.fields["request_id"]) for line in bot.log("request.unreadable")}
    assert logged == {str(row["id"]) for name, row in left.items() if name in UNREADABLE}
    assert await bot.stop() == 0
    for parts in (*closed, *newer):
        assert parts_of(path, parts[0]["id"]) == parts


def open_states(bot: Bot, request_ids: set[str]) -> list[str]:
    """Return, for each of these requests that is not closed, the state of its latest submission."""
    submissions = {str(row["request_id"]): str(row["state"]) for row in bot.rows("submissions")}
    left = [str(row["id"]) for row in bot.rows() if row["closed_at"] is None]
    return [submissions.get(request_id, "none") for request_id in left if request_id in request_ids]


async def the_sandbox_s_ids(sandbox: SandboxClient, database: Path) -> dict[str, str]:
    """Return which ids of the sandbox's stand in for those of a dump."""
    state = await sandbox.state()
    channels, members = state["channels"], state["members"]
    assert isinstance(channels, dict)
    assert isinstance(members, dict)
    ours = {
        "user_id": members["mira"],
        "guild_id": state["guild_id"],
        "channel_id": channels["video-lab"],
        "application_id": state["application_id"],
    }
    return {str(row[column]): str(new) for row in rows(database) for column, new in ours.items()}

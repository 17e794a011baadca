"""Who comes first after a restart, how many at once, and how gently the bad news is spread."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing

from support.bot import StartBot
from support.held import content, files, held_back, outcome
from support.order import assert_began_in_order
from veobot.sandbox.client import SandboxClient

INTERRUPTED = 50
NEW = 10
AT_ONCE = 2
"""So few that, with one of them taken all the time, the others' order is exact."""
DELIVERIES = 9
DELIVERIES_AT_ONCE = 4
SUBMISSIONS = 24
SUBMISSIONS_AT_ONCE = 16
EXPIRED = 120

BEGIN_AND_END = {"submission", "finished"}
"""The ledger's kinds between which a video is being made."""


async def test_fifty_interrupted_requests_start_before_ten_new_ones_and_the_oldest_first(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(
        VEOBOT_CONCURRENT_GENERATIONS=str(AT_ONCE),
        VEOBOT_POLL_INTERVAL_SECONDS="0.05",
        VEOBOT_PROGRESS_INTERVAL_SECONDS="600",
    )
    await bot.start()
    await sandbox.wait_for(kind="commands")
    # One video is made all the time: whoever filled the window in batches would now wait for it.
    await sandbox.vertex(script=[{"contains": "endless", "result": "hang"}], generation_seconds=3600)
    old: list[str] = []
    for prompt in (
        "An endless escalator",
        *(f"Old picture {number:02}" for number in range(2, INTERRUPTED + 1)),
    ):
        old.append(await sandbox.command("jonas", prompt))
        if len(old) <= AT_ONCE:
            await bot.reaches(old[-1], "generating")
    await sandbox.wait_for_count(INTERRUPTED, kind="acknowledged")
    bot.kill()
    await sandbox.vertex(script=[{"contains": "endless", "result": "hang"}], generation_seconds=0)
    await sandbox.finish(contains="Old picture")

    with closing(sqlite3.connect(bot.process.database_path, isolation_level=None)) as other_program:
        # Resumption cannot begin before all ten have come.
        other_program.execute("BEGIN IMMEDIATE")
        await bot.start()
        new = [await sandbox.command("aiko", f"New picture {number:02}") for number in range(1, NEW + 1)]
        other_program.execute("ROLLBACK")
    for request_id in (*old[1:], *new):
        await outcome(bot, request_id)

    ledger = await sandbox.ledger()
    assert_began_in_order(
        [str(e.fields["prompt"]) for e in ledger if e.kind == "submission"],
        [
            "An endless escalator",
            *(f"Old picture {number:02}" for number in range(2, INTERRUPTED + 1)),
            *(f"New picture {number:02}" for number in range(1, NEW + 1)),
        ],
        at_once=AT_ONCE,
    )
    assert (
        most_at_once(1 if e.kind == "submission" else -1 for e in ledger if e.kind in BEGIN_AND_END)
        == AT_ONCE
    )
    row = bot.row(old[0])
    assert row is not None
    assert row["status"] == "generating"


async def test_requests_that_all_have_a_slot_are_submitted_sixteen_at_a_time(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS=str(SUBMISSIONS), VEOBOT_VERTEX_REQUESTS_PER_MINUTE="10000")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await held_back(sandbox, "vertex.submit", "Snowflake", seconds=1.0, times=SUBMISSIONS)
    for number in range(SUBMISSIONS):
        await sandbox.command("mira", f"Snowflake {number}")
    await sandbox.wait_for_count(SUBMISSIONS, kind="submission")
    # A submission is on its way from when it hangs until Vertex has it.
    steps = [
        1 if e.kind == "fault" else -1 for e in await sandbox.ledger() if e.kind in {"fault", "submission"}
    ]
    assert most_at_once(steps) == SUBMISSIONS_AT_ONCE


async def test_finished_videos_are_delivered_four_at_a_time(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS=str(DELIVERIES))
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    asked = [await sandbox.command("mira", f"Postcard {number}") for number in range(DELIVERIES)]
    for request_id in asked:
        await bot.reaches(request_id, "generating")
    bot.kill()
    await sandbox.finish()
    await held_back(
        sandbox, "discord.webhook.message.edit", "AI-generated video: Postcard", seconds=0.3, times=DELIVERIES
    )
    await bot.start()
    await sandbox.wait_for_count(DELIVERIES, lambda e: files(e) == 1, kind="edit")
    # Each is written once more some seconds after the takeover; the next in line does not wait for that.
    assert {row["closed_at"] for row in bot.rows()} == {None}
    # An upload is on its way from when it hangs until it is seen.
    steps = [
        1 if e.kind == "fault" else -1
        for e in await sandbox.ledger()
        if e.kind == "fault" or (e.kind == "edit" and files(e))
    ]
    assert most_at_once(steps) == DELIVERIES_AT_ONCE


async def test_more_than_a_hundred_expiry_notices_are_spread_out_and_ping_nobody(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    pattern = await sandbox.command("mira", "A calendar that sheds its leaves")
    await bot.reaches(pattern, "generating")
    bot.kill()
    with closing(sqlite3.connect(bot.process.database_path)) as connection, connection:
        forget_for_a_day(connection, int(pattern), EXPIRED)

    await bot.start()
    await bot.until(
        lambda: sum(row["status"] == "timeout" for row in bot.rows()) == EXPIRED, "all requests expired"
    )
    notices = await sandbox.wait_for_count(
        5, lambda e: "Your request expired" in content(e), kind="message", timeout_seconds=20
    )
    assert all(e.fields["mentions"] == [] for e in notices)
    assert (notices[-1].at - notices[0].at).total_seconds() > len(notices) - 2
    # Meanwhile nobody waits for them.
    asked = await sandbox.command("jonas", "A calendar for next year")
    await bot.reaches(asked, "generating", timeout_seconds=5)


def most_at_once(steps: Iterable[int]) -> int:
    """Return the largest number there ever was, from how it changed."""
    most = now = 0
    for step in steps:
        now += step
        most = max(most, now)
    return most


def forget_for_a_day(connection: sqlite3.Connection, pattern: int, count: int) -> None:
    """Insert copies of a request that were asked 25 hours ago, shown to their members, and never begun."""
    connection.row_factory = sqlite3.Row
    [row] = connection.execute("SELECT * FROM requests WHERE id = ?", (pattern,))
    a_day_and_an_hour_ms = 25 * 3600 * 1000
    for number in range(1, count + 1):
        copy = dict(row) | {
            "id": pattern - (a_day_and_an_hour_ms << 22) + number,
            "created_at": row["created_at"] - a_day_and_an_hour_ms + number,
            "status": "pending",
            "placeholder_id": None,
            "interaction_token": None,
            "prompt": f"Leaf {number}",
        }
        columns, marks = ", ".join(copy), ", ".join("?" * len(copy))
        connection.execute(f"INSERT INTO requests ({columns}) VALUES ({marks})", tuple(copy.values()))  # noqa: S608

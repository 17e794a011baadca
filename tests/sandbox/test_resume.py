"""Start-up: everything interrupted is claimed, counted, and taken up, and no request stops another."""

from support.bot import Bot, StartBot
from support.interrupted import (
    HELD_SECONDS,
    ask,
    ask_until_generating,
    ask_until_undelivered,
    change_rows,
    content,
    finish_while_dead,
    first_start,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"
POT = "A copper pot beginning to steam in a kitchen"


async def test_with_nothing_incomplete_the_log_says_so(bot: Bot, sandbox: SandboxClient) -> None:
    await bot.logged("No incomplete requests to resume")
    await sandbox.vertex(generation_seconds=0)
    await bot.closed(await sandbox.command("mira", FOX))
    bot.kill()
    await bot.start()
    await bot.logged("No incomplete requests to resume", of_this_process=True)
    assert bot.log("request.resumed", of_this_process=True) == []
    assert bot.log("resume.started", of_this_process=True) == []


async def test_every_kind_is_counted_and_each_request_is_logged_oldest_first(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="2"))
    await sandbox.vertex(script=[{"contains": BOAT, "result": "filtered"}, {"result": "hang"}])
    undelivered = await ask_until_undelivered(bot, "mira", FOX)
    filtered = await ask_until_generating(bot, "jonas", BOAT)
    running = await ask_until_generating(bot, "aiko", LIGHTHOUSE)
    # Asked before all the others, though it reached the bot last.
    waiting = await ask(bot, "sven", POT, ago=150)
    bot.kill()
    await finish_while_dead(bot, BOAT, LIGHTHOUSE)
    await sandbox.clear_faults()
    await sandbox.vertex(script=[], generation_seconds=0)
    await bot.start()

    started = await bot.logged("resume.started")
    assert {k: v for k, v in started.fields.items() if k != "timestamp"} == {
        "incomplete": 4,
        "pending": 1,
        "generating": 2,
        "undelivered": 1,
    }
    finished = await bot.logged("resume.finished")
    assert (finished.fields["completed"], finished.fields["failed"], finished.fields["timed_out"]) == (
        3,
        1,
        0,
    )
    assert float(str(finished.fields["duration_seconds"])) > 0

    rows = {str(row["id"]): row for row in bot.rows()}
    resumed = [line.fields for line in bot.log("request.resumed")]
    assert [str(fields["request_id"]) for fields in resumed] == [waiting, undelivered, filtered, running]
    assert [fields["status"] for fields in resumed] == ["pending", "completed", "generating", "generating"]
    assert [fields["age_minutes"] for fields in resumed] == [2, 0, 0, 0]
    for fields in resumed:
        assert fields["user_id"] == rows[str(fields["request_id"])]["user_id"]
    assert [row["closed_at"] is not None for row in rows.values()] == [True] * 4


async def test_a_process_of_the_same_name_and_number_resumes_what_its_predecessor_left(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    """A container started again has its host name and process number from before."""
    bot = await first_start(new_bot())
    request_id = await ask_until_generating(bot, "mira", FOX)
    row = bot.row(request_id)
    assert row is not None
    before = bot.process.pid
    bot.kill()
    await finish_while_dead(bot, FOX)
    after = await sandbox.last_seq()
    await bot.start(until_ready=False)
    owner = str(row["owner"]).replace(f":{before}", f":{bot.process.pid}")
    change_rows(bot, "UPDATE requests SET owner = ?", owner)
    await sandbox.wait_for_gateway(after=after)
    assert (await content(bot, request_id)).startswith("✅ **Done**")


async def test_a_model_that_is_no_longer_offered_fails_its_request_with_a_reason(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)
    retired = await ask(bot, "mira", FOX)
    forgotten = await ask(bot, "jonas", BOAT)
    bot.kill()
    # A newer version of the bot may have dropped it from its table of models and prices.
    change_rows(bot, "UPDATE requests SET model = 'veo-2.0-generate-001' WHERE id = ?", int(forgotten))
    await sandbox.clear_faults()
    await sandbox.vertex(models=["veo-3.1-generate-001"])
    await bot.start()
    for request_id, name in ((retired, "Veo 3.1 Fast"), (forgotten, "veo-2.0-generate-001")):
        assert f"⚠️ **Google no longer offers {name} here**" in await content(bot, request_id)
        row = bot.row(request_id)
        assert row is not None
        assert (row["status"], row["failure"], row["charged_micro_usd"]) == ("failed", "model_retired", 0)
    assert bot.log("request.crashed") == []


async def test_a_row_of_a_newer_version_and_a_damaged_one_stop_no_other(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    newer = await ask_until_generating(bot, "mira", FOX)
    damaged = await ask_until_generating(bot, "jonas", BOAT)
    fine = await ask_until_generating(bot, "aiko", LIGHTHOUSE)
    bot.kill()
    await finish_while_dead(bot, LIGHTHOUSE)
    change_rows(bot, "UPDATE requests SET status = 'paused' WHERE id = ?", int(newer))
    change_rows(bot, "UPDATE requests SET seed = 'a word' WHERE id = ?", int(damaged))
    await bot.start()

    assert (await content(bot, fine)).startswith("✅ **Done**")
    finished = await bot.logged("resume.finished")
    assert finished.fields["completed"] == 1
    started = await bot.logged("resume.started")
    assert started.fields["incomplete"] == 1
    for request_id, column in ((newer, "status"), (damaged, "seed")):
        unreadable = await bot.logged("request.unreadable", request_id=request_id)
        assert unreadable.level == "error"
        assert str(unreadable.fields["reason"]).startswith(column)
        row = bot.row(request_id)
        assert row is not None
        assert row["closed_at"] is None, "it waits for the version that can read it"
    row = bot.row(newer)
    assert row is not None
    assert (row["status"], row["epoch"]) == ("paused", 1)


async def test_a_bot_told_to_leave_does_not_claim_that_all_resumed_requests_have_ended(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX)
    bot.kill()
    await bot.start()
    await bot.logged("request.resumed", request_id=request_id)
    assert await bot.stop() == 0
    assert bot.log("bot.stopped")
    assert bot.log("resume.finished") == []

"""Requests that Vertex was at work on when the bot died: asked for by the operation's stored name."""

from support.bot import StartBot
from support.interrupted import (
    ask_until_generating,
    attachments,
    content,
    finish_while_dead,
    first_start,
    percents,
    placeholder_says,
    placeholder_texts,
    put_video,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"
POT = "A copper pot beginning to steam in a kitchen"


async def test_a_video_finished_while_the_bot_was_dead_is_delivered_at_once(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    request_id = await ask_until_generating(bot, "mira", FOX)
    bot.kill()
    await finish_while_dead(bot, FOX)
    died = await sandbox.last_seq()
    await bot.start()

    assert (await content(bot, request_id)).startswith("✅ **Done**")
    assert len(await attachments(bot, request_id)) == 1
    assert len(await bot.paid(request_id)) == 1
    [poll] = await sandbox.ledger(died, kind="poll")
    [submission] = bot.submissions(request_id)
    assert (poll.fields["operation"], poll.fields["answer"]) == (submission["operation"], "done")
    row = await bot.closed(request_id)
    assert (row["status"], row["closure"], row["interaction_token"]) == ("completed", "delivered", None)
    assert len(await bot.told(request_id)) == 1


async def test_a_running_video_goes_on_and_its_bar_never_goes_backwards(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX)
    await sandbox.clock(jump_seconds=60)
    await placeholder_says(bot, request_id, "🎬 **Making your video: about 35 %**")
    bot.kill()
    died = await sandbox.last_seq()
    await bot.start()
    said = await placeholder_says(bot, request_id, "🎬 **Still making your video", after=died)
    assert "-# I restarted <t:" in said
    assert "; your video kept going." in said
    await sandbox.clock(jump_seconds=40)
    await placeholder_says(bot, request_id, "🎬 **Still making your video: about 60 %**", after=died)

    bars = percents(await placeholder_texts(bot, request_id))
    assert bars == sorted(bars)
    await sandbox.finish(contains=FOX)
    assert (await content(bot, request_id)).startswith("✅ **Done**")
    assert len(await bot.paid(request_id)) == 1


async def test_an_error_or_a_filter_met_while_the_bot_was_dead_is_told_with_its_reason(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(
        script=[
            {"contains": FOX, "result": "failed", "error_code": 13, "message": "Internal server issue."},
            {"contains": BOAT, "result": "filtered"},
        ]
    )
    broken = await ask_until_generating(bot, "mira", FOX)
    filtered = await ask_until_generating(bot, "jonas", BOAT)
    bot.kill()
    await finish_while_dead(bot, FOX, BOAT)
    await bot.start()

    assert (await content(bot, broken)).startswith("⚠️ **Google couldn't make your video**")
    blocked = await content(bot, filtered)
    assert blocked.startswith("🚫 **This one couldn't be made**")
    assert BOAT not in blocked, "a blocked prompt is not repeated in public"
    for request_id, failure, detail in (
        (broken, "provider_error", "Internal server issue."),
        (filtered, "filtered", "15236754"),
    ):
        row = bot.row(request_id)
        assert row is not None
        assert (row["status"], row["failure"]) == ("failed", failure)
        assert detail in str(row["failure_detail"])
        assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (0, 0)


async def test_an_operation_that_is_gone_is_looked_for_in_the_bucket_and_else_timed_out(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "gone"}])
    left_a_video = await ask_until_generating(bot, "aiko", LIGHTHOUSE)
    left_nothing = await ask_until_generating(bot, "sven", POT)
    bot.kill()
    await finish_while_dead(bot, LIGHTHOUSE, POT)
    await put_video(bot, left_a_video)
    died = await sandbox.last_seq()
    await bot.start()

    assert (await content(bot, left_a_video)).startswith("✅ **Done**")
    assert len(await attachments(bot, left_a_video)) == 1
    said = await content(bot, left_nothing)
    assert said.startswith("⌛ **Your video didn't finish in time**")
    assert "I restarted while it was being made, and Google no longer knew it afterwards." in said
    failed = await bot.logged("request.failed", request_id=left_nothing)
    assert failed.fields["reason"] == "Video generation timed out during bot restart"
    row = bot.row(left_nothing)
    assert row is not None
    assert (row["status"], row["failure"]) == ("timeout", "lost_at_restart")
    assert {e.fields["answer"] for e in await sandbox.ledger(died, kind="poll")} == {"gone"}
    assert await sandbox.ledger(died, kind="submission") == [], "no second payment for either"

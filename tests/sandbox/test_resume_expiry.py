"""Requests older than 24 hours, and videos that take longer than 10 minutes."""

from support.bot import StartBot
from support.interrupted import (
    HOUR,
    MINUTE,
    ask,
    ask_until_generating,
    ask_until_undelivered,
    attachments,
    content,
    finish_while_dead,
    first_start,
    outcome,
    placeholder_id,
    put_video,
    restart_after,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"
POT = "A copper pot beginning to steam in a kitchen"


async def test_after_24_hours_what_is_paid_is_delivered_and_the_rest_expires(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="2"))
    await sandbox.vertex(script=[{"result": "hang"}])
    undelivered = await ask_until_undelivered(bot, "mira", FOX)
    finished = await ask_until_generating(bot, "jonas", BOAT)
    running = await ask_until_generating(bot, "aiko", LIGHTHOUSE)
    waiting = await ask(bot, "sven", POT)
    bot.kill()
    await finish_while_dead(bot, BOAT)
    died = await sandbox.last_seq()
    await restart_after(bot, 25 * HOUR)

    # A known outcome is delivered at any age; its edit had begun, so it stays an edit.
    assert (await content(bot, undelivered)).startswith("✅ **Done**")
    assert (await outcome(bot, undelivered)).fields["message_id"] == placeholder_id(bot, undelivered)
    # A finished video is paid, and gets delivered.
    assert "your video is ready" in await content(bot, finished)
    assert len(await attachments(bot, finished)) == 1
    # One last look at what is still running, and then the wait is over.
    assert "⌛ **Your request expired**" in await content(bot, running)
    polls = [e for e in await sandbox.ledger(died, kind="poll") if e.fields["answer"] == "running"]
    assert len(polls) == 1
    # What waited is not begun any more.
    expired = await outcome(bot, waiting)
    assert "⌛ **Your request expired**" in str(expired.fields["content"])
    assert "It was more than 24 hours old" in str(expired.fields["content"])
    assert expired.fields["mentions"] == [], "expiry notices ping nobody"
    assert await bot.paid(waiting) == []

    rows = {
        request_id: await bot.closed(request_id) for request_id in (undelivered, finished, running, waiting)
    }
    assert [row["status"] for row in rows.values()] == ["completed", "completed", "timeout", "timeout"]
    assert [row["closure"] for row in rows.values()] == ["delivered"] * 4
    for request_id in (running, waiting):
        failed = await bot.logged("request.failed", request_id=request_id)
        assert failed.fields["reason"] == "Request expired (>24 hours old)"
        assert rows[request_id]["counts_toward_quota"] == 0
    assert await sandbox.ledger(died, kind="submission") == []


async def test_a_generation_longer_than_10_minutes_is_looked_for_once_more_and_then_given_up(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    hanging = await ask_until_generating(bot, "mira", FOX)
    in_bucket = await ask_until_generating(bot, "jonas", BOAT)
    await put_video(bot, in_bucket)
    assert [e.kind for e in await bot.told(hanging) + await bot.told(in_bucket)] == []
    await sandbox.clock(jump_seconds=11 * MINUTE)

    text = await content(bot, hanging)
    assert text.startswith("⌛ **Your video didn't finish in time**")
    assert "Nothing came back from Google within 10 minutes" in text
    assert (await bot.closed(hanging))["status"] == "timeout"
    assert (await content(bot, in_bucket)).startswith("✅ **Done**")
    assert len(await attachments(bot, in_bucket)) == 1
    assert (await bot.closed(in_bucket))["status"] == "completed"
    failed = await bot.logged("request.failed", request_id=hanging)
    assert failed.fields["reason"] == "Video generation took longer than allowed"

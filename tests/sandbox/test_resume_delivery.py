"""Where a resumed outcome is told: in the placeholder while its token lives, else in a new message."""

from support.bot import StartBot
from support.interrupted import (
    HELD_SECONDS,
    MINUTE,
    ask_until_generating,
    ask_until_undelivered,
    attachments,
    change_rows,
    content,
    finish_while_dead,
    first_start,
    outcome,
    placeholder_id,
    placeholder_says,
    restart_after,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
PATIENT = {"VEOBOT_GENERATION_DEADLINE_MINUTES": "60"}


async def test_while_the_token_lives_the_original_message_is_edited(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**PATIENT))
    request_id = await ask_until_generating(bot, "mira", FOX)
    bot.kill()
    await finish_while_dead(bot, FOX)
    died = await sandbox.last_seq()
    await restart_after(bot, 14 * MINUTE)

    told = await outcome(bot, request_id)
    assert told.kind == "edit"
    assert told.fields["message_id"] == placeholder_id(bot, request_id)
    assert str(told.fields["content"]).startswith("✅ **Done**")
    assert await sandbox.ledger(died, kind="message") == []
    assert await sandbox.ledger(died, kind="refusal") == [], "the token was used, and honoured"


async def test_once_the_token_is_dead_a_new_message_pings_replies_and_says_why_it_is_late(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**PATIENT))
    await sandbox.vertex(script=[{"contains": BOAT, "result": "filtered"}])
    request_id = await ask_until_generating(bot, "mira", FOX)
    blocked = await ask_until_generating(bot, "jonas", BOAT)
    bot.kill()
    await finish_while_dead(bot, FOX, BOAT)
    await restart_after(bot, 16 * MINUTE)

    told = await outcome(bot, request_id)
    assert told.kind == "message"
    assert told.fields["ephemeral"] is False
    mira = told.fields["mentions"]
    assert isinstance(mira, list)
    lines = str(told.fields["content"]).splitlines()
    assert lines[0] == f"<@{mira[0]}> your video is ready. Sorry for the wait."
    assert lines[1] == f"> {FOX}"
    assert lines[-1] == "-# Resumed after bot restart"
    assert len(await attachments(bot, request_id)) == 1

    # A failure is told in the same way; a blocked prompt is not repeated in public.
    failure = await outcome(bot, blocked)
    lines = str(failure.fields["content"]).splitlines()
    assert lines[0].endswith(":R>:")
    assert lines[1] == "🚫 **This one couldn't be made**"
    assert BOAT not in str(failure.fields["content"])

    for asked, entry, pointer in (
        (request_id, told, "✅ Finished: [see the video]("),
        (blocked, failure, "🏁 Ended: [see what happened]("),
    ):
        row = await bot.closed(asked)
        assert row["closure"] == "delivered"
        assert entry.fields["channel_id"] == str(row["channel_id"])
        assert entry.fields["mentions"] == [str(row["user_id"])], "the member is pinged, and nobody else"
        assert entry.fields["reply_to"] == placeholder_id(bot, asked)
        assert str(entry.fields["message_id"]) in await placeholder_says(bot, asked, pointer)
        assert len(await bot.told(asked)) == 1
    assert len(await bot.paid(request_id)) == 1


async def test_without_a_restart_a_late_video_says_nothing_of_one(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**PATIENT))
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX)
    asked = await sandbox.last_seq()
    await sandbox.clock(jump_seconds=16 * MINUTE)
    # Its progress goes on, through the channel: the token is dead.
    said = await placeholder_says(bot, request_id, "🎬 **Making your video: about 95 %**", after=asked)
    assert "This one takes longer than usual." in said
    await sandbox.finish(contains=FOX)

    told = await outcome(bot, request_id)
    assert told.kind == "message"
    assert told.fields["reply_to"] == placeholder_id(bot, request_id)
    assert "your video is ready" in str(told.fields["content"])
    assert "restart" not in str(told.fields["content"])
    await placeholder_says(bot, request_id, "✅ Finished: [see the video](")


async def test_a_known_outcome_is_delivered_however_far_its_delivery_had_come(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    edit_begun = await ask_until_undelivered(bot, "mira", FOX)
    not_begun = await ask_until_undelivered(bot, "jonas", BOAT)
    bot.kill()
    # As the rows stand between two commits: the outcome is recorded, the delivery not yet begun.
    change_rows(
        bot,
        "UPDATE requests SET delivery_route = NULL, delivery_started_at = NULL WHERE id = ?",
        int(not_begun),
    )
    died = await sandbox.last_seq()
    await restart_after(bot, 20 * MINUTE)

    # Its edit may have landed: it stays an edit, by the channel, since the token is dead.
    told = await outcome(bot, edit_begun)
    assert told.fields["message_id"] == placeholder_id(bot, edit_begun)
    assert len(await attachments(bot, edit_begun)) == 1
    # Nothing can have landed: the token is dead from the start, and a new message tells.
    told = await outcome(bot, not_begun)
    assert told.kind == "message"
    assert len(await attachments(bot, not_begun)) == 1
    await placeholder_says(bot, not_begun, "✅ Finished: [see the video](", after=died)
    for request_id in (edit_begun, not_begun):
        assert (await bot.closed(request_id))["closure"] == "delivered"
        assert len(await bot.told(request_id)) == 1
    assert await sandbox.ledger(died, kind="submission") == []


async def test_a_new_message_that_landed_unrecorded_is_found_and_not_sent_again(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**PATIENT))
    # Not in one channel: while an answer is held back, discord.py sends nothing more there.
    landed = await ask_until_generating(bot, "mira", FOX, channel="general")
    unpointed = await ask_until_generating(bot, "jonas", BOAT)
    bot.kill()
    await finish_while_dead(bot, FOX, BOAT)
    await sandbox.clock(jump_seconds=16 * MINUTE)
    await sandbox.fault("discord.message.create", "delay_after", seconds=HELD_SECONDS, contains=landed)
    await sandbox.fault(
        "discord.message.edit", "delay_before", seconds=HELD_SECONDS, contains="Finished: [see the video]"
    )
    died = await sandbox.last_seq()
    await bot.start()
    await sandbox.wait_for_count(2, kind="fault", after=died)
    first = await sandbox.ledger(died, kind="message")
    assert len(first) == 2
    # Beyond the minutes for which Discord remembers a nonce.
    await restart_after(bot, 30 * MINUTE)

    for request_id in (landed, unpointed):
        await placeholder_says(bot, request_id, "✅ Finished: [see the video](", after=died)
        assert (await bot.closed(request_id))["closure"] == "delivered"
        assert (await content(bot, request_id)).splitlines()[-1] == "-# Resumed after bot restart"
    assert await sandbox.ledger(died, kind="message") == first

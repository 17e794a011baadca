"""kill -9 between the command and its acknowledgement: what was shown is kept, and nothing else was promised."""

import sqlite3
from contextlib import closing

from support.bot import Bot, StartBot
from support.held import (
    TOKEN_DEAD_SECONDS,
    Held,
    assert_one_video,
    content,
    held_after,
    held_back,
    held_before,
    outcome,
)
from veobot.sandbox.client import SandboxClient

CALLBACK = "discord.callback"


async def test_a_kill_before_the_commit_charges_nothing_and_promises_nothing(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_QUOTA="1")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    with closing(sqlite3.connect(bot.process.database_path, isolation_level=None)) as other_program:
        other_program.execute("BEGIN IMMEDIATE")
        lost = await sandbox.command("mira", "A heron that nobody stored")
        # Answered without the database: whoever came before is waiting for its commit by now.
        probe = await sandbox.command("jonas", "ab", unchecked=True)
        await sandbox.wait_for(lambda e: e.fields["interaction_id"] == probe, kind="acknowledged")
        bot.kill()
    await bot.start()
    await bot.logged("No incomplete requests to resume")
    assert bot.rows() == []
    assert lost not in {e.fields["interaction_id"] for e in await sandbox.ledger(kind="acknowledged")}
    # The only video of the quota is still there.
    again = await sandbox.command("mira", "A heron that is stored now")
    await bot.reaches(again, "generating")
    assert [e.fields["prompt"] for e in await sandbox.ledger(kind="submission")] == [
        "A heron that is stored now"
    ]


async def test_a_kill_around_the_acknowledgement_keeps_what_was_shown_and_charges_nothing_else(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="10")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(generation_seconds=0)
    await sandbox.create_channel("no-history")
    held: list[Held] = [
        await held_after(sandbox, CALLBACK, "landed"),
        await held_after(sandbox, CALLBACK, "token-dead"),
        await held_after(sandbox, CALLBACK, "unreadable"),
        await held_before(sandbox, CALLBACK, "never"),
        await held_back(sandbox, CALLBACK, "landing", seconds=2.0),
    ]
    asks = sandbox.command
    landed = await asks("mira", "A landed heron")
    token_dead = await asks("jonas", "A token-dead heron", asked_seconds_ago=TOKEN_DEAD_SECONDS)
    unreadable = await asks(
        "aiko", "An unreadable heron", channel="no-history", asked_seconds_ago=TOKEN_DEAD_SECONDS
    )
    never = await asks("priya", "A never seen heron")
    landing = await asks("sven", "A landing heron")
    for call in held:
        await call.reached()
    bot.kill()
    assert {row["acknowledged_at"] for row in bot.rows()} == {None}
    await sandbox.change_channel("no-history", deny=["READ_MESSAGE_HISTORY"])
    await bot.start()

    for request_id in (landed, landing):  # found by the token: the placeholder becomes the outcome
        assert (await outcome(bot, request_id)).kind == "edit"
        await assert_one_video(bot, request_id)
    late = await outcome(bot, token_dead)  # found in the history: the outcome replies to it
    assert late.kind == "message"
    [placeholder, *_] = await bot.messages_of(token_dead)
    assert late.fields["reply_to"] == placeholder.fields["message_id"]
    await assert_one_video(bot, token_dead)
    alone = await outcome(bot, unreadable)  # believed: the outcome stands for itself
    assert alone.fields["reply_to"] is None
    assert content(alone).endswith("Resumed after bot restart")
    await assert_one_video(bot, unreadable)

    row = await bot.closed(never)
    assert (row["status"], row["closure"]) == ("cancelled", "unacknowledged")
    assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (0, 0)
    assert await bot.paid(never) == []
    assert await bot.messages_of(never) == []


async def test_an_acknowledgement_whose_answer_got_lost_is_made_once_and_found(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(generation_seconds=0)
    await sandbox.fault(CALLBACK, "drop_after", contains="heron")
    request_id = await sandbox.command("mira", "A heron with a lost answer")
    await outcome(bot, request_id)
    await assert_one_video(bot, request_id)
    acknowledged = await sandbox.ledger(kind="acknowledged")
    assert [e.fields["interaction_id"] for e in acknowledged] == [request_id]
    # Discord said to the second try that there was a first.
    assert [e.fields["code"] for e in await sandbox.ledger(kind="refusal")] == [40060]

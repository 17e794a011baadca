"""Submissions whose answer was never recorded: adopted if the video appears, else made once more, never blindly."""

from support.bot import StartBot
from support.interrupted import (
    HELD_SECONDS,
    MINUTE,
    ask,
    attachments,
    content,
    finish_while_dead,
    first_start,
    placeholder_says,
    restart_after,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"


async def test_a_lost_answer_adopts_the_video_that_appears_under_its_prefix(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    await sandbox.fault("vertex.submit", "delay_after", seconds=HELD_SECONDS, probability=1)
    while_dead = await ask(bot, "mira", FOX)
    later = await ask(bot, "jonas", BOAT)
    await sandbox.wait_for_count(2, kind="submission")
    bot.kill()
    await sandbox.clear_faults()
    await finish_while_dead(bot, FOX)
    died = await sandbox.last_seq()
    await bot.start()

    # Finished while the bot was dead: found at the first look.
    assert (await content(bot, while_dead)).startswith("✅ **Done**")
    # Still being made: the member reads what is being done about it.
    said = await placeholder_says(bot, later, "🔎 **Looking for your video**", after=died)
    assert "so that it isn't made twice" in said
    await sandbox.finish(contains=BOAT)
    assert (await content(bot, later)).startswith("✅ **Done**")

    for request_id in (while_dead, later):
        assert len(await bot.paid(request_id)) == 1
        assert len(await attachments(bot, request_id)) == 1
        [submission] = bot.submissions(request_id)
        assert submission["state"] == "succeeded"
        assert submission["operation"] is None, "its name was never learnt"
    assert await sandbox.ledger(died, kind="submission") == []


async def test_a_second_submission_comes_only_after_the_deadline_and_a_third_never(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.fault("vertex.submit", "drop_before", contains=FOX)
    await sandbox.fault("vertex.submit", "drop_before", contains=BOAT)
    once = await ask(bot, "mira", FOX)
    twice = await ask(bot, "jonas", BOAT)
    for request_id in (once, twice):
        await bot.logged("submission.answer_lost", request_id=request_id)
    await sandbox.vertex(generation_seconds=0)

    # Just before the deadline, 10 minutes and the time for an answer after the intent: nothing but looking.
    died = await sandbox.last_seq()
    await restart_after(bot, 10 * MINUTE)
    for request_id in (once, twice):
        await placeholder_says(bot, request_id, "🔎 **Looking for your video**", after=died)
        assert len(bot.submissions(request_id)) == 1
    assert await sandbox.ledger(kind="submission") == []

    # After it: once more, under a prefix of its own.
    bot.kill()
    await sandbox.clock(jump_seconds=2 * MINUTE)
    await sandbox.fault("vertex.submit", "drop_before", contains=BOAT)
    await bot.start()
    assert (await content(bot, once)).startswith("✅ **Done**")
    [paid] = await bot.paid(once)
    assert str(paid.fields["storage_uri"]).endswith(f"/veo/{once}/2/")
    await bot.logged("submission.answer_lost", request_id=twice, count=2)
    assert len(bot.submissions(twice)) == 2

    # A second lost answer: no third submission, but the truth, once the second deadline has passed.
    assert await bot.told(twice) == []
    await restart_after(bot, 12 * MINUTE)
    said = await content(bot, twice)
    assert "⚠️ **I lost track of your video**" in said
    assert "I don't ask a third time." in said
    failed = await bot.logged("request.failed", request_id=twice)
    assert failed.fields["reason"] == "Could not learn whether Google accepted the request"
    row = await bot.closed(twice)
    assert (row["status"], row["failure"], row["counts_toward_quota"]) == ("failed", "answer_lost", 0)
    assert len(bot.submissions(twice)) == 2
    assert [e.fields["prompt"] for e in await sandbox.ledger(kind="submission")] == [FOX]


async def test_a_waiting_request_of_known_refusal_is_submitted_again_under_the_same_attempt(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(submit="quota", generation_seconds=0)
    refused = await ask(bot, "mira", LIGHTHOUSE)
    await sandbox.wait_for(kind="refused")
    await bot.logged("request.retried", request_id=refused)
    bot.kill()
    await sandbox.vertex(submit="ok")
    await bot.start()
    assert (await content(bot, refused)).startswith("✅ **Done**")
    assert len(await bot.paid(refused)) == 1
    [submission] = bot.submissions(refused)
    assert submission["attempt"] == 1

"""kill -9 and lost answers around the one call that costs money: a video is paid once."""

from support.bot import Bot, StartBot
from support.held import Held, assert_one_video, held_after, held_back, held_before, outcome, shows
from veobot.sandbox.client import SandboxClient

SUBMIT = "vertex.submit"
PAST_THE_DEADLINE_SECONDS = 11 * 60.0 + 30
"""The answer's minute and the video's ten, and half a minute more; the token lives on."""


async def test_a_submission_cut_off_by_a_kill_is_paid_once(new_bot: StartBot, sandbox: SandboxClient) -> None:
    bot = new_bot()
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    held: list[Held] = [
        await held_before(sandbox, SUBMIT, "swallowed"),
        await held_after(sandbox, SUBMIT, "accepted"),
        await held_back(sandbox, SUBMIT, "late", seconds=1.5),
    ]
    swallowed = await sandbox.command("mira", "A swallowed lighthouse")
    accepted = await sandbox.command("jonas", "An accepted lighthouse")
    late = await sandbox.command("aiko", "A late lighthouse")
    for call in held:
        await call.reached()
    bot.kill()
    for request_id in (swallowed, accepted, late):
        [submission] = bot.submissions(request_id)
        assert (submission["state"], submission["operation"]) == ("intended", None)
    await bot.start()

    # Nobody submits blindly: the member reads that the video is being looked for.
    for request_id in (swallowed, accepted, late):
        await shows(bot, request_id, "🔎")
    await sandbox.wait_for_count(2, kind="submission")
    await sandbox.finish()
    for request_id in (accepted, late):
        await outcome(bot, request_id)
        await assert_one_video(bot, request_id)
    assert await bot.paid(swallowed) == []

    # Its prefix stays empty to the deadline: a second submission, under a prefix of its own.
    bot.kill()
    await sandbox.clock(jump_seconds=PAST_THE_DEADLINE_SECONDS)
    await bot.start()
    await sandbox.wait_for_count(3, kind="submission")
    await sandbox.finish()
    await outcome(bot, swallowed)
    await assert_one_video(bot, swallowed)
    [paid] = await bot.paid(swallowed)
    assert str(paid.fields["storage_uri"]).endswith(f"/{swallowed}/2/")


async def test_a_dropped_connection_submits_once(bot: Bot, sandbox: SandboxClient) -> None:
    await sandbox.vertex(generation_seconds=0)
    # Every such POST strikes the fault, so that the strikes count the POSTs.
    dropped_after = Held(
        sandbox, await sandbox.fault(SUBMIT, "drop_after", contains="answer", probability=1.0)
    )
    dropped_before = Held(
        sandbox, await sandbox.fault(SUBMIT, "drop_before", contains="question", probability=1.0)
    )
    unknown = await sandbox.command("mira", "A lost question in a bottle")
    adopted = await sandbox.command("jonas", "A lost answer in a bottle")
    await dropped_before.reached()
    await outcome(bot, adopted)
    await assert_one_video(bot, adopted)
    assert await dropped_after.count() == 1
    assert await dropped_before.count() == 1
    [submission] = bot.submissions(unknown)
    assert (submission["state"], submission["attempt"]) == ("intended", 1)
    row = bot.row(unknown)
    assert row is not None
    assert row["status"] == "pending"

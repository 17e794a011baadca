"""One request, killed again and again: at each window of its life, and while it is being resumed."""

from support.bot import StartBot
from support.held import assert_one_video, files, held_after, held_before, shows
from veobot.sandbox.client import SandboxClient

PROMPT = "A cat with nine lives"


async def test_a_request_that_is_killed_six_times_is_paid_once_and_told_once(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])

    shown = await held_after(sandbox, "discord.callback", PROMPT)
    request_id = await sandbox.command("mira", PROMPT)
    await shown.reached()
    looked_up = await held_before(sandbox, "discord.original.get", "@original")
    await bot.restart()  # 1: shown to the member, and not yet recorded

    await looked_up.reached()
    submitted = await held_after(sandbox, "vertex.submit", PROMPT)
    await bot.restart()  # 2: while the first recovery asks what was shown

    await submitted.reached()
    listed = await held_before(sandbox, "bucket.list", request_id)
    await bot.restart()  # 3: paid, and not yet recorded

    await listed.reached()
    await sandbox.finish()
    delivered = await held_after(sandbox, "discord.webhook.message.edit", f"AI-generated video: {PROMPT}")
    await bot.restart()  # 4: while recovery looks for what was paid

    await delivered.reached()
    delivered = await held_before(sandbox, "discord.webhook.message.edit", f"AI-generated video: {PROMPT}")
    await bot.restart()  # 5: told, and not yet recorded

    await delivered.reached()
    before = await sandbox.last_seq()
    await bot.restart()  # 6: while recovery tells it again

    row = await bot.closed(request_id)
    assert (row["status"], row["closure"], row["epoch"]) == ("completed", "delivered", 7)
    await assert_one_video(bot, request_id)
    assert len(await bot.messages_of(request_id)) == 1
    assert files(await shows(bot, request_id, "✅ **Done**", after=before)) == 1

"""A progress edit that comes late lands on the outcome, and does not stay there."""

from support.bot import Bot
from support.held import as_it_stands, assert_one_video, content, files, held_back, shows
from veobot.sandbox.client import SandboxClient

EDIT = "discord.webhook.message.edit"


async def test_a_progress_edit_that_lands_on_the_outcome_is_written_over(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(script=[{"result": "hang"}])
    # Longer than the bot waits for it.
    progress = await held_back(sandbox, EDIT, "Making your video", seconds=7.5)
    request_id = await sandbox.command("mira", "A slow snail on a wet leaf")
    await progress.reached()
    await sandbox.finish()
    await the_outcome_stands(bot, request_id)


async def test_a_killed_process_cannot_write_over_what_the_next_one_tells(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(script=[{"result": "hang"}])
    progress = await held_back(sandbox, EDIT, "Making your video", seconds=5)
    request_id = await sandbox.command("mira", "A slow snail on a wet leaf")
    await progress.reached()
    bot.kill()
    await sandbox.finish()
    await bot.start()
    await the_outcome_stands(bot, request_id)


async def the_outcome_stands(bot: Bot, request_id: str) -> None:
    """The outcome is shown, then the late progress on top of it, then the outcome again; the video all along."""
    told = await shows(bot, request_id, "✅ **Done**")
    overwritten = await shows(bot, request_id, "🎬", after=told.seq)
    repeated = await shows(bot, request_id, "✅ **Done**", after=overwritten.seq)
    assert [files(entry) for entry in (told, overwritten, repeated)] == [1, 1, 1]
    await bot.closed(request_id)
    await assert_one_video(bot, request_id)
    last = await as_it_stands(bot.world, told.fields["message_id"])
    assert content(last) == content(told)

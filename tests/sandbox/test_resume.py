"""Every interrupted request is picked up at start-up."""

from support.bot import Bot, is_outcome
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"


async def test_a_video_finished_while_the_bot_was_dead_is_delivered_at_once(
    bot: Bot, sandbox: SandboxClient
) -> None:
    request_id = await sandbox.command("mira", FOX)
    await bot.reaches(request_id, "generating")
    bot.kill()
    await sandbox.finish()
    await bot.start()
    row = await bot.closed(request_id)
    assert row["status"] == "completed"
    assert row["closure"] == "delivered"
    assert len(await bot.paid(request_id)) == 1
    [told] = await bot.told(request_id)
    assert str(told.fields["content"]).startswith("✅ **Done**")
    assert len(told.fields["attachments"]) == 1  # type: ignore[arg-type] # a list, as the ledger's kind has it
    assert is_outcome(str(told.fields["content"]))

"""A database that cannot be read at start: the bot is there, refuses, and tries again until it can."""

from support.bot import StartBot
from support.interrupted import (
    ask_until_generating,
    content,
    finish_while_dead,
    first_start,
    give_database_back,
    take_database_away,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"


async def test_an_unreadable_database_is_tried_until_it_can_be_read_and_then_all_is_resumed(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    request_id = await ask_until_generating(bot, "mira", FOX)
    bot.kill()
    await finish_while_dead(bot, FOX)
    take_database_away(bot)
    await bot.start()  # the gateway is READY

    failed = await bot.logged("Failed to query incomplete requests", of_this_process=True)
    assert failed.level == "error"
    assert "is not a database; move it away or name another." in str(failed.fields["reason"])
    after = await sandbox.last_seq()
    refused_id = await sandbox.command("jonas", BOAT)
    refused = await sandbox.wait_for(kind="message", after=after)
    assert refused.fields["interaction_id"] == refused_id
    assert refused.fields["ephemeral"] is True
    text = str(refused.fields["content"])
    assert text.startswith("⚠️ **I can't take requests at the moment**\nI can't reach my records")
    assert BOAT in text, "a refusal hands the prompt back"
    await bot.logged("Failed to query incomplete requests", of_this_process=True, count=2)

    give_database_back(bot)
    assert (await content(bot, request_id)).startswith("✅ **Done**")
    await bot.logged("resume.started", of_this_process=True)
    await sandbox.vertex(generation_seconds=0)
    accepted = await sandbox.command("jonas", BOAT)
    assert (await bot.closed(accepted))["status"] == "completed"
    assert bot.row(refused_id) is None
    assert await bot.paid(refused_id) == []

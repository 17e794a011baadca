"""What the real process tells members of their own: with links that work, after kills, and without its database."""

from datetime import timedelta

from discord.utils import snowflake_time

from support.bot import StartBot
from support.interrupted import give_database_back, take_database_away
from support.looked_up import CHANNEL, look_up, press
from support.member_view import FOX, answer, content, fetch, finished_object, outcome, start, stored
from veobot.sandbox.client import SandboxClient

AWAY = "⚠️ **I can't look anything up at the moment**"


async def test_the_history_links_to_the_very_file_and_to_the_message_that_carries_it(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_LINK_LIFETIME_HOURS="48"))
    await sandbox.vertex(generation_seconds=0, script=[{"contains": "blocked", "result": "filtered"}])
    made = await sandbox.command("mira", FOX, channel=CHANNEL)
    told = await outcome(sandbox, made)
    blocked = await sandbox.command("mira", "A blocked prompt", channel=CHANNEL)
    await bot.closed(made)
    await bot.closed(blocked)
    shown = await look_up(sandbox, "mira", "veo-history")
    assert shown.prompts == ["A blocked prompt", FOX]
    assert "**1. Failed: Google's safety filter stopped it** · asked " in shown.content
    assert "**2. Done** · asked " in shown.content
    place = f"{(await sandbox.state())['guild_id']}/{told.fields['channel_id']}/{told.fields['message_id']}"
    assert f"[go to it](https://discord.com/channels/{place})" in shown.content
    [link] = shown.links.values()
    assert f"X-Goog-Expires={48 * 3600}" in link
    assert await fetch(link) == await stored(sandbox, await finished_object(sandbox, FOX))
    assert link not in bot.process.log_path.read_text()


async def test_after_a_kill_the_buttons_of_before_still_work(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    for number in range(7):
        await answer(sandbox, await sandbox.command("mira", f"Fox no. {number}", channel=CHANNEL))
    newest = await look_up(sandbox, "mira", "veo-history")
    assert newest.prompts == [f"Fox no. {number}" for number in (6, 5, 4, 3, 2)]
    await bot.restart()
    older = await press(sandbox, "mira", newest, "Older")
    assert older.prompts == ["Fox no. 1", "Fox no. 0"]
    await bot.restart()
    assert (await press(sandbox, "mira", older, "Newer")).prompts == newest.prompts


async def test_the_quota_names_the_moment_that_a_refusal_names(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    await start(new_bot(VEOBOT_QUOTA="1"))
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await sandbox.command("mira", FOX, channel=CHANNEL)
    await answer(sandbox, request_id)
    shown = await look_up(sandbox, "mira", "veo-quota")
    refused = await answer(sandbox, await sandbox.command("mira", FOX, channel=CHANNEL))
    next_at = int((snowflake_time(int(request_id)) + timedelta(hours=24)).timestamp())
    assert f"None is left. The next one comes back <t:{next_at}:R>." in shown.content
    assert f"Your next one is possible <t:{next_at}:R>" in content(refused)


async def test_without_its_database_the_bot_says_that_nothing_can_be_looked_up(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    bot.kill()
    take_database_away(bot)
    await bot.start()
    for name in ("veo-quota", "veo-history"):
        assert (await look_up(sandbox, "mira", name)).content.startswith(AWAY)
    await bot.logged("lookup.unavailable", count=2)
    give_database_back(bot)
    assert (await look_up(sandbox, "mira", "veo-quota")).content.startswith("🕓 **You've used 0 of your ")

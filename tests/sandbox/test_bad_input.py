"""Input that must get a clear answer, with nothing lost and nobody pinged but who asked."""

import sqlite3

import aiohttp
import pytest

from support.bot import Bot, StartBot
from support.member_view import (
    FOX,
    answer,
    attachments,
    card,
    cards,
    content,
    jump,
    outcome,
    start,
)
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import JsonValue
from veobot.store.schema import storable

LONGEST_CONTENT = 2000

HANDED_BACK = "Your prompt, so you don't lose it:\n```\n"

REFUSED: dict[str, str] = {
    "": "✏️ **Your prompt is too short**\nIt has 0 characters; I need 5 to 1,000.",
    "fox": "✏️ **Your prompt is too short**\nIt has 3 characters; I need 5 to 1,000.",
    "x" * 1001: "✏️ **Your prompt is too long**\nIt has 1,001 characters; I can take 5 to 1,000.",
    "`" * 6000: "✏️ **Your prompt is too long**\nIt has 6,000 characters; I can take 5 to 1,000.",
    " " * 20: "✏️ **There's nothing to read in your prompt**\n",
    "\u200b\u200e\u2060\u200b\u200b\u200b": "✏️ **There's nothing to read in your prompt**\n",
    "\t\n\r\x00\x07\x1b": "✏️ **There's nothing to read in your prompt**\n",
}
"""Prompt -> how its refusal begins."""

OPTIONS: list[tuple[dict[str, JsonValue], str]] = [
    ({"colour": "red"}, "🔄 **This command has changed**\n"),
    ({"duration": "eight"}, "🔄 **This command has changed**\n"),
    ({"audio": "loud"}, "🔄 **This command has changed**\n"),
    ({"duration": 5}, "✏️ **I can't do `duration` 5 s**\nPossible: 4 s, 6 s, 8 s."),
    ({"aspect_ratio": "1:1"}, "✏️ **I can't do `aspect_ratio` 1:1**\nPossible: 16:9, 9:16."),
    ({"resolution": "@everyone"}, "✏️ **I can't do `resolution` @\u200beveryone**\nPossible: 720p, 1080p."),
]
"""Options that no form of the command offers -> how the answer begins."""

PING_EVERYBODY = "@everyone @here <@{mira}> <@!{jonas}> <@&{guild}> look at this"

ODD_PROMPTS = [
    PING_EVERYBODY,
    "# big\n> quote\n```\ncode\n``` **bold** [a](https://example.com) ||spoiler|| <t:0:R> https://example.com",
    "\u202egnirts desrever a\u202c, \u2066isolated\u2069, red\x00 \x1b[31m fox\x07 \u200b@\u200beveryone",
    "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 😀" * 40,
    "e\u0301\u0323" * 333,
    "\u0301" * 1000,
    "\\" * 500 + "*" * 500,
    "{quote} {0} %s $(reboot) '; DROP TABLE requests; --",
]


async def test_what_is_no_prompt_and_no_option_gets_a_plain_answer_and_is_not_stored(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    for prompt, beginning in REFUSED.items():
        shown = await answer(sandbox, await sandbox.command("mira", prompt, unchecked=True))
        assert content(shown).startswith(beginning), repr(prompt)
        assert (HANDED_BACK in content(shown)) is ("nothing to read" not in beginning)
        assert shown.fields["ephemeral"] is True
        assert len(content(shown)) <= LONGEST_CONTENT
    for options, beginning in OPTIONS:
        shown = await answer(sandbox, await sandbox.command("mira", FOX, options=options, unchecked=True))
        assert content(shown).startswith(beginning), options
        assert shown.fields["ephemeral"] is True
    shown = await answer(sandbox, await sandbox.command("mira", options={}, unchecked=True))
    assert content(shown).startswith("🔄 **This command has changed**\n")
    assert bot.rows() == []

    await register(sandbox, "video")
    shown = await answer(sandbox, await sandbox.command("mira", name="video"))
    assert content(shown).startswith("🔄 **This command has changed**\n")
    await sandbox.vertex(generation_seconds=0)
    assert content(await outcome(sandbox, await sandbox.command("mira", FOX))).startswith("✅ **Done**")
    assert all(entry.fields["mentions"] == [] for entry in await sandbox.ledger(kind="message"))


async def register(sandbox: SandboxClient, name: str) -> None:
    """Register one more command, as an earlier version of the bot may have."""
    state = await sandbox.state()
    url = f"{sandbox.environment['VEOBOT_DISCORD_API_URL']}/applications/{state['application_id']}/commands"
    headers = {"Authorization": f"Bot {sandbox.environment['VEOBOT_DISCORD_TOKEN']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, headers=headers, json={"name": name, "description": "old"}) as response,
    ):
        assert response.status == 201, await response.text()


async def test_whatever_a_prompt_holds_only_its_member_is_ever_pinged(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="20"))
    state = await sandbox.state()
    members = state["members"]
    assert isinstance(members, dict)
    mira, jonas = members["mira"], members["jonas"]
    prompts = [
        p.replace("{mira}", str(mira))
        .replace("{jonas}", str(jonas))
        .replace("{guild}", str(state["guild_id"]))
        for p in ODD_PROMPTS
    ]
    await sandbox.vertex(script=[{"result": "hang"}])
    early = [await sandbox.command("aiko", prompt, unchecked=True) for prompt in prompts]
    for request_id in early:
        await bot.reaches(request_id, "generating")
    await jump(sandbox, 60)
    for request_id in early:
        await card(sandbox, request_id, "about ")
    await sandbox.finish()
    for request_id, prompt in zip(early, prompts, strict=True):
        told = await outcome(sandbox, request_id)
        assert content(told).startswith("✅ **Done**\n> ")
        [file] = attachments(told)
        assert len(str(file["description"])) <= 1024
        [paid] = await bot.paid(request_id)
        assert paid.fields["prompt"] == storable(prompt)
        for shown in await cards(sandbox, request_id):
            assert shown.fields["mentions"] == []
            assert len(content(shown)) <= LONGEST_CONTENT
            assert "@everyone" not in content(shown)
            assert "@here" not in content(shown)
            assert "\x00" not in content(shown)

    late = [await sandbox.command("aiko", prompt, unchecked=True) for prompt in (prompts[0], prompts[6])]
    for request_id in late:
        await bot.reaches(request_id, "generating")
    await jump(sandbox, 16 * 60)
    for request_id in late:
        told = await outcome(sandbox, request_id)
        assert "didn't finish in time" in content(told)
        assert told.fields["mentions"] == [members["aiko"]]
        assert len(content(told)) <= LONGEST_CONTENT
    edits = await sandbox.ledger(kind="edit")
    assert all(entry.fields["mentions"] == [] for entry in edits)


async def test_a_command_that_discord_replays_is_made_once_whenever_it_comes_again(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", FOX, dispatch_times=3)
    await bot.logged("command.replayed", request_id=request_id, count=2)
    await bot.closed(request_id)
    await sandbox.command("mira", FOX, interaction_id=request_id)
    await bot.logged("command.replayed", request_id=request_id, count=3)
    assert len(await bot.paid(request_id)) == 1
    assert len(await bot.told(request_id)) == 1
    assert len(await bot.messages_of(request_id)) == 1
    assert len(bot.rows()) == 1


def change(bot: Bot, statement: str, *values: object) -> None:
    """Change the rows behind the bot's back, as another version of it might have."""
    with sqlite3.connect(bot.process.database_path, timeout=5) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


async def test_rows_of_another_version_hold_nobody_up_and_are_left_for_it(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(script=[{"result": "hang"}])
    newer, other = [await sandbox.command(member, f"{FOX}, {member}") for member in ("mira", "jonas")]
    for request_id in (newer, other):
        await bot.reaches(request_id, "generating")
    bot.kill()
    change(bot, "UPDATE requests SET resolution = '8k' WHERE id = ?", int(newer))
    before = bot.row(newer)
    assert before is not None
    await bot.start()
    logged = await bot.logged("request.unreadable", request_id=newer)
    assert "'8k', which this version of veobot does not know" in str(logged.fields["reason"])
    await sandbox.finish()
    assert content(await outcome(sandbox, other)).startswith("✅ **Done**")
    after = bot.row(newer)
    assert after is not None
    assert (after["status"], after["closed_at"]) == ("generating", None)
    bot.kill()
    change(bot, "UPDATE requests SET resolution = '720p' WHERE id = ?", int(newer))
    await bot.start()
    assert content(await outcome(sandbox, newer)).startswith("✅ **Done**")
    assert len(await bot.paid(newer)) == 1


@pytest.mark.parametrize("hours", [3, -3])
async def test_a_wrong_local_clock_changes_nothing_since_discords_date_is_gone_by(
    new_bot: StartBot, sandbox: SandboxClient, hours: int
) -> None:
    await sandbox.clock(jump_seconds=hours * 3600)
    bot = await start(
        new_bot(VEOBOT_REQUEST_EXPIRY_HOURS="2", VEOBOT_QUOTA_WINDOW_HOURS="2", VEOBOT_QUOTA="1")
    )
    logged = await bot.logged("clock.wrong")
    assert abs(int(str(logged.fields["behind_seconds"])) - hours * 3600) < 10
    await sandbox.vertex(generation_seconds=0)

    young = await sandbox.command("mira", FOX)  # its token lives, by Discord's clock
    told = await outcome(sandbox, young)
    assert content(told).startswith("✅ **Done**")
    assert told.kind == "edit"
    refused = await answer(
        sandbox, await sandbox.command("mira", FOX)
    )  # its quota is used, by Discord's clock
    assert content(refused).startswith("🕓 **You've used your video for these 2 hours**")

    late = await sandbox.command("jonas", FOX, asked_seconds_ago=100 * 60)  # its token is dead
    told = await outcome(sandbox, late)
    assert content(told).startswith(f"<@{(await bot.closed(late))['user_id']}> your video is ready.")
    assert told.kind == "message"

    old = await sandbox.command("aiko", FOX, asked_seconds_ago=140 * 60)
    told = await outcome(sandbox, old)
    assert "⌛ **Your request expired**" in content(told)
    assert await bot.paid(old) == []

"""`/veo-history`: one's own requests, page by page, whoever presses the button and however often the bot restarts."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import pytest
from sqlalchemy import text

from support.discord_bot import DiscordBot, connect_bot
from support.looked_up import CHANNEL, LookedUp, answer_to, look_up, press
from support.rows import a_request, admitted, completed
from veobot.core.errors import Retryable
from veobot.core.own_requests import PAGE_SIZE
from veobot.core.request import VideoRequest
from veobot.sandbox.client import SandboxClient

NUMBERS = range(1, 13)
"""Twelve requests: two whole pages, and one of two."""
OUTDATED = "🔄 **This button is from an older version**"


@pytest.fixture
async def bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch) as connected:
        yield connected


async def id_of(bot: DiscordBot, member: str) -> int:
    """Return a member's id."""
    members = (await bot.sandbox.state())["members"]
    assert isinstance(members, dict)
    return int(str(members[member]))


def prompt(member: str, number: int) -> str:
    return f"{member} no. {number}"


async def with_history(bot: DiscordBot, member: str, numbers: Sequence[int]) -> list[VideoRequest]:
    """Store a member's requests, the higher the number the newer."""
    user_id, now = await id_of(bot, member), datetime.now(UTC)
    asked = [
        a_request(n, created_at=now - timedelta(minutes=100 - n), user_id=user_id, charged_micro_usd=1)
        for n in numbers
    ]
    return [
        await admitted(bot.store, replace(r, prompt=prompt(member, n)))
        for r, n in zip(asked, numbers, strict=True)
    ]


def listed(member: str, *numbers: int) -> list[str]:
    return [prompt(member, number) for number in numbers]


async def test_the_history_is_turned_back_and_forth_page_by_page(bot: DiscordBot) -> None:
    await with_history(bot, "mira", NUMBERS)
    newest = await look_up(bot.sandbox, "mira", "veo-history")
    assert newest.prompts == listed("mira", 12, 11, 10, 9, 8)
    assert (set(newest.buttons), newest.disabled) == ({"Older"}, {"Newer"})
    middle = await press(bot.sandbox, "mira", newest, "Older")
    assert middle.prompts == listed("mira", 7, 6, 5, 4, 3)
    assert set(middle.buttons) == {"Newer", "Older"}
    oldest = await press(bot.sandbox, "mira", middle, "Older")
    assert oldest.prompts == listed("mira", 2, 1)
    assert (set(oldest.buttons), oldest.disabled) == ({"Newer"}, {"Older"})
    back = await press(bot.sandbox, "mira", oldest, "Newer")
    assert back == middle
    assert await press(bot.sandbox, "mira", back, "Newer") == newest


async def test_other_members_requests_are_never_shown(bot: DiscordBot) -> None:
    await with_history(bot, "mira", [1, 3, 5, 7, 9, 11, 13])
    await with_history(bot, "jonas", [2, 4, 6, 8, 10, 12, 14])
    for member, numbers in (("mira", (13, 11, 9, 7, 5, 3, 1)), ("jonas", (14, 12, 10, 8, 6, 4, 2))):
        newest = await look_up(bot.sandbox, member, "veo-history")
        older = await press(bot.sandbox, member, newest, "Older")
        assert newest.prompts + older.prompts == listed(member, *numbers)


async def test_a_button_that_another_member_presses_shows_that_members_own_history(bot: DiscordBot) -> None:
    await with_history(bot, "mira", NUMBERS)
    await with_history(bot, "jonas", [20, 21])
    newest = await look_up(bot.sandbox, "mira", "veo-history")
    public = await in_public(bot, newest.buttons["Older"])
    shown = await answer_to(
        bot.sandbox, "jonas", await bot.sandbox.button("jonas", public, newest.buttons["Older"])
    )
    assert shown.prompts == listed("jonas", 21, 20)
    [message] = [m for m in await bot.sandbox.messages(CHANNEL, "felix") if m["id"] == public]
    assert message["content"] == "Everybody sees this", "nobody's history takes a public message's place"


async def in_public(bot: DiscordBot, custom_id: str) -> str:
    """Have the bot post a message with this button for all to see; return its id."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Press me", custom_id=custom_id))
    view.stop()
    channels = (await bot.sandbox.state())["channels"]
    assert isinstance(channels, dict)
    channel = bot.client.get_partial_messageable(int(str(channels[CHANNEL])))
    return str((await channel.send("Everybody sees this", view=view)).id)


async def test_after_restarts_of_the_bot_the_buttons_still_work(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connect_bot(sandbox, monkeypatch, directory=tmp_path) as first:
        await with_history(first, "mira", NUMBERS)
        shown = await look_up(sandbox, "mira", "veo-history")
    for label, numbers in (("Older", (7, 6, 5, 4, 3)), ("Newer", (12, 11, 10, 9, 8))):
        after = await sandbox.last_seq()
        async with connect_bot(sandbox, monkeypatch, directory=tmp_path):
            await sandbox.wait_for_gateway(after=after)
            shown = await press(sandbox, "mira", shown, label)
            assert shown.prompts == listed("mira", *numbers)


async def test_nothing_of_a_page_stays_in_memory(bot: DiscordBot) -> None:
    await with_history(bot, "mira", NUMBERS)
    newest = await look_up(bot.sandbox, "mira", "veo-history")
    await press(bot.sandbox, "mira", newest, "Older")
    assert bot.client.persistent_views == []
    assert bot.client._connection._view_store._views == {}


@pytest.mark.parametrize(
    "custom_id",
    [
        "again:1",
        "veo:history:",
        "veo:history:sideways:1:1",
        "veo:history:before:x:1",
        "veo:history:before:1:9999999999999999999",
        "veo:history:before:٣:1",
        "veo:history:end:before",
    ],
)
async def test_a_button_that_this_version_does_not_know_gets_one_plain_sentence(
    bot: DiscordBot, custom_id: str
) -> None:
    public = await in_public(bot, custom_id)
    shown = await answer_to(bot.sandbox, "mira", await bot.sandbox.button("mira", public, custom_id))
    assert shown.content.startswith(OUTDATED)
    assert bot.log.named("button.outdated")


async def test_an_error_behind_a_button_is_one_plain_sentence_and_a_log(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_history(bot, "mira", NUMBERS)
    newest = await look_up(bot.sandbox, "mira", "veo-history")

    async def broken(_: object) -> object:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(bot.database, "read", broken)
    pressed = await bot.sandbox.button("mira", newest.message_id, newest.buttons["Older"])
    shown = await answer_to(bot.sandbox, "mira", pressed)
    assert shown.content.startswith("⚠️ **Something went wrong on my side**")
    assert "secret detail" not in shown.content
    assert ("exception", "button.failed") in [(level, name) for level, name, _ in bot.log.entries]


async def test_who_has_asked_for_nothing_is_told_how(bot: DiscordBot) -> None:
    shown = await look_up(bot.sandbox, "mira", "veo-history")
    assert shown.content.startswith("🎞️ **There are no videos of yours yet**")
    assert (shown.buttons, shown.disabled, shown.links) == ({}, set(), {})


async def test_one_page_has_no_buttons(bot: DiscordBot) -> None:
    await with_history(bot, "mira", range(PAGE_SIZE))
    shown = await look_up(bot.sandbox, "mira", "veo-history")
    assert len(shown.prompts) == PAGE_SIZE
    assert (shown.buttons, shown.disabled) == ({}, set())


async def test_a_request_in_hand_is_listed_and_leads_to_its_message(bot: DiscordBot) -> None:
    request = await bot.ask("A red fox")
    await bot.log.wait_for("request.admitted")
    assert request.placeholder is not None
    shown = await look_up(bot.sandbox, "mira", "veo-history")
    place = f"{request.guild_id}/{request.channel_id}/{request.placeholder.message_id}"
    asked_at = int(request.created_at.timestamp())
    assert shown.content == (
        "🎞️ **Your videos, the newest first**\n"
        f"**1. Waiting** · asked <t:{asked_at}:R> · [go to it](https://discord.com/channels/{place})\n"
        "> A red fox"
    )


async def test_a_finished_video_has_a_link_and_is_shown_without_where_none_can_be_signed(
    bot: DiscordBot,
) -> None:
    done = a_request(1, created_at=datetime.now(UTC), user_id=await id_of(bot, "mira"))
    done = await completed(bot.store, replace(done, prompt="A red fox"))
    shown = await look_up(bot.sandbox, "mira", "veo-history")
    assert list(shown.links) == ["Watch 1: A red fox"]
    assert shown.links["Watch 1: A red fox"].startswith("https://storage.example/gs://")
    assert re.search(r"\n-# The links below work until <t:\d+:f>, for whoever has them\.$", shown.content)

    bot.bucket.signing_error = Retryable("Google is away")
    shown = await look_up(bot.sandbox, "mira", "veo-history")
    assert shown.content.splitlines()[1].startswith("**1. Done** · asked ")
    assert shown.prompts == ["A red fox"]
    assert shown.links == {}
    assert [entry["request_id"] for entry in bot.log.named("link.not_signed")] == [done.id]


async def test_a_damaged_row_does_not_hide_the_others(bot: DiscordBot) -> None:
    _, damaged, _ = await with_history(bot, "mira", [1, 2, 3])
    statement = text("UPDATE requests SET prompt = x'00' WHERE id = :id")
    await bot.database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    shown: LookedUp = await look_up(bot.sandbox, "mira", "veo-history")
    assert shown.prompts == listed("mira", 3, 1)
    assert f"**2. I can't read my record of this one**\n-# Request {damaged.id}\n" in shown.content

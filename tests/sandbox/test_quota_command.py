"""`/veo-quota`: what is used and left, as the door counts it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.discord_bot import DiscordBot, connect_bot
from support.door import PLENTY
from support.looked_up import CHANNEL, look_up
from support.rows import a_request, admitted
from veobot.core.errors import StoreUnavailable
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
HOUR = timedelta(hours=1)
AWAY = "⚠️ **I can't look anything up at the moment**\nI can't reach my records."


@pytest.fixture
async def bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch, policy=replace(PLENTY, quota=5)) as connected:
        yield connected


async def test_it_says_what_is_used_and_left_and_when_the_next_one_comes_back(bot: DiscordBot) -> None:
    assert (await look_up(bot.sandbox, "mira", "veo-quota")).content.startswith(
        "🕓 **You've used 0 of your 5 videos for these 24 hours**\n5 are left.\n-# "
    )
    first = await bot.ask(FOX)
    await bot.ask(f"{FOX}, again")
    await bot.ask(FOX, member="jonas")
    next_at = int((first.created_at + 24 * HOUR).timestamp())
    assert (await look_up(bot.sandbox, "mira", "veo-quota")).content == (
        "🕓 **You've used 2 of your 5 videos for these 24 hours**\n"
        f"3 are left. The next one comes back <t:{next_at}:R>.\n"
        "Videos of these 24 hours cost about $0.80: an estimate at Google's list prices, not a bill.\n"
        "-# What couldn't be made doesn't count toward your videos."
    )


async def test_what_has_left_the_window_and_what_does_not_count_is_not_used(bot: DiscordBot) -> None:
    asked = await bot.ask(FOX)
    now = datetime.now(UTC)
    await admitted(bot.store, a_request(1, created_at=now - 25 * HOUR, user_id=asked.user_id))
    failed = a_request(2, created_at=now - HOUR, user_id=asked.user_id, counts_toward_quota=False)
    await admitted(bot.store, failed)
    content = (await look_up(bot.sandbox, "mira", "veo-quota")).content
    assert content.startswith("🕓 **You've used 1 of your 5 videos")
    assert "cost about $0.80" in content, "a failed one may have cost all the same"


async def test_while_the_database_is_away_one_sentence_says_so(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise StoreUnavailable("The disk failed.")

    monkeypatch.setattr(bot.database, "read", away)
    for name in ("veo-quota", "veo-history"):
        assert (await look_up(bot.sandbox, "mira", name)).content.startswith(AWAY)
    assert [entry["reason"] for entry in bot.log.named("lookup.unavailable")] == ["The disk failed."] * 2


async def test_while_the_database_is_slow_one_sentence_says_so_in_time(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_: object) -> None:
        await asyncio.sleep(10)
        raise AssertionError("nobody waits for it")

    monkeypatch.setattr(bot.database, "read", slow)
    for name in ("veo-quota", "veo-history"):
        async with asyncio.timeout(3):
            assert (await look_up(bot.sandbox, "mira", name)).content.startswith(AWAY)


async def test_a_command_that_comes_twice_is_answered_once(bot: DiscordBot) -> None:
    for name in ("veo-quota", "veo-history"):
        await bot.sandbox.command("mira", name=name, channel=CHANNEL, dispatch_times=2)
        refused = await bot.log.wait_for("command.not_answered")
        assert "40060" in str(refused["reason"])
        bot.log.entries.clear()
    assert len(await bot.entries("message")) == 2

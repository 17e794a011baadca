"""Every body that the bot sends to Discord and every answer it gets validates against Discord's document."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.bot import Bot
from support.looked_up import look_up, press
from support.openapi import DOCUMENT_PATH, Recorder, discord_openapi
from veobot.core.own_requests import PAGE_SIZE
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.server import Sandbox

TOKEN_LIFETIME_SECONDS = 15 * 60


@pytest.fixture
def recorder() -> Recorder:
    document = discord_openapi()
    if document is None:
        pytest.skip(f"Discord's OpenAPI document is not at {DOCUMENT_PATH}; set VEOBOT_DISCORD_OPENAPI.")
    return Recorder(document)


@pytest.fixture
async def recorded_bot(tmp_path: Path, recorder: Recorder) -> AsyncIterator[Bot]:
    """A running bot in a world whose every exchange with it is checked."""
    world = Sandbox(tmp_path / "world", clip="small", middlewares=[recorder.middleware])
    await world.start()
    async with SandboxClient(world.url, world.environment()) as client:
        bot = Bot(tmp_path / "bot", client, {"VEOBOT_QUOTA": "3"})
        try:
            await bot.start()
            await client.wait_for(lambda _: True, kind="commands", timeout_seconds=20)
            yield bot
        finally:
            bot.kill()
            await world.stop()


async def test_all_that_the_bot_says_is_what_discord_takes(recorded_bot: Bot, recorder: Recorder) -> None:
    bot, world = recorded_bot, recorded_bot.world
    # A video, a failure, and a link instead of a file; each by an edit of its placeholder.
    await world.vertex(script=[{"contains": "blocked", "result": "filtered"}], generation_seconds=0.5)
    delivered = await world.command("mira", "A red fox running through fresh snow")
    blocked = await world.command("mira", "A blocked prompt")
    linked = await world.command("mira", "A long video", attachment_size_limit=100)
    for request_id in (delivered, blocked, linked):
        await bot.closed(request_id)
    # A video in a thread that was archived while it was made.
    await world.vertex(script=[{"result": "hang"}])
    threaded = await world.command("aiko", "A lighthouse in a storm", channel="storyboards")
    await bot.reaches(threaded, "generating")
    await world.change_channel("storyboards", archived=True)
    await world.finish(contains="A lighthouse")
    await bot.closed(threaded)
    # A video and an expired request, told by new messages after a restart.
    await world.vertex(script=[], generation_seconds=TOKEN_LIFETIME_SECONDS)
    late = await world.command("mira", "A paper boat")
    await bot.reaches(late, "generating")
    refused = await world.command("mira", "One too many")
    expired = await world.command("jonas", "Too old by now", asked_seconds_ago=24 * 3600 - 60)
    await bot.reaches(expired, "generating")
    bot.kill()
    await world.clock(jump_seconds=TOKEN_LIFETIME_SECONDS)
    await bot.start()
    for request_id in (late, expired):
        await bot.closed(request_id)
    # What members look up: a quota, and a history of more than one page.
    await world.vertex(script=[{"result": "filtered"}], generation_seconds=0)
    for number in range(PAGE_SIZE):
        await bot.closed(await world.command("jonas", f"Another blocked prompt, number {number}"))
    await look_up(world, "jonas", "veo-quota")
    shown = await look_up(world, "jonas", "veo-history")
    assert "Newer" in (await press(world, "jonas", shown, "Older")).buttons
    assert (await look_up(world, "mira", "veo-history")).links

    assert recorder.violations == []
    told = {
        request_id: await bot.told(request_id)
        for request_id in (delivered, blocked, linked, threaded, late, expired)
    }
    assert {request_id: len(messages) for request_id, messages in told.items()} == dict.fromkeys(told, 1)
    assert bot.row(refused) is None
    names = {name for name, status in recorder.seen if status < 300}
    assert {
        "discord.callback",
        "discord.webhook.message.edit",
        "discord.channel.edit",
        "discord.message.create",
        "discord.message.edit",
        "discord.commands.put",
    } <= names

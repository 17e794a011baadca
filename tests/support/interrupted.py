"""What tests of resumption share: bringing requests into a state, and reading what their members see."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence

import aiohttp

from support.bot import Bot
from veobot.sandbox.ledger import Entry

HELD_SECONDS = 600.0
"""A call that is held back is answered long after its test has ended."""

MINUTE = 60.0
HOUR = 3600.0

LAST = {"VEOBOT_CONCURRENT_GENERATIONS": "1"}
"""With one slot, whoever asks second waits."""


async def first_start(bot: Bot) -> Bot:
    """Start the bot for the first time; return it once members can see its command."""
    await bot.start()
    await bot.world.wait_for(kind="commands", timeout_seconds=20)
    return bot


async def ask(bot: Bot, member: str, prompt: str, *, channel: str = "video-lab", ago: float = 0.0) -> str:
    """Let a member ask; return the request's id once its placeholder is recorded."""
    request_id = await bot.world.command(member, prompt, channel=channel, asked_seconds_ago=ago)

    def is_recorded() -> bool:
        row = bot.row(request_id)
        return row is not None and row["placeholder_id"] is not None

    await bot.until(is_recorded, f"the placeholder of {request_id}")
    return request_id


async def ask_until_generating(
    bot: Bot, member: str, prompt: str, *, channel: str = "video-lab", ago: float = 0.0
) -> str:
    """Let a member ask; return the request's id once Vertex is at work on it."""
    request_id = await ask(bot, member, prompt, channel=channel, ago=ago)
    await bot.reaches(request_id, "generating")
    return request_id


async def ask_until_undelivered(
    bot: Bot, member: str, prompt: str, *, channel: str = "video-lab", ago: float = 0.0
) -> str:
    """Let a member ask; return the request's id once its video is there and its delivery held on the wire."""
    await hold_outcome(bot, prompt)
    request_id = await ask_until_generating(bot, member, prompt, channel=channel, ago=ago)
    after = await bot.world.last_seq()
    await bot.world.finish(contains=prompt)
    await bot.world.wait_for(kind="fault", after=after)
    await bot.reaches(request_id, "completed")
    return request_id


async def hold_outcome(bot: Bot, prompt: str) -> None:
    """Keep every message that carries this prompt's video from reaching Discord."""
    await bot.world.fault(
        "discord.*",
        "delay_before",
        seconds=HELD_SECONDS,
        probability=1,
        contains=f"AI-generated video: {prompt}",
    )


async def finish_while_dead(bot: Bot, *prompts: str) -> None:
    """Let Vertex finish these videos; return when they are in the bucket."""
    assert not bot.process.running
    for prompt in prompts:
        after = await bot.world.last_seq()
        assert await bot.world.finish(contains=prompt) == 1
        await bot.world.wait_for(kind="finished", after=after)


async def put_video(bot: Bot, request_id: str) -> None:
    """Put a video where the first submission's belongs, whatever Vertex says of its operation."""
    bucket = bot.world.environment["VEOBOT_BUCKET"]
    name = f"veo/{request_id}/1/1234567890/sample_0.mp4"
    async with (
        aiohttp.ClientSession(bot.world.url) as session,
        session.post(
            f"/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": name},
            data=b"a video of no importance",
            headers={"Content-Type": "video/mp4"},
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def restart_after(bot: Bot, seconds: float) -> None:
    """Start the bot after so much of the world's time."""
    bot.kill()
    await bot.world.clear_faults()
    await bot.world.clock(jump_seconds=seconds)
    await bot.start()


async def let_it_notice_the_time(bot: Bot) -> None:
    """Have the bot talk to Discord, whose answer says what time it is: a member asks for what is refused."""
    after = await bot.world.last_seq()
    await bot.world.command("felix", "no", unchecked=True)
    await bot.world.wait_for(kind="acknowledged", after=after)


async def outcome(bot: Bot, request_id: str, *, timeout_seconds: float = 30) -> Entry:
    """Wait until the member can see an outcome; return the ledger's entry of the one there is."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            seen = await bot.world.last_seq()
            told = await bot.told(request_id)
            if told:
                assert len(told) == 1, f"{request_id} was told {len(told)} times: {told}"
                return told[0]
            await bot.world.wait_for(
                lambda entry: entry.kind in {"message", "edit"}, after=seen, timeout_seconds=timeout_seconds
            )


async def content(bot: Bot, request_id: str) -> str:
    """Wait for the outcome; return its text."""
    return str((await outcome(bot, request_id)).fields["content"])


async def attachments(bot: Bot, request_id: str) -> list[object]:
    """Wait for the outcome; return its files."""
    files = (await outcome(bot, request_id)).fields["attachments"]
    assert isinstance(files, list)
    return list(files)


def placeholder_id(bot: Bot, request_id: str) -> str:
    """Return the message by which the request was acknowledged."""
    row = bot.row(request_id)
    assert row is not None
    return str(row["placeholder_id"])


async def placeholder_texts(bot: Bot, request_id: str, *, after: int = 0) -> list[str]:
    """Return all that the placeholder has said since, oldest first."""
    message_id = placeholder_id(bot, request_id)
    entries = await bot.world.ledger(after)
    return [
        str(e.fields["content"])
        for e in entries
        if e.kind in {"message", "edit"} and e.fields["message_id"] == message_id
    ]


async def placeholder_says(bot: Bot, request_id: str, start: str, *, after: int = 0) -> str:
    """Wait until the placeholder's text begins like this; return it."""
    message_id = placeholder_id(bot, request_id)
    entry = await bot.world.wait_for(
        lambda e: e.fields.get("message_id") == message_id and str(e.fields.get("content")).startswith(start),
        after=after,
        timeout_seconds=30,
    )
    return str(entry.fields["content"])


def percents(texts: Sequence[str]) -> list[int]:
    """Return what the bars among these texts say."""
    return [int(found[1]) for text in texts if (found := re.search(r"about (\d+) %", text))]


def change_rows(bot: Bot, statement: str, *values: object) -> None:
    """Change the rows as no code of the bot's does."""
    with sqlite3.connect(bot.process.database_path) as connection:
        connection.execute(statement, values)
    connection.close()


def take_database_away(bot: Bot) -> None:
    """Put something in the database's place that is none."""
    for file in bot.process.data_directory.glob("veobot.db*"):
        if file.suffix != ".lock":
            file.rename(file.with_name(f"kept-{file.name}"))
    bot.process.database_path.write_text("This is no database. " * 100)


def give_database_back(bot: Bot) -> None:
    """Undo `take_database_away`."""
    for file in bot.process.data_directory.glob("kept-veobot.db*"):
        file.replace(file.with_name(file.name.removeprefix("kept-")))


async def veobot(bot: Bot, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run another command of veobot with the bot's settings."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "veobot", *arguments],
        cwd=bot.process.directory,
        env={**bot.process.environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )

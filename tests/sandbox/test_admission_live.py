"""Who is let in: quota, budget, the queue's bound, places, and a database that cannot take the request."""

import asyncio
import re
import resource
import sqlite3
from datetime import UTC, datetime, timedelta

from discord.utils import snowflake_time

from support.bot import Bot, StartBot
from support.member_view import FOX, answer, card, content, outcome, start
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry, JsonValue

OTHERS = ("jonas", "aiko", "tomás", "priya", "sven", "lea", "omar", "nina", "felix")
SMALLEST_FILE_BYTES = 24_000
"""More than the log of a fresh start, less than where the database's next page goes."""


def handed_back(prompt: str) -> str:
    return f"Your prompt, so you don't lose it:\n```\n{prompt}\n```"


async def check_refused(sandbox: SandboxClient, interaction_id: str, beginning: str, prompt: str) -> Entry:
    """Make sure that only this member reads why, and gets the prompt back."""
    refused = await answer(sandbox, interaction_id)
    assert content(refused).startswith(beginning), content(refused)
    assert content(refused).endswith(handed_back(prompt))
    assert refused.fields["ephemeral"] is True
    return refused


def next_at(refused: Entry) -> datetime:
    """Return the moment that a refusal names, which must be in it as a count-down and as a time."""
    named = re.search(r" possible <t:(\d+):R>, at <t:\1:t>\.", content(refused))
    assert named, content(refused)
    return datetime.fromtimestamp(int(named[1]), UTC)


async def split(sandbox: SandboxClient, interaction_ids: list[str]) -> tuple[list[str], list[str]]:
    """Wait for all answers; return who was let in, and who was refused."""
    answers = [await answer(sandbox, interaction_id) for interaction_id in interaction_ids]
    refused = [str(a.fields["interaction_id"]) for a in answers if a.fields["ephemeral"]]
    return [i for i in interaction_ids if i not in refused], refused


async def test_ten_commands_at_once_cannot_pass_a_quota_of_one_nor_a_budget_for_one(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_QUOTA="1", VEOBOT_DAILY_BUDGET_USD="0.80"))  # two of the cheapest
    await sandbox.vertex(generation_seconds=0)
    asked = await asyncio.gather(*(sandbox.command("mira", f"{FOX}, {n}") for n in range(10)))
    [own], refused = await split(sandbox, asked)
    created_at = snowflake_time(int(own))
    for interaction_id in refused:
        prompt = f"{FOX}, {asked.index(interaction_id)}"
        shown = await check_refused(
            sandbox, interaction_id, "🕓 **You've used your video for these 24 hours**\n", prompt
        )
        assert abs(next_at(shown) - created_at - timedelta(hours=24)) <= timedelta(seconds=1)

    asked = await asyncio.gather(*(sandbox.command(member, f"{FOX}, {member}") for member in OTHERS))
    [second], refused = await split(sandbox, asked)
    for interaction_id in refused:
        prompt = f"{FOX}, {OTHERS[asked.index(interaction_id)]}"
        shown = await check_refused(
            sandbox, interaction_id, "🕓 **The budget for videos is used up**\n", prompt
        )
        assert abs(next_at(shown) - created_at - timedelta(hours=24)) <= timedelta(seconds=1)
        assert "Your allowance is unchanged." in content(shown)
    for request_id in (own, second):
        assert content(await outcome(sandbox, request_id)).startswith("✅ **Done**")
    assert len(await sandbox.ledger(kind="submission")) == 2
    assert {str(row["id"]) for row in bot.rows()} == {own, second}


async def test_the_bot_works_where_it_is_allowed_and_a_thread_counts_as_its_channel(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    state = await sandbox.state()
    channels = state["channels"]
    assert isinstance(channels, dict)
    lab, after_dark = str(channels["video-lab"]), str(channels["after-dark"])
    dark_thread = await sandbox.create_channel("dark-thread", type=11, parent=after_dark)
    await sandbox.vertex(generation_seconds=0)
    bot = await start(
        new_bot(VEOBOT_ALLOWED_CHANNELS=f"{lab},{after_dark}", VEOBOT_AGE_RESTRICTED_ONLY="true")
    )
    elsewhere = await sandbox.command("mira", FOX, channel="general")
    named = f"Try `/veo` in {', '.join(f'<#{i}>' for i in sorted((lab, after_dark), key=int))}."
    refused = await check_refused(sandbox, elsewhere, "📍 **I don't make videos in this channel**\n", FOX)
    assert named in content(refused)
    for channel in ("video-lab", "storyboards"):
        open_to_all = await sandbox.command("mira", FOX, channel=channel)
        await check_refused(sandbox, open_to_all, "🔞 **Only in age-restricted channels**\n", FOX)
    for channel in (after_dark, dark_thread):
        request_id = await sandbox.command("mira", FOX, channel=channel)
        told = await outcome(sandbox, request_id)
        assert content(told).startswith("✅ **Done**")
        assert told.fields["channel_id"] == channel
    assert len(bot.rows()) == 2


async def test_a_video_can_be_asked_for_where_the_bot_may_not_write_by_itself(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    await sandbox.change_channel("video-lab", deny=["VIEW_CHANNEL", "SEND_MESSAGES"])
    bot = await start(new_bot())
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", FOX, channel="video-lab")
    assert content(await outcome(sandbox, request_id)).startswith("✅ **Done**")
    assert (await bot.closed(request_id))["closure"] == "delivered"


async def test_what_cannot_be_made_or_queued_is_refused_before_anything_is_stored(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="1", VEOBOT_MAX_WAITING="1"))
    await sandbox.vertex(script=[{"result": "hang"}])
    options: dict[str, JsonValue] = {"resolution": "1080p", "duration": 6}
    too_short = await sandbox.command("mira", FOX, options=options)
    refused = await check_refused(sandbox, too_short, "✏️ **1080p needs 8 s**\n", FOX)
    assert "Choose `duration` 8 s or a lower `resolution`, and try `/veo` again." in content(refused)
    assert bot.rows() == []

    making = await sandbox.command("mira", FOX)
    await bot.reaches(making, "generating")
    waiting = await sandbox.command("jonas", FOX)
    await card(sandbox, waiting, "🕓 **Waiting: you're 1st in line**")
    one_more = await sandbox.command("aiko", FOX)
    refused = await check_refused(sandbox, one_more, "🕓 **The line is full**\n1 videos", FOX)
    assert "try `/veo` again then." in content(refused)
    assert {str(row["id"]) for row in bot.rows()} == {making, waiting}


async def check_not_stored(bot: Bot, sandbox: SandboxClient, reason: str) -> None:
    """Make sure that a command now ends in the one honest answer, and leaves nothing behind."""
    before = len(bot.rows())
    interaction_id = await sandbox.command("mira", FOX)
    await check_refused(sandbox, interaction_id, "⚠️ **I can't take requests at the moment**\n", FOX)
    logged = await bot.logged("request.not_stored", request_id=interaction_id)
    assert reason in str(logged.fields["reason"])
    assert len(bot.rows()) == before
    assert await bot.paid(interaction_id) == []
    assert all(m.fields["ephemeral"] for m in await bot.messages_of(interaction_id))


async def test_a_request_that_cannot_be_committed_is_refused_and_nothing_is_charged(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_QUOTA="2"))
    await sandbox.vertex(generation_seconds=0)
    first = await sandbox.command("mira", FOX)
    await bot.closed(first)

    other_program = sqlite3.connect(bot.process.database_path, isolation_level=None)
    other_program.execute("BEGIN IMMEDIATE")
    await check_not_stored(bot, sandbox, "Another program is holding the database")
    other_program.execute("ROLLBACK")
    other_program.close()

    pid = bot.process.pid
    assert pid is not None
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLEST_FILE_BYTES, limits[1]))
    await check_not_stored(bot, sandbox, str(bot.process.database_path))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    again = await sandbox.command("mira", FOX)  # the two that failed took nothing from the quota of two
    assert content(await outcome(sandbox, again)).startswith("✅ **Done**")
    assert len(await sandbox.ledger(kind="submission")) == 2

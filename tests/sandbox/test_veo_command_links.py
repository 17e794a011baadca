"""A video that Discord takes no file of is told as a link: one that works, and says until when."""

import re
from datetime import UTC, datetime, timedelta

from support.bot import StartBot
from support.member_view import (
    FOX,
    attachments,
    content,
    fetch,
    finished_object,
    outcome,
    start,
    stored,
)
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

LINK = r"\[watch it here\]\((\S+)\), until <t:(\d+):F>"
TOO_LARGE = "The file is too large for this place: "
NOT_ATTACHED = "The file couldn't be attached here: "
LIFETIME_HOURS = 48


async def check_link(sandbox: SandboxClient, told: Entry, prompt: str, sentence: str) -> None:
    """Make sure that the outcome is the video by its link alone, unchanged since Vertex wrote it."""
    assert content(told).startswith("✅ **Done**\n> ")
    assert "\n-# AI-generated with Veo 3.1 Fast" in content(told)
    assert attachments(told) == []
    link = re.search(re.escape(sentence) + LINK, content(told))
    assert link, content(told)
    assert await fetch(link[1]) == await stored(sandbox, await finished_object(sandbox, prompt))
    until = datetime.fromtimestamp(int(link[2]), UTC) - datetime.now(UTC)
    assert abs(until - timedelta(hours=LIFETIME_HOURS)) < timedelta(minutes=1)
    assert f"X-Goog-Expires={LIFETIME_HOURS * 3600}" in link[1]


async def test_a_video_too_large_for_the_place_is_a_signed_link_to_the_very_file(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(
        new_bot(VEOBOT_LINK_LIFETIME_HOURS=str(LIFETIME_HOURS), VEOBOT_PROGRESS_INTERVAL_SECONDS="600")
    )
    await sandbox.vertex(generation_seconds=0)

    by_interaction = f"{FOX}, one"
    first = await sandbox.command("mira", by_interaction, attachment_size_limit=100)
    await check_link(sandbox, await outcome(sandbox, first), by_interaction, TOO_LARGE)

    by_status = f"{FOX}, two"
    await sandbox.fault("discord.webhook.message.edit", "error_before", status=413, contains="✅ **Done**")
    second = await sandbox.command("mira", by_status)
    await check_link(sandbox, await outcome(sandbox, second), by_status, NOT_ATTACHED)

    await sandbox.change_guild(upload_limit_bytes=100)
    by_guild = f"{FOX}, three"
    third = await sandbox.command("mira", by_guild)
    await check_link(sandbox, await outcome(sandbox, third), by_guild, TOO_LARGE)

    over_reported = f"{FOX}, four"
    fourth = await sandbox.command("mira", over_reported, attachment_size_limit=50_000_000)
    await check_link(sandbox, await outcome(sandbox, fourth), over_reported, NOT_ATTACHED)
    assert any(e.fields["code"] == 40005 for e in await sandbox.ledger(kind="refusal"))
    for request_id in (first, second, third, fourth):
        assert (await bot.closed(request_id))["closure"] == "delivered"
        assert len(await bot.told(request_id)) == 1
        assert len(await bot.paid(request_id)) == 1
    assert not list((bot.process.data_directory / "downloads").glob("*"))


async def test_a_video_that_finds_no_place_on_the_disk_is_delivered_once_there_is_one(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    await sandbox.vertex(generation_seconds=0)
    in_the_way = bot.process.data_directory / "downloads"
    in_the_way.write_text("no directory")
    request_id = await sandbox.command("mira", FOX)
    logged = await bot.logged("request.retried", request_id=request_id)
    assert str(in_the_way) in str(logged.fields["reason"])
    assert await bot.told(request_id) == []
    in_the_way.unlink()
    [file] = attachments(await outcome(sandbox, request_id))
    assert await fetch(str(file["url"])) == await stored(sandbox, await finished_object(sandbox, FOX))
    assert (await bot.closed(request_id))["closure"] == "delivered"
    assert bot.log("request.crashed") == []

"""Outcomes that nobody can be told, or that nobody wants any more."""

import json

import pytest

from support.bot import Bot, StartBot
from support.held import held_after
from support.interrupted import (
    MINUTE,
    ask_until_generating,
    content,
    finish_while_dead,
    first_start,
    placeholder_id,
    restart_after,
    veobot,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"


async def test_a_closed_channel_leaves_the_video_to_the_operator_and_the_next_request_goes_on(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(VEOBOT_GENERATION_DEADLINE_MINUTES="60"))
    gone = await ask_until_generating(bot, "mira", FOX, channel="general")
    forbidden = await ask_until_generating(bot, "jonas", BOAT, channel="after-dark")
    fine = await ask_until_generating(bot, "aiko", LIGHTHOUSE)
    bot.kill()
    await finish_while_dead(bot, FOX, BOAT, LIGHTHOUSE)
    await sandbox.delete_channel("general")
    await sandbox.change_channel("after-dark", deny=["VIEW_CHANNEL"])
    await restart_after(bot, 16 * MINUTE)

    for request_id, code, fix in (
        (gone, 10003, "None: the channel was deleted"),
        (forbidden, 50001, "Give the bot View Channel and Send Messages there"),
    ):
        row = await bot.closed(request_id)
        assert (row["status"], row["failure"], row["closure"]) == ("failed", "unreachable", "undeliverable")
        assert row["charged_micro_usd"] == 400_000, "the video is paid"
        warning = await bot.logged("request.undeliverable", request_id=request_id)
        assert warning.level == "warning"
        told = {k: v for k, v in warning.fields.items() if k != "timestamp"}
        assert told == {
            "request_id": int(request_id),
            "user_id": row["user_id"],
            "guild_id": row["guild_id"],
            "channel_id": row["channel_id"],
            "discord_error": code,
            "status": "completed",
            "age_minutes": 16,
            "reason": "Cannot access channel for completion notification",
            "fix": fix,
            "see": f"veobot requests show {request_id}",
        }
        shown = await veobot(bot, "requests", "show", request_id)
        [submission] = bot.submissions(request_id)
        assert shown.returncode == 0
        assert str(submission["video_uri"]).startswith(f"gs://{sandbox.environment['VEOBOT_BUCKET']}/veo/")
        assert str(submission["video_uri"]) in shown.stdout
        assert "Cannot access channel for completion notification" in shown.stdout
        assert await bot.told(request_id) == []
    assert "your video is ready" in await content(bot, fine)
    as_json = json.loads((await veobot(bot, "requests", "show", gone, "--json")).stdout)
    assert as_json["request"]["closure"] == "undeliverable"
    assert as_json["request"]["submissions"][0]["state"] == "succeeded"


async def killed_unrecorded(bot: Bot, *asked: tuple[str, str, str]) -> list[tuple[str, str]]:
    """Let these members ask, and kill the bot before it learns which messages it was acknowledged by.

    `asked` is member, prompt and channel; returns the ids of each request and its placeholder.
    """
    requests = []
    held = [await held_after(bot.world, "discord.callback", prompt) for _, prompt, _ in asked]
    for (member, prompt, channel), call in zip(asked, held, strict=True):
        request_id = await bot.world.command(member, prompt, channel=channel)
        await call.reached()
        shown = (await bot.world.ledger(kind="acknowledged"))[-1]
        assert shown.fields["interaction_id"] == request_id
        requests.append((request_id, str(shown.fields["message_id"])))
    bot.kill()
    assert {row["acknowledged_at"] for row in bot.rows()} == {None}
    return requests


async def test_a_placeholder_deleted_before_it_was_recorded_withdraws_the_request(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    """Shown and deleted is not "never shown": it is carried on like any other whose placeholder is deleted."""
    await sandbox.vertex(generation_seconds=0)
    bot = await first_start(new_bot())
    [(withdrawn, placeholder), (gone, _)] = await killed_unrecorded(
        bot, ("mira", FOX, "video-lab"), ("jonas", BOAT, "general")
    )
    await sandbox.delete_message(placeholder)
    await sandbox.delete_channel("general")
    died = await sandbox.last_seq()
    await restart_after(bot, 6)

    row = await bot.closed(withdrawn)
    assert (row["status"], row["closure"]) == ("completed", "withdrawn")
    assert row["counts_toward_quota"] == 1
    assert len(await bot.paid(withdrawn)) == 1
    row = await bot.closed(gone)
    assert (row["status"], row["failure"], row["closure"]) == ("failed", "unreachable", "undeliverable")
    assert await bot.paid(gone) == []
    warning = await bot.logged("request.undeliverable", request_id=gone)
    assert warning.fields["discord_error"] == 10003
    assert await sandbox.ledger(died, kind="message") == []


async def test_a_command_of_this_moment_is_not_taken_for_withdrawn(bot: Bot, sandbox: SandboxClient) -> None:
    """Discord may not find a message yet that it has only just made."""
    await sandbox.vertex(generation_seconds=0)
    await sandbox.fault("discord.callback", "drop_after")
    await sandbox.fault(
        "discord.original.get", "error_before", status=404, code=10008, message="Unknown Message"
    )
    request_id = await sandbox.command("mira", FOX)
    await bot.closed(request_id)
    assert (await content(bot, request_id)).startswith("✅ **Done**")
    looked_up = await sandbox.ledger(kind="fault")
    assert [e.fields["endpoint"] for e in looked_up] == ["discord.callback", "discord.original.get"]


@pytest.mark.parametrize("minutes", [1, 16], ids=["token alive", "token dead"])
async def test_a_placeholder_that_a_human_deleted_withdraws_the_request(
    new_bot: StartBot, sandbox: SandboxClient, minutes: int
) -> None:
    bot = await first_start(new_bot(VEOBOT_GENERATION_DEADLINE_MINUTES="60"))
    withdrawn = await ask_until_generating(bot, "mira", FOX)
    fine = await ask_until_generating(bot, "jonas", BOAT)
    bot.kill()
    await finish_while_dead(bot, FOX, BOAT)
    await sandbox.delete_message(placeholder_id(bot, withdrawn))
    died = await sandbox.last_seq()
    await restart_after(bot, minutes * MINUTE)

    row = await bot.closed(withdrawn)
    assert (row["status"], row["closure"]) == ("completed", "withdrawn")
    [submission] = bot.submissions(withdrawn)
    assert submission["video_uri"], "the video stays in the member's history"
    assert "Done" in await content(bot, fine) or "your video is ready" in await content(bot, fine)
    assert await bot.told(withdrawn) == []
    posted = [e.fields["reply_to"] for e in await sandbox.ledger(died, kind="message")]
    assert placeholder_id(bot, withdrawn) not in posted
    assert withdrawn not in str(await sandbox.ledger(died, kind="message"))

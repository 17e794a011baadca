"""Outcomes that nobody can be told, or that nobody wants any more."""

import json

import pytest

from support.bot import StartBot
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

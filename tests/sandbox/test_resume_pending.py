"""Requests that were waiting when the bot died: checked, begun as they were asked, charged once."""

from support.bot import Bot, StartBot
from support.interrupted import (
    HELD_SECONDS,
    ask,
    attachments,
    content,
    first_start,
    outcome,
    placeholder_says,
    veobot,
)
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
ONE = {"VEOBOT_CONCURRENT_GENERATIONS": "1"}


async def dead_while_waiting(bot: Bot) -> None:
    """Let nobody's turn come: Google's token, fetched before anything is paid, is held back."""
    await bot.world.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)


async def test_a_channel_that_is_closed_fails_its_request_before_paying(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await dead_while_waiting(bot)
    await sandbox.create_channel("read-only")
    gone = await ask(bot, "mira", FOX, channel="general")
    hidden = await ask(bot, "jonas", FOX, channel="after-dark")
    read_only = await ask(bot, "aiko", FOX, channel="read-only")
    other = await ask(bot, "sven", BOAT)
    bot.kill()
    await sandbox.delete_channel("general")
    await sandbox.change_channel("after-dark", deny=["VIEW_CHANNEL"])
    await sandbox.change_channel("read-only", deny=["SEND_MESSAGES"])
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    await bot.start()

    for request_id in (gone, hidden, read_only):
        row = await bot.closed(request_id)
        assert (row["status"], row["failure"]) == ("failed", "unreachable")
        assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (0, 0)
        failed = await bot.logged("request.failed", request_id=request_id)
        assert failed.fields["reason"] == "Cannot access channel for completion notification"
        assert await bot.paid(request_id) == []
    undeliverable = await bot.logged("request.undeliverable", request_id=gone)
    assert undeliverable.fields["discord_error"] == 10003
    # Where the channel is still there, the live token reaches the member all the same.
    for request_id in (hidden, read_only):
        assert (await content(bot, request_id)).startswith("🚫 **I couldn't post your video here**")
    assert (await content(bot, other)).startswith("✅ **Done**"), "the next request goes on"
    assert len(await bot.paid(other)) == 1


async def test_a_look_at_the_channel_that_goes_wrong_proves_nothing(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await dead_while_waiting(bot)
    error = await ask(bot, "mira", FOX, channel="general")
    silence = await ask(bot, "jonas", BOAT, channel="video-lab")
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    channels = (await sandbox.state())["channels"]
    assert isinstance(channels, dict)
    general, lab = str(channels["general"]), str(channels["video-lab"])
    await sandbox.fault("discord.channel.get", "error_before", status=500, contains=general, probability=1)
    await sandbox.fault("discord.channel.get", "drop_before", contains=lab, probability=1)
    await bot.start()

    for request_id in (error, silence):
        assert (await content(bot, request_id)).startswith("✅ **Done**")
        assert len(await bot.paid(request_id)) == 1
        await bot.logged("channel.not_checked", request_id=request_id)


async def test_what_was_asked_is_made_whatever_the_settings_say_now(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    before = {
        "VEOBOT_MODEL": "veo-3.1-generate-001",
        "VEOBOT_DEFAULT_DURATION_SECONDS": "6",
        "VEOBOT_DEFAULT_ASPECT_RATIO": "9:16",
        "VEOBOT_DEFAULT_AUDIO": "false",
        "VEOBOT_PERSON_GENERATION": "dont_allow",
        "VEOBOT_GOOGLE_LOCATION": "europe-west4",
    }
    bot = await first_start(new_bot(**before))
    await dead_while_waiting(bot)
    request_id = await ask(bot, "mira", FOX)
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    bot = new_bot(VEOBOT_MODEL="veo-3.1-lite-generate-001", VEOBOT_DEFAULT_DURATION_SECONDS="8")
    await bot.start()

    said = await content(bot, request_id)
    [paid] = await bot.paid(request_id)
    assert paid.fields["model"] == "veo-3.1-generate-001"
    assert "/locations/europe-west4/" in str(paid.fields["operation"])
    assert paid.fields["prompt"] == FOX
    row = bot.row(request_id)
    assert row is not None
    parameters = paid.fields["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["seed"] == row["seed"]
    asked = {
        name: parameters[name] for name in ("durationSeconds", "aspectRatio", "resolution", "generateAudio")
    }
    assert asked == {
        "durationSeconds": 6,
        "aspectRatio": "9:16",
        "resolution": "720p",
        "generateAudio": False,
    }
    assert parameters["personGeneration"] == "dont_allow"
    assert f"AI-generated with Veo 3.1 · 6 s · 720p · seed {row['seed']}" in said
    assert row["charged_micro_usd"] == 6 * 200_000


async def test_a_resumed_request_is_charged_to_quota_and_budget_once(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    settings = {"VEOBOT_QUOTA": "2", "VEOBOT_DAILY_BUDGET_USD": "0.80", **ONE}
    bot = await first_start(new_bot(**settings))
    await dead_while_waiting(bot)
    resumed = await ask(bot, "mira", FOX)
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    await bot.start()
    assert (await content(bot, resumed)).startswith("✅ **Done**")
    row = bot.row(resumed)
    assert row is not None
    assert row["charged_micro_usd"] == 400_000

    second = await ask(bot, "mira", BOAT)
    assert (await content(bot, second)).startswith("✅ **Done**"), (
        "the first counts once: there is room for this"
    )
    after = await sandbox.last_seq()
    await sandbox.command("mira", "A third video, which is one too many")
    refused = await sandbox.wait_for(kind="message", after=after)
    assert "You've used your 2 videos" in str(refused.fields["content"])
    assert refused.fields["ephemeral"] is True
    assert len(await sandbox.ledger(kind="submission")) == 2


async def test_a_resumed_request_waits_in_line_for_a_slot_and_says_so(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**ONE))
    await dead_while_waiting(bot)
    first = await ask(bot, "mira", FOX, ago=60)
    second = await ask(bot, "jonas", BOAT)
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.vertex(script=[{"result": "hang"}])
    died = await sandbox.last_seq()
    await bot.start()

    await bot.reaches(first, "generating")
    assert "1st in line" in await placeholder_says(bot, second, "🕓 **Waiting", after=died)
    assert await bot.paid(second) == []
    await sandbox.finish(contains=FOX)
    await bot.reaches(second, "generating")
    await sandbox.finish(contains=BOAT)
    for request_id in (first, second):
        assert (await outcome(bot, request_id)).fields["attachments"]
        assert len(await attachments(bot, request_id)) == 1
    stuck = await veobot(bot, "requests", "list", "--stuck")
    assert (stuck.returncode, stuck.stdout) == (0, "")

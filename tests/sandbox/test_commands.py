"""`/veo` from the member's Enter to the work queue: check, commit, acknowledge, work."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from support.discord_bot import DiscordBot, connect_bot
from veobot.core.admission import OverQuota
from veobot.core.errors import StoreUnavailable
from veobot.core.models import AspectRatio, Resolution
from veobot.core.request import MessageId
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry, JsonValue

FOX = "A red fox running through fresh snow at dawn"


@pytest.fixture
async def bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch) as connected:
        yield connected


async def answer(bot: DiscordBot) -> Entry:
    return await bot.sandbox.wait_for(kind="message")


async def all_commands_handled() -> None:
    """Wait until discord.py has done with the commands in hand, their errors included."""
    handlers = [task for task in asyncio.all_tasks() if task.get_name() == "CommandTree-invoker"]
    await asyncio.gather(*handlers)


async def test_an_accepted_command_is_acknowledged_by_the_waiting_card_itself(bot: DiscordBot) -> None:
    request = await bot.ask(FOX)
    shown = await answer(bot)
    assert str(shown.fields["content"]).startswith("🕓 **Waiting: you're 3rd in line**\n> A red fox")
    assert shown.fields["ephemeral"] is False
    assert shown.fields["interaction_id"] == str(request.id)
    assert request.placeholder is not None
    assert request.placeholder.message_id == MessageId(int(str(shown.fields["message_id"])))
    assert bot.store.events == ["acknowledged", "handed over"]
    assert bot.door.asked[0][0].id == request.id


async def test_the_request_holds_what_the_member_chose_and_where(bot: DiscordBot) -> None:
    options: dict[str, JsonValue] = {
        "duration": 8,
        "aspect_ratio": "9:16",
        "resolution": "1080p",
        "audio": False,
    }
    await bot.sandbox.command(
        "jonas", FOX, channel="video-lab", options=options, attachment_size_limit=50_000_000
    )
    await bot.sandbox.wait_for(kind="acknowledged")
    request, place = bot.door.asked[0]
    state = await bot.sandbox.state()
    assert request.prompt == FOX
    assert request.options.duration_seconds == 8
    assert request.options.aspect_ratio is AspectRatio.PORTRAIT
    assert request.options.resolution is Resolution.P1080
    assert request.options.audio is False
    assert 0 <= request.options.seed < 2**32
    assert request.upload_limit_bytes == 50_000_000
    assert str(request.guild_id) == state["guild_id"]
    assert str(request.application_id) == state["application_id"]
    assert request.interaction_token
    assert abs(datetime.now(UTC) - request.created_at) < timedelta(seconds=30)
    assert place.channel_id == request.channel_id
    assert place.parent_id is None
    assert place.age_restricted is False


async def test_the_request_holds_what_should_not_be_seen_the_seed_and_the_model(bot: DiscordBot) -> None:
    lite = "veo-3.1-lite-generate-001"
    options: dict[str, JsonValue] = {"negative_prompt": "rain ☂, text", "seed": 0, "model": lite}
    await bot.sandbox.command("mira", FOX, options=options)
    await bot.sandbox.wait_for(kind="acknowledged")
    asked = bot.door.asked[0][0].options
    assert (asked.negative_prompt, asked.seed, asked.model) == ("rain ☂, text", 0, lite)
    assert asked.price_micro_usd == 200_000


async def test_the_largest_seed_that_veo_takes_can_be_said_in_the_form(bot: DiscordBot) -> None:
    await bot.sandbox.command("mira", FOX, options={"seed": 2**32 - 1})
    await bot.sandbox.wait_for(kind="acknowledged")
    assert bot.door.asked[0][0].options.seed == 4_294_967_295


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model": "veo-3.1-generate-001"}, "`model` Veo 3.1**\nPossible: Veo 3.1 Fast, Veo 3.1 Lite."),
        ({"model": "veo-2.0 @everyone"}, "Possible: Veo 3.1 Fast, Veo 3.1 Lite."),
        ({"seed": 2**32}, "`seed` 4294967296**\nPossible: 0 to 4,294,967,295."),
        ({"seed": -1}, "Possible: 0 to 4,294,967,295."),
        ({"negative_prompt": "r" * 501}, "It has 501 characters; I can take 500."),
        ({"negative_prompt": " \u200b "}, "There's nothing to read in your negative prompt"),
    ],
    ids=["no longer offered", "never offered", "too large", "too small", "too long", "nothing"],
)
async def test_what_an_outdated_form_still_offers_is_refused_in_plain_words(
    bot: DiscordBot, options: dict[str, JsonValue], sentence: str
) -> None:
    await bot.sandbox.command("mira", options={"prompt": FOX, **options}, unchecked=True)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert sentence in str(shown.fields["content"])
    assert f"```\n{FOX}\n```" in str(shown.fields["content"])
    assert shown.fields["mentions"] == []
    assert bot.store.events == []


async def test_what_the_member_leaves_open_comes_from_the_settings(bot: DiscordBot) -> None:
    request = await bot.ask(FOX)
    options = request.options
    assert (options.model, options.negative_prompt) == ("veo-3.1-fast-generate-001", "")
    assert (options.duration_seconds, options.aspect_ratio, options.resolution, options.audio) == (
        4,
        AspectRatio.LANDSCAPE,
        Resolution.P720,
        True,
    )


async def test_a_thread_counts_as_its_channel_and_is_age_restricted_like_it(bot: DiscordBot) -> None:
    parent = await bot.sandbox.create_channel("after-dark", nsfw=True)
    thread = await bot.sandbox.create_channel("a thread", type=11, parent=parent)
    await bot.sandbox.command("mira", FOX, channel=thread)
    await bot.sandbox.wait_for(kind="acknowledged")
    place = bot.door.asked[0][1]
    assert str(place.channel_id) == thread
    assert str(place.parent_id) == parent
    assert place.age_restricted is True


async def test_a_refusal_is_ephemeral_and_hands_the_prompt_back(bot: DiscordBot) -> None:
    bot.store.refusal = OverQuota(5, timedelta(hours=24), datetime(2026, 11, 24, 12, tzinfo=UTC))
    await bot.sandbox.command("mira", FOX)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert "You've used your 5 videos for these 24 hours" in str(shown.fields["content"])
    assert f"```\n{FOX}\n```" in str(shown.fields["content"])
    assert bot.store.events == []


async def test_a_member_is_told_when_the_request_cannot_be_stored(bot: DiscordBot) -> None:
    bot.store.commit_error = StoreUnavailable("disk full")
    await bot.sandbox.command("mira", FOX)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert "Nothing was charged" in str(shown.fields["content"])
    assert FOX in str(shown.fields["content"])
    assert bot.log.named("request.not_stored")
    assert bot.store.events == []


async def test_a_stopping_bot_says_so(bot: DiscordBot) -> None:
    bot.door.door.parts.stopping.set()
    await bot.sandbox.command("mira", FOX)
    shown = await answer(bot)
    assert "restarting" in str(shown.fields["content"])


async def test_a_replayed_command_does_nothing_at_all(bot: DiscordBot) -> None:
    request = await bot.ask(FOX)
    await bot.sandbox.command("mira", FOX, interaction_id=str(request.id))
    await bot.ask("Another prompt, after the replayed one")
    assert [asked.id for asked, _ in bot.door.asked].count(request.id) == 2
    assert len(await bot.entries("message")) == 2
    assert bot.store.events == ["acknowledged", "handed over"] * 2


async def test_a_command_of_yesterday_is_left_alone_since_it_may_have_been_served_and_forgotten(
    bot: DiscordBot,
) -> None:
    await bot.sandbox.command("mira", FOX, asked_seconds_ago=25 * 3600)
    await bot.log.wait_for("command.too_late")
    await all_commands_handled()
    assert await bot.entries("message") == []
    assert bot.store.events == []


@pytest.mark.parametrize("fault", ["drop_after", "error_after"])
async def test_a_lost_answer_to_the_acknowledgement_still_hands_the_request_over(
    bot: DiscordBot, fault: str
) -> None:
    await bot.sandbox.fault("discord.callback", fault, status=502)
    request = await bot.ask(FOX)
    assert request.placeholder is None
    assert bot.store.events == ["handed over"]
    assert len(await bot.entries("message")) == 1
    assert not bot.log.named("acknowledgement.refused"), "40060 tells that the lost answer had landed"


async def test_an_acknowledgement_that_never_arrived_is_made_again(bot: DiscordBot) -> None:
    await bot.sandbox.fault("discord.callback", "error_before", status=503)
    request = await bot.ask(FOX)
    assert request.placeholder is not None
    assert bot.store.events == ["acknowledged", "handed over"]


async def test_an_acknowledgement_too_late_still_hands_the_request_over(bot: DiscordBot) -> None:
    await bot.sandbox.fault(
        "discord.callback", "error_before", status=404, code=10062, message="Unknown interaction"
    )
    request = await bot.ask(FOX)
    assert request.placeholder is None
    assert bot.store.events == ["handed over"]
    assert bot.log.named("acknowledgement.refused")


async def test_a_placeholder_that_cannot_be_recorded_stops_nothing(bot: DiscordBot) -> None:
    bot.store.placeholder_error = StoreUnavailable()
    await bot.ask(FOX)
    assert bot.store.events == ["acknowledged", "handed over"]
    assert bot.log.named("placeholder.not_recorded")


async def test_an_error_after_the_commit_hands_the_request_over_and_tells_nobody_to_try_again(
    bot: DiscordBot,
) -> None:
    bot.store.forecast_error = RuntimeError("broken")
    request = await bot.ask(FOX)
    assert request.placeholder is None
    await bot.log.wait_for("command.failed")
    await all_commands_handled()
    assert await bot.entries("message") == []


async def test_an_unexpected_error_is_one_plain_sentence_and_a_log(bot: DiscordBot) -> None:
    bot.store.commit_error = RuntimeError("secret detail")
    await bot.sandbox.command("mira", FOX)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert "Something went wrong on my side" in str(shown.fields["content"])
    assert "secret detail" not in str(shown.fields["content"])
    assert ("exception", "command.failed") in [(level, name) for level, name, _ in bot.log.entries]


@pytest.mark.parametrize(
    "options",
    [{"prompt": FOX, "style": "noir"}, {"duration": 4}, {"prompt": FOX, "duration": "long"}],
    ids=["an option unknown to us", "a required option missing", "an option of another type"],
)
async def test_an_outdated_form_of_the_command_gets_a_clear_answer(
    bot: DiscordBot, options: dict[str, JsonValue]
) -> None:
    await bot.sandbox.command("mira", options=options, unchecked=True)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert "This command has changed" in str(shown.fields["content"])
    assert bot.door.asked == []


async def test_a_command_that_this_version_no_longer_has_gets_a_clear_answer(bot: DiscordBot) -> None:
    bot.client.tree.remove_command("veo")
    await bot.sandbox.command("mira", FOX)
    shown = await answer(bot)
    assert shown.fields["ephemeral"] is True
    assert "This command has changed" in str(shown.fields["content"])
    assert bot.door.asked == []


async def test_a_choice_that_was_never_offered_is_refused_with_the_ones_that_were(bot: DiscordBot) -> None:
    await bot.sandbox.command(
        "mira", options={"prompt": FOX, "aspect_ratio": "4:3 @everyone"}, unchecked=True
    )
    shown = await answer(bot)
    assert "Possible: 16:9, 9:16" in str(shown.fields["content"])
    assert shown.fields["mentions"] == []
    assert bot.door.asked == []


async def test_the_door_decides_on_durations_that_were_never_offered(bot: DiscordBot) -> None:
    await bot.sandbox.command("mira", options={"prompt": FOX, "duration": 7}, unchecked=True)
    assert "Possible: 4 s, 6 s, 8 s" in str((await answer(bot)).fields["content"])
    assert bot.door.asked[0][0].options.duration_seconds == 7


async def test_commands_are_registered_once_and_left_alone_while_they_are_the_same(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect_bot(sandbox, monkeypatch) as first:
        await first.ask(FOX)
    after = await sandbox.last_seq()
    ready = asyncio.Event()

    async def on_ready() -> None:
        ready.set()

    async with connect_bot(sandbox, monkeypatch, on_first_ready=on_ready) as second:
        await sandbox.wait_for_gateway(after=after)
        await ready.wait()
        await second.log.wait_for("commands.unchanged")
    assert len(await sandbox.ledger(kind="commands")) == 1


async def test_every_command_is_for_servers_only(bot: DiscordBot) -> None:
    commands = {c.name: c.to_dict(bot.client.tree) for c in bot.client.tree.get_commands()}
    assert list(commands) == ["veo", "veo-quota", "veo-history"]
    for payload in commands.values():
        assert (payload["contexts"], payload["integration_types"]) == ([0], [0])


async def test_the_command_says_its_defaults(bot: DiscordBot) -> None:
    payload = next(c.to_dict(bot.client.tree) for c in bot.client.tree.get_commands() if c.name == "veo")
    options = {option["name"]: option for option in payload["options"]}
    assert (options["prompt"]["min_length"], options["prompt"]["max_length"]) == (5, 1000)
    assert [choice["value"] for choice in options["duration"]["choices"]] == [4, 6, 8]
    assert "4 s if you don't choose" in options["duration"]["description"]
    assert [choice["value"] for choice in options["resolution"]["choices"]] == ["720p", "1080p"]
    assert (options["negative_prompt"]["min_length"], options["negative_prompt"]["max_length"]) == (1, 500)
    assert (options["seed"]["min_value"], options["seed"]["max_value"]) == (0, 4_294_967_295)
    assert options["model"]["choices"] == [
        {"name": "Veo 3.1 Fast · $0.10 a second", "value": "veo-3.1-fast-generate-001"},
        {"name": "Veo 3.1 Lite · $0.05 a second", "value": "veo-3.1-lite-generate-001"},
    ]
    assert [name for name, option in options.items() if option.get("required")] == ["prompt"]


async def test_what_waits_for_the_gateway_starts_without_waiting_for_the_registration(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.fault("discord.commands.get", "delay_before", seconds=1.0)
    started = asyncio.Event()
    seen: list[int] = []

    async def on_ready() -> None:
        seen.append(len(await sandbox.ledger(kind="commands")))
        started.set()

    async with connect_bot(sandbox, monkeypatch, on_first_ready=on_ready):
        await started.wait()
    assert seen == [0]


async def test_each_answer_tells_the_clock_discords_time(bot: DiscordBot) -> None:
    assert bot.dates
    assert all(date.endswith("GMT") for date in bot.dates)

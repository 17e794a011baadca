"""Videos asked for in a thread that Discord archives, or a moderator closes, while they are made."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from support.bot import Bot, StartBot
from support.discord_bot import DiscordBot, connect_bot
from support.held import held_after
from support.interrupted import (
    LAST,
    MINUTE,
    ask,
    ask_until_generating,
    ask_until_undelivered,
    attachments,
    content,
    finish_while_dead,
    first_start,
    outcome,
    placeholder_id,
    placeholder_says,
    restart_after,
)
from veobot.core.errors import Ambiguous, Retryable, Unreachable
from veobot.core.failures import Failure
from veobot.core.progress import Generating
from veobot.core.request import MessageId, VideoRequest
from veobot.core.status import Status
from veobot.sandbox.client import SandboxClient

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
THREAD = "storyboards"
PARENT = "video-lab"
REOPENING = "discord.channel.edit"
PROGRESS = Generating(0.4, datetime(2026, 11, 24, 16, 6, tzinfo=UTC), overdue=False)


async def is_archived(world: SandboxClient) -> bool:
    """Whether the thread is archived now."""
    details = (await world.state())["channel_details"]
    assert isinstance(details, list)
    [thread] = [c for c in details if isinstance(c, dict) and c["name"] == THREAD]
    metadata = thread["thread_metadata"]
    assert isinstance(metadata, dict)
    return metadata["archived"] is True


async def assert_one_video_in_the_placeholder(bot: Bot, request_id: str) -> None:
    """The request is delivered by an edit of its placeholder, once, and paid once."""
    row = await bot.closed(request_id)
    assert (row["status"], row["closure"], row["delivery_route"]) == ("completed", "delivered", "edit")
    told = await outcome(bot, request_id)
    assert told.kind == "edit"
    assert told.fields["message_id"] == placeholder_id(bot, request_id)
    assert (await content(bot, request_id)).startswith("✅ **Done**")
    assert len(await attachments(bot, request_id)) == 1
    assert len(await bot.messages_of(request_id)) == 1, "nothing but the placeholder"
    assert len(await bot.paid(request_id)) == 1


# -- the whole bot


async def test_a_video_of_a_thread_archived_meanwhile_is_shown_in_its_placeholder(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    await sandbox.change_channel(THREAD, archived=True)
    await sandbox.finish(contains=FOX)
    await assert_one_video_in_the_placeholder(bot, request_id)
    assert not await is_archived(sandbox), "it is open again"


async def test_an_outcome_that_stays_an_edit_reopens_the_thread_through_the_channel_too(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    """The edit was begun while the token lived, and may have landed: no new message may follow it."""
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_undelivered(bot, "mira", FOX, channel=THREAD)
    bot.kill()
    await sandbox.change_channel(THREAD, archived=True)
    await restart_after(bot, 20 * MINUTE)
    await assert_one_video_in_the_placeholder(bot, request_id)
    assert not await is_archived(sandbox)


@pytest.mark.parametrize("archived_again", [False, True], ids=["stays open", "archived again"])
async def test_a_crash_between_reopening_and_the_edit_ends_in_one_outcome(
    new_bot: StartBot, sandbox: SandboxClient, archived_again: bool
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    await sandbox.change_channel(THREAD, archived=True)
    reopening = await held_after(sandbox, REOPENING, "archived")
    await sandbox.finish(contains=FOX)
    await reopening.reached()
    bot.kill()
    assert not await is_archived(sandbox), "it was carried out before the crash"
    assert await bot.told(request_id) == []
    if archived_again:
        await sandbox.change_channel(THREAD, archived=True)
    await restart_after(bot, 1)
    await assert_one_video_in_the_placeholder(bot, request_id)
    assert not await is_archived(sandbox)


async def test_a_crash_during_the_edit_that_follows_the_reopening_ends_in_one_outcome(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    await sandbox.change_channel(THREAD, archived=True)
    edit = await held_after(sandbox, "discord.webhook.message.edit", "Done")
    await sandbox.finish(contains=FOX)
    await edit.reached()
    bot.kill()
    await restart_after(bot, 1)
    await assert_one_video_in_the_placeholder(bot, request_id)


async def test_where_the_bot_may_write_in_threads_only_a_new_message_reopens_it(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    await sandbox.change_channel(PARENT, deny=["SEND_MESSAGES"])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    await sandbox.change_channel(THREAD, archived=True)
    await sandbox.finish(contains=FOX)
    row = await bot.closed(request_id)
    assert (row["status"], row["closure"], row["delivery_route"]) == ("completed", "delivered", "post")
    told = await outcome(bot, request_id)
    assert told.kind == "message"
    assert len(await attachments(bot, request_id)) == 1
    await placeholder_says(bot, request_id, "✅ Finished: [see the video](")
    assert not await is_archived(sandbox)


@pytest.mark.parametrize("minutes", [1, 16], ids=["token alive", "token dead"])
async def test_a_thread_that_is_locked_too_leaves_the_video_to_the_operator(
    new_bot: StartBot, sandbox: SandboxClient, minutes: int
) -> None:
    bot = await first_start(new_bot(VEOBOT_GENERATION_DEADLINE_MINUTES="60"))
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    bot.kill()
    await finish_while_dead(bot, FOX)
    await sandbox.change_channel(THREAD, archived=True, locked=True)
    await restart_after(bot, minutes * MINUTE)
    row = await bot.closed(request_id)
    assert (row["status"], row["failure"], row["closure"]) == ("failed", "unreachable", "undeliverable")
    warning = await bot.logged("request.undeliverable", request_id=request_id)
    assert warning.fields["discord_error"] == 50083
    assert str(warning.fields["fix"]).startswith("Open and unlock the thread, or give the bot Manage Threads")
    assert await bot.told(request_id) == []
    assert await is_archived(sandbox)


async def test_a_thread_that_is_archived_and_locked_fails_a_resumed_request_before_paying(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**LAST))
    await sandbox.vertex(script=[{"result": "hang"}])
    await ask_until_generating(bot, "jonas", BOAT)
    request_id = await ask(bot, "mira", FOX, channel=THREAD)
    bot.kill()
    await sandbox.change_channel(THREAD, archived=True, locked=True)
    await finish_while_dead(bot, BOAT)
    await restart_after(bot, 1)
    row = await bot.closed(request_id)
    assert (row["status"], row["failure"], row["closure"]) == ("failed", "unreachable", "undeliverable")
    assert await bot.paid(request_id) == []


async def test_a_moderator_bot_opens_a_locked_thread(new_bot: StartBot, sandbox: SandboxClient) -> None:
    bot = await first_start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await ask_until_generating(bot, "mira", FOX, channel=THREAD)
    await sandbox.change_channel(THREAD, archived=True, locked=True, allow=["MANAGE_THREADS"])
    await sandbox.finish(contains=FOX)
    await assert_one_video_in_the_placeholder(bot, request_id)
    assert not await is_archived(sandbox)


# -- its Discord side


@pytest.fixture
async def discord_bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch) as connected:
        yield connected


async def asked_in_thread(bot: DiscordBot) -> VideoRequest:
    """A failed request of the thread, which is archived since."""
    request = await bot.ask(channel=THREAD)
    await bot.sandbox.change_channel(THREAD, archived=True)
    return replace(request, status=Status.TIMEOUT, failure=Failure.TIMED_OUT)


@pytest.mark.parametrize("minutes", [0, 16], ids=["token alive", "token dead"])
async def test_progress_leaves_the_thread_archived(discord_bot: DiscordBot, minutes: int) -> None:
    request = await asked_in_thread(discord_bot)
    await discord_bot.jump(minutes=minutes)
    with pytest.raises(Unreachable):
        await discord_bot.messenger.show_progress(request, PROGRESS)
    assert await is_archived(discord_bot.sandbox)


@pytest.mark.parametrize("minutes", [0, 16], ids=["token alive", "token dead"])
@pytest.mark.parametrize("what", ["outcome", "text", "pointer"])
async def test_whatever_tells_of_the_outcome_reopens_the_thread(
    discord_bot: DiscordBot, what: str, minutes: int
) -> None:
    request, messenger = await asked_in_thread(discord_bot), discord_bot.messenger
    await discord_bot.jump(minutes=minutes)
    match what:
        case "outcome":
            await messenger.edit_outcome(request, None, through_token=not minutes)
        case "text":
            await messenger.repeat_outcome_text(request, None)
        case "pointer":
            await messenger.point_to_outcome(request, MessageId(1))
    assert not await is_archived(discord_bot.sandbox)
    assert len(await discord_bot.entries("edit")) == 1


async def test_a_slow_reopening_gives_the_edit_back_for_a_new_proof_of_ownership(
    discord_bot: DiscordBot,
) -> None:
    request = await asked_in_thread(discord_bot)
    await discord_bot.sandbox.fault(REOPENING, "delay_after", seconds=2.2)
    with pytest.raises(Retryable):
        await discord_bot.messenger.edit_outcome(request, None, through_token=True)
    assert not await is_archived(discord_bot.sandbox)
    assert await discord_bot.entries("edit") == []
    await discord_bot.messenger.edit_outcome(request, None, through_token=True)
    assert len(await discord_bot.entries("edit")) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"), [(403, 50013, 50083), (403, 160005, 50083), (403, 50001, 50001)]
)
async def test_a_refused_reopening_is_named_beside_the_refused_edit(
    discord_bot: DiscordBot, status: int, code: int, expected: int
) -> None:
    request = await asked_in_thread(discord_bot)
    await discord_bot.sandbox.fault(REOPENING, "error_before", status=status, code=code, message="no")
    with pytest.raises(Unreachable) as caught:
        await discord_bot.messenger.edit_outcome(request, None, through_token=True)
    assert caught.value.discord_code == expected
    assert f"code {code}" in str(caught.value)
    assert await is_archived(discord_bot.sandbox)


@pytest.mark.parametrize("kind", ["error_before", "drop_after"])
async def test_a_reopening_that_discord_fails_at_is_tried_once_and_left_to_the_core(
    discord_bot: DiscordBot, kind: str
) -> None:
    request = await asked_in_thread(discord_bot)
    await discord_bot.sandbox.fault(REOPENING, kind, status=503 if kind == "error_before" else None)
    with pytest.raises(Ambiguous):
        await discord_bot.messenger.edit_outcome(request, None, through_token=True)
    assert len(await discord_bot.entries("fault")) == 1, "no retry of discord.py's own"
    await discord_bot.messenger.edit_outcome(request, None, through_token=True)
    assert not await is_archived(discord_bot.sandbox)


@pytest.mark.parametrize(
    ("archived", "locked"), [(True, False), (False, True)], ids=["archived only", "locked only"]
)
async def test_a_thread_that_is_archived_or_locked_is_reachable(
    discord_bot: DiscordBot, archived: bool, locked: bool
) -> None:
    request = await discord_bot.ask(channel=THREAD)
    await discord_bot.sandbox.change_channel(THREAD, archived=archived, locked=locked)
    await discord_bot.messenger.check_reachable(request)


async def test_a_thread_that_is_both_is_reachable_to_moderators_only(discord_bot: DiscordBot) -> None:
    request = await discord_bot.ask(channel=THREAD)
    await discord_bot.sandbox.change_channel(THREAD, archived=True, locked=True)
    with pytest.raises(Unreachable) as caught:
        await discord_bot.messenger.check_reachable(request)
    assert caught.value.discord_code == 160005
    await discord_bot.sandbox.change_channel(PARENT, allow=["MANAGE_THREADS"])
    await discord_bot.messenger.check_reachable(request)

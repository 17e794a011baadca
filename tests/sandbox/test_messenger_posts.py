"""Outcomes as new messages, and finding messages again after a crash."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.discord_bot import DiscordBot, connect_bot
from veobot.core.errors import Ambiguous, OperatorNeeded, Retryable, TooLarge, Unreachable
from veobot.core.failures import Failure
from veobot.core.ports import Deleted, NotAcknowledged, OutcomeVideo, Unknowable
from veobot.core.request import Delivery, MessageId, Placeholder, RequestId, VideoRequest
from veobot.core.status import DeliveryRoute, Status
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

POST = "discord.message.create"


@pytest.fixture
async def bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch) as connected:
        yield connected


@pytest.fixture
def video(tmp_path: Path) -> OutcomeVideo:
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(200_000))
    return OutcomeVideo(path=path, link=None)


def finished(request: VideoRequest) -> VideoRequest:
    return replace(
        request,
        status=Status.COMPLETED,
        delivery=Delivery(DeliveryRoute.POST, datetime.now(UTC)),
        interaction_token=None,
    )


async def posted(bot: DiscordBot, message_id: MessageId) -> Entry:
    (entry,) = [e for e in await bot.entries("message") if e.fields["message_id"] == str(message_id)]
    return entry


async def member_id(bot: DiscordBot, name: str) -> str:
    members = (await bot.sandbox.state())["members"]
    assert isinstance(members, dict)
    return str(members[name])


# -- posting


async def test_a_late_video_replies_to_the_placeholder_and_pings_its_member_alone(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask("@everyone a fox for <@123456789012345678>"))
    entry = await posted(bot, await bot.messenger.post_outcome(request, video))
    mira = await member_id(bot, "mira")
    assert request.placeholder is not None
    assert entry.fields["reply_to"] == str(request.placeholder.message_id)
    assert entry.fields["mentions"] == [mira]
    assert str(entry.fields["content"]).startswith(f"<@{mira}> your video is ready. Sorry for the wait.")
    assert f"request {request.id}" in str(entry.fields["content"])
    attachments = entry.fields["attachments"]
    assert isinstance(attachments, list)
    assert len(attachments) == 1


async def test_posting_again_under_the_same_nonce_gives_the_same_message(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask())
    first = await bot.messenger.post_outcome(request, video)
    assert await bot.messenger.post_outcome(request, video) == first
    assert len(await bot.entries("message")) == 2, "the placeholder and one outcome"


async def test_a_post_whose_answer_was_lost_is_ambiguous_and_found_again(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault(POST, "drop_after")
    with pytest.raises(Ambiguous):
        await bot.messenger.post_outcome(request, video)
    found = await bot.messenger.find_outcome(request)
    assert found is not None
    assert (await posted(bot, found)).fields["nonce"] == f"veo-{request.id}"
    assert len(await bot.entries("message")) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_after_the_post_is_not_repeated_by_the_library(
    bot: DiscordBot, status: int
) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault(POST, "error_after", status=status)
    with pytest.raises(Ambiguous):
        await bot.messenger.post_outcome(request, None)
    assert len(await bot.entries("message")) == 2


async def test_an_expired_requests_notice_pings_nobody(bot: DiscordBot) -> None:
    request = replace(finished(await bot.ask()), status=Status.TIMEOUT, failure=Failure.EXPIRED)
    entry = await posted(bot, await bot.messenger.post_outcome(request, None))
    assert entry.fields["mentions"] == []
    assert "Your request expired" in str(entry.fields["content"])


async def test_a_late_failure_pings_its_member(bot: DiscordBot) -> None:
    request = replace(finished(await bot.ask()), status=Status.FAILED, failure=Failure.PROVIDER_BUSY)
    entry = await posted(bot, await bot.messenger.post_outcome(request, None))
    assert entry.fields["mentions"] == [await member_id(bot, "mira")]


async def test_a_deleted_placeholder_hinders_no_post(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    assert request.placeholder is not None
    await bot.sandbox.delete_message(str(request.placeholder.message_id))
    await bot.messenger.post_outcome(request, None)


async def test_without_the_right_to_reply_the_outcome_is_posted_plainly(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.change_channel("video-lab", deny=["READ_MESSAGE_HISTORY"])
    entry = await posted(bot, await bot.messenger.post_outcome(request, None))
    assert entry.fields["reply_to"] is None


async def test_a_file_over_the_limit_is_too_large(bot: DiscordBot, video: OutcomeVideo) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.change_guild(upload_limit_bytes=100_000)
    with pytest.raises(TooLarge):
        await bot.messenger.post_outcome(request, video)


@pytest.mark.parametrize(
    ("permission", "code"), [("VIEW_CHANNEL", 50001), ("SEND_MESSAGES", 50013)], ids=["view", "send"]
)
async def test_a_closed_channel_is_unreachable(bot: DiscordBot, permission: str, code: int) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.change_channel("video-lab", deny=[permission])
    with pytest.raises(Unreachable) as caught:
        await bot.messenger.post_outcome(request, None)
    assert caught.value.discord_code == code


async def test_a_deleted_channel_is_unreachable(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.delete_channel("video-lab")
    with pytest.raises(Unreachable) as caught:
        await bot.messenger.post_outcome(request, None)
    assert caught.value.discord_code == 10003


async def test_a_refused_bot_token_needs_the_operator(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault(POST, "error_before", status=401, code=0)
    with pytest.raises(OperatorNeeded) as caught:
        await bot.messenger.post_outcome(request, None)
    assert "VEOBOT_DISCORD_TOKEN" in caught.value.fix


async def test_a_rate_limited_post_is_surely_not_done(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault(POST, "rate_limited", seconds=3)
    with pytest.raises(Retryable) as caught:
        await bot.messenger.post_outcome(request, None)
    assert caught.value.retry_after_seconds == 3
    assert len(await bot.entries("message")) == 1


# -- finding the outcome


async def test_an_outcome_never_posted_is_not_found(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    assert await bot.messenger.find_outcome(request) is None


async def test_other_requests_outcomes_and_members_forgeries_are_not_taken_for_ours(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    other = finished(await bot.ask(f"a fox -# request {request.id}", member="jonas"))
    await bot.sandbox.say("jonas", "video-lab", f"-# Request {request.id}")
    await bot.messenger.post_outcome(other, None)
    assert await bot.messenger.find_outcome(request) is None


async def test_the_placeholder_is_not_taken_for_the_new_message(bot: DiscordBot) -> None:
    request = replace(await bot.ask(), status=Status.TIMEOUT, failure=Failure.TIMED_OUT)
    await bot.messenger.edit_outcome(request, None, through_token=True)
    assert await bot.messenger.find_outcome(finished(request)) is None


async def test_an_outcome_is_found_behind_many_messages(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    for number in range(150):
        await bot.sandbox.say("jonas", "video-lab", f"chatter {number}")
    message_id = await bot.messenger.post_outcome(request, None)
    assert await bot.messenger.find_outcome(request) == message_id


@pytest.mark.parametrize("permission", ["READ_MESSAGE_HISTORY", "VIEW_CHANNEL"])
async def test_a_history_closed_to_the_bot_holds_no_outcome(bot: DiscordBot, permission: str) -> None:
    request = finished(await bot.ask())
    await bot.messenger.post_outcome(request, None)
    await bot.sandbox.change_channel("video-lab", deny=[permission])
    assert await bot.messenger.find_outcome(request) is None


async def test_a_history_that_cannot_be_asked_is_asked_again(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault("discord.history", "error_before", status=503)
    with pytest.raises(Ambiguous):
        await bot.messenger.find_outcome(request)


# -- finding the acknowledgement


async def test_the_token_finds_the_acknowledgement(bot: DiscordBot) -> None:
    request = await bot.ask()
    assert await bot.messenger.find_acknowledgement(request) == request.placeholder


async def test_the_history_finds_the_acknowledgement_once_the_token_is_dead(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.ask("another one", member="jonas")
    await bot.jump(minutes=16)
    assert await bot.messenger.find_acknowledgement(request) == request.placeholder


async def test_an_erased_token_leaves_the_history(bot: DiscordBot) -> None:
    request = await bot.ask()
    erased = replace(request, interaction_token=None)
    assert await bot.messenger.find_acknowledgement(erased) == request.placeholder


async def test_a_command_asked_long_ago_is_found_by_its_interaction(bot: DiscordBot) -> None:
    request = await bot.ask(asked_seconds_ago=23 * 3600)
    assert await bot.messenger.find_acknowledgement(request) == request.placeholder


async def unanswered(bot: DiscordBot) -> VideoRequest:
    """Let a command's acknowledgement never land."""
    await bot.sandbox.fault("discord.callback", "error_before", status=404, code=10062)
    return await bot.ask()


async def test_the_token_tells_a_deleted_acknowledgement_from_one_that_never_was(bot: DiscordBot) -> None:
    request, other = await bot.ask(), await bot.ask(member="jonas", channel="general")
    assert request.placeholder is not None
    await bot.sandbox.delete_message(str(request.placeholder.message_id))
    await bot.sandbox.delete_channel("general")
    for deleted in (request, other):
        assert isinstance(await bot.messenger.find_acknowledgement(deleted), Deleted)


async def test_what_discord_never_showed_is_not_acknowledged(bot: DiscordBot) -> None:
    request = await unanswered(bot)
    assert isinstance(await bot.messenger.find_acknowledgement(request), NotAcknowledged)


async def test_what_the_history_does_not_hold_is_not_acknowledged(bot: DiscordBot) -> None:
    request = await unanswered(bot)
    await bot.sandbox.say("jonas", "video-lab", "hello")
    await bot.jump(minutes=16)
    assert isinstance(await bot.messenger.find_acknowledgement(request), NotAcknowledged)


@pytest.mark.parametrize("permission", ["READ_MESSAGE_HISTORY", "VIEW_CHANNEL"])
async def test_without_token_and_history_nobody_knows(bot: DiscordBot, permission: str) -> None:
    request = await bot.ask()
    await bot.sandbox.change_channel("video-lab", deny=[permission])
    await bot.jump(minutes=16)
    assert isinstance(await bot.messenger.find_acknowledgement(request), Unknowable)


async def test_a_deleted_channel_leaves_nothing_to_know(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.sandbox.delete_channel("video-lab")
    await bot.jump(minutes=16)
    assert isinstance(await bot.messenger.find_acknowledgement(request), Unknowable)


# -- is the member reachable?


async def test_an_open_channel_is_reachable(bot: DiscordBot) -> None:
    await bot.messenger.check_reachable(await bot.ask())


async def test_a_thread_is_reachable_by_its_own_permission(bot: DiscordBot) -> None:
    parent = await bot.sandbox.create_channel("talk")
    thread = await bot.sandbox.create_channel("a thread", type=11, parent=parent)
    request = await bot.ask(channel=thread)
    await bot.messenger.check_reachable(request)
    await bot.sandbox.change_channel(parent, deny=["SEND_MESSAGES"])
    await bot.messenger.check_reachable(request)
    await bot.sandbox.change_channel(parent, deny=["SEND_MESSAGES_IN_THREADS"])
    with pytest.raises(Unreachable):
        await bot.messenger.check_reachable(request)


@pytest.mark.parametrize(
    ("permission", "code"), [("VIEW_CHANNEL", 50001), ("SEND_MESSAGES", 50013)], ids=["view", "send"]
)
async def test_a_missing_permission_proves_that_nobody_can_be_told(
    bot: DiscordBot, permission: str, code: int
) -> None:
    request = await bot.ask()
    await bot.sandbox.change_channel("video-lab", deny=[permission])
    with pytest.raises(Unreachable) as caught:
        await bot.messenger.check_reachable(request)
    assert caught.value.discord_code == code


async def test_a_deleted_channel_or_a_bot_thrown_out_proves_it_too(bot: DiscordBot) -> None:
    request = await bot.ask()
    gone = await bot.sandbox.create_channel("short-lived")
    elsewhere = await bot.ask(channel=gone, member="jonas")
    await bot.sandbox.delete_channel(gone)
    with pytest.raises(Unreachable) as caught:
        await bot.messenger.check_reachable(elsewhere)
    assert caught.value.discord_code == 10003
    await bot.sandbox.change_guild(bot_present=False)
    with pytest.raises(Unreachable):
        await bot.messenger.check_reachable(request)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("error_before", 503), ("error_before", 401), ("rate_limited", 429), ("drop_before", None)],
)
async def test_anything_else_proves_nothing(bot: DiscordBot, kind: str, status: int | None) -> None:
    request = await bot.ask()
    await bot.sandbox.fault(
        "discord.channel.get", kind, status=status, times=2
    )  # aiohttp repeats a lost GET once
    await bot.messenger.check_reachable(request)
    assert bot.log.named("channel.not_checked")


async def test_an_unknown_request_has_no_outcome_anywhere(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    stranger = replace(request, id=RequestId(request.id + 1), placeholder=Placeholder(MessageId(1)))
    await bot.messenger.post_outcome(request, None)
    assert await bot.messenger.find_outcome(stranger) is None

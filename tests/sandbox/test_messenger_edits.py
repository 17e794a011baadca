"""The placeholder becomes progress and outcome, through the token and through the channel."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.discord_bot import DiscordBot, connect_bot
from veobot.core.errors import (
    Ambiguous,
    MessageGone,
    MessageRefused,
    Retryable,
    TokenExpired,
    TooLarge,
    Unreachable,
)
from veobot.core.failures import Failure
from veobot.core.ports import OutcomeVideo, SignedLink
from veobot.core.progress import Generating
from veobot.core.request import MessageId, VideoRequest
from veobot.core.status import Status
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

CONTENT = "content"
PROGRESS = Generating(0.4, datetime(2026, 11, 24, 16, 6, tzinfo=UTC), overdue=False)
EDIT = "discord.webhook.message.edit"


@pytest.fixture
async def bot(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordBot]:
    async with connect_bot(sandbox, monkeypatch) as connected:
        yield connected


@pytest.fixture
def video(tmp_path: Path) -> OutcomeVideo:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(300_000))
    return OutcomeVideo(path=path, link=None)


def finished(request: VideoRequest) -> VideoRequest:
    return replace(request, status=Status.COMPLETED)


def failed(request: VideoRequest, failure: Failure = Failure.TIMED_OUT) -> VideoRequest:
    return replace(request, status=Status.TIMEOUT, failure=failure)


async def shown(bot: DiscordBot, request: VideoRequest) -> Entry:
    assert request.placeholder is not None
    message_id = str(request.placeholder.message_id)
    return [e for e in await bot.entries("edit") if e.fields["message_id"] == message_id][-1]


async def test_progress_replaces_the_waiting_card(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.messenger.show_progress(request, PROGRESS)
    assert str((await shown(bot, request)).fields[CONTENT]).startswith("🎬 **Making your video: about 40 %**")


async def test_progress_goes_through_the_channel_once_the_token_is_dead(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.jump(minutes=16)
    await bot.messenger.show_progress(request, PROGRESS)
    assert "about 40 %" in str((await shown(bot, request)).fields[CONTENT])


async def test_progress_finds_out_by_itself_that_the_token_died_early(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.sandbox.clock(jump_seconds=16 * 60)
    await bot.messenger.show_progress(request, PROGRESS)
    assert "about 40 %" in str((await shown(bot, request)).fields[CONTENT])


async def test_the_outcome_replaces_text_and_brings_the_file(bot: DiscordBot, video: OutcomeVideo) -> None:
    request = finished(await bot.ask())
    await bot.messenger.edit_outcome(request, video, through_token=True)
    edit = await shown(bot, request)
    assert str(edit.fields[CONTENT]).startswith("✅ **Done**\n> A red fox")
    (attachment,) = _attachments(edit)
    assert attachment["filename"] == "red-fox-running.mp4"
    assert attachment["size"] == 300_012
    assert attachment["description"] == "AI-generated video: A red fox running through fresh snow at dawn"


@pytest.mark.parametrize("through_token", [True, False], ids=["through the token", "through the channel"])
async def test_an_outcome_edited_twice_has_one_attachment(
    bot: DiscordBot, video: OutcomeVideo, through_token: bool
) -> None:
    request = finished(await bot.ask())
    for _ in range(2):
        await bot.messenger.edit_outcome(request, video, through_token=through_token)
    assert len(_attachments(await shown(bot, request))) == 1


async def test_an_edit_whose_answer_was_lost_is_ambiguous_and_repeating_it_harmless(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.fault(EDIT, "drop_after")
    with pytest.raises(Ambiguous):
        await bot.messenger.edit_outcome(request, video, through_token=True)
    await bot.messenger.edit_outcome(request, video, through_token=True)
    edits = await bot.entries("edit")
    assert len(edits) == 2
    assert len(_attachments(edits[-1])) == 1


async def test_repeating_the_text_leaves_the_video(bot: DiscordBot, video: OutcomeVideo) -> None:
    request = finished(await bot.ask())
    await bot.messenger.edit_outcome(request, video, through_token=True)
    await bot.messenger.show_progress(request, PROGRESS)
    await bot.messenger.repeat_outcome_text(request, video)
    edit = await shown(bot, request)
    assert str(edit.fields[CONTENT]).startswith("✅ **Done**")
    assert len(_attachments(edit)) == 1


async def test_a_link_takes_the_place_of_a_file_that_had_landed(bot: DiscordBot, video: OutcomeVideo) -> None:
    request = finished(await bot.ask())
    await bot.messenger.edit_outcome(request, video, through_token=True)
    link = SignedLink("https://storage.example/v.mp4?sig=1", datetime(2026, 12, 1, tzinfo=UTC))
    await bot.messenger.edit_outcome(request, OutcomeVideo(None, link), through_token=True)
    edit = await shown(bot, request)
    assert _attachments(edit) == []
    assert "[watch it here](https://storage.example/v.mp4?sig=1), until <t:1796083200:F>" in str(
        edit.fields[CONTENT]
    )


async def test_a_failure_says_why_in_the_placeholder(bot: DiscordBot) -> None:
    request = failed(await bot.ask())
    await bot.messenger.edit_outcome(request, None, through_token=True)
    assert str((await shown(bot, request)).fields[CONTENT]).startswith(
        "⌛ **Your video didn't finish in time**"
    )


async def test_a_dead_token_is_reported_and_the_channel_takes_the_outcome(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask())
    await bot.jump(minutes=15, seconds=1)
    with pytest.raises(TokenExpired):
        await bot.messenger.edit_outcome(request, video, through_token=True)
    await bot.messenger.edit_outcome(request, video, through_token=False)
    assert len(_attachments(await shown(bot, request))) == 1


async def test_an_erased_token_counts_as_dead(bot: DiscordBot) -> None:
    request = replace(failed(await bot.ask()), interaction_token=None)
    with pytest.raises(TokenExpired):
        await bot.messenger.edit_outcome(request, None, through_token=True)


@pytest.mark.parametrize("through_token", [True, False])
async def test_a_deleted_placeholder_is_gone(bot: DiscordBot, through_token: bool) -> None:
    request = failed(await bot.ask())
    assert request.placeholder is not None
    await bot.sandbox.delete_message(str(request.placeholder.message_id))
    with pytest.raises(MessageGone):
        await bot.messenger.edit_outcome(request, None, through_token=through_token)


@pytest.mark.parametrize("through_token", [True, False])
async def test_a_file_over_the_limit_is_too_large(
    bot: DiscordBot, video: OutcomeVideo, through_token: bool
) -> None:
    request = finished(await bot.ask())
    await bot.sandbox.change_guild(upload_limit_bytes=100_000)
    with pytest.raises(TooLarge):
        await bot.messenger.edit_outcome(request, video, through_token=through_token)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (413, 0, TooLarge),
        (400, 40005, TooLarge),
        (400, 50035, MessageRefused),
        (400, 200000, MessageRefused),
        (401, 50027, TokenExpired),
        (404, 10015, TokenExpired),
        (401, 0, TokenExpired),
        (404, 10008, MessageGone),
        (404, 10003, Unreachable),
        (403, 50001, Unreachable),
        (403, 50013, Unreachable),
        (400, 50083, Unreachable),
        (400, 160005, Unreachable),
        (429, 30046, Retryable),
        (400, 0, Ambiguous),
        (403, 40333, Ambiguous),
        (404, 0, Ambiguous),
        (408, 0, Ambiguous),
        (500, 0, Ambiguous),
        (502, 0, Ambiguous),
        (503, 0, Ambiguous),
        (504, 0, Ambiguous),
    ],
)
async def test_each_refusal_of_discord_has_one_meaning(
    bot: DiscordBot, status: int, code: int, expected: type[Exception]
) -> None:
    request = failed(await bot.ask())
    await bot.sandbox.fault(EDIT, "error_before", status=status, code=code, message="no")
    with pytest.raises(expected) as caught:
        await bot.messenger.edit_outcome(request, None, through_token=True)
    assert type(caught.value) is expected or issubclass(type(caught.value), TokenExpired)
    if isinstance(caught.value, Unreachable):
        assert caught.value.discord_code == code
    assert len(await bot.entries("fault")) == 1, "no retry of discord.py's own"


async def test_a_rate_limit_is_retryable_after_what_discord_says(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.sandbox.fault(EDIT, "rate_limited", seconds=7)
    with pytest.raises(Retryable) as caught:
        await bot.messenger.show_progress(request, PROGRESS)
    assert caught.value.retry_after_seconds == 7
    assert await bot.entries("edit") == []


async def test_edits_limited_on_old_messages_wait_long(bot: DiscordBot) -> None:
    request = await bot.ask()
    await bot.sandbox.fault(EDIT, "error_before", status=429, code=30046)
    with pytest.raises(Retryable) as caught:
        await bot.messenger.show_progress(request, PROGRESS)
    assert caught.value.retry_after_seconds >= 60


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "malformed", "truncate"])
async def test_an_answer_that_is_none_is_ambiguous(bot: DiscordBot, kind: str) -> None:
    request = await bot.ask()
    await bot.sandbox.fault(EDIT, kind, bytes=20)
    with pytest.raises(Ambiguous):
        await bot.messenger.show_progress(request, PROGRESS)


async def test_an_answer_that_takes_too_long_is_ambiguous(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("veobot.bot.messenger.PROGRESS_TIMEOUT_SECONDS", 0.2)
    request = await bot.ask()
    await bot.sandbox.fault(EDIT, "delay_after", seconds=3)
    with pytest.raises(Ambiguous):
        await bot.messenger.show_progress(request, PROGRESS)


async def test_a_refused_connection_is_surely_not_done(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    request = await bot.ask()
    monkeypatch.setattr("discord.http.Route.BASE", f"http://127.0.0.1:{unused_tcp_port}/api/v10")
    with pytest.raises(Retryable):
        await bot.messenger.show_progress(request, PROGRESS)


async def test_the_pointer_leads_to_the_message(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    await bot.jump(minutes=16)
    await bot.messenger.point_to_outcome(request, MessageId(77))
    url = f"https://discord.com/channels/{request.guild_id}/{request.channel_id}/77"
    assert (await shown(bot, request)).fields[CONTENT] == f"✅ Finished: [see the video]({url})"


async def test_nothing_in_a_prompt_pings_anybody_on_edits_either(
    bot: DiscordBot, video: OutcomeVideo
) -> None:
    request = finished(await bot.ask("@everyone @here <@1> <@&2> **look** # now"))
    await bot.messenger.show_progress(request, PROGRESS)
    await bot.messenger.edit_outcome(request, video, through_token=True)
    for entry in [*await bot.entries("message"), *await bot.entries("edit")]:
        assert entry.fields["mentions"] == []
        assert "@everyone" not in str(entry.fields[CONTENT])


async def test_an_edit_that_discord_has_done_counts_although_the_rate_limit_keeps_it_waiting(
    bot: DiscordBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("veobot.bot.messenger.PROGRESS_TIMEOUT_SECONDS", 0.3)
    request = await bot.ask()
    done = 0
    for _ in range(8):  # more than Discord takes at once: the rest is refused, surely not done
        try:
            await bot.messenger.show_progress(request, PROGRESS)
            done += 1
        except Retryable:
            pass
    assert len(await bot.entries("edit")) == done
    assert done >= 5


def _attachments(entry: Entry) -> list[dict[str, object]]:
    attachments = entry.fields["attachments"]
    assert isinstance(attachments, list)
    return [dict(a) for a in attachments if isinstance(a, dict)]


@pytest.mark.parametrize("minutes", [0, 16], ids=["by token", "by channel"])
async def test_a_placeholder_shows_a_video_once_an_edit_with_a_file_has_landed(
    bot: DiscordBot, video: OutcomeVideo, minutes: int
) -> None:
    request = finished(await bot.ask())
    assert not await bot.messenger.shows_video(request)
    await bot.messenger.edit_outcome(request, video, through_token=True)
    await bot.jump(minutes=minutes)
    assert await bot.messenger.shows_video(request)


async def test_a_placeholder_that_is_gone_shows_no_video(bot: DiscordBot) -> None:
    request = finished(await bot.ask())
    assert request.placeholder is not None
    elsewhere = replace(request.placeholder, message_id=MessageId(1))
    assert not await bot.messenger.shows_video(replace(request, placeholder=elsewhere))

"""What members read about what is their own, to the letter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.requests import NOON, REQUEST_ID, a_request, a_submission
from veobot.bot import own_cards
from veobot.bot.markdown import length
from veobot.bot.texts import en
from veobot.core.failures import RULES, Failure
from veobot.core.own_requests import PAGE_SIZE, Entry, OwnPage, Standing
from veobot.core.ports import SignedLink, UnreadableRow
from veobot.core.request import ChannelId, Delivery, GuildId, MessageId, Placeholder, VideoRequest
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState

DAY = timedelta(hours=24)
LINK = SignedLink(
    "https://storage.googleapis.com/bucket/veo/1/1/video.mp4?X-Goog-Signature=abc", NOON + 7 * DAY
)
PLACEHOLDER = "https://discord.com/channels/2/3/5"
LARGEST = 2**63 - 1

USED_THREE = """\
🕓 **You've used 3 of your 5 videos for these 24 hours**
2 are left. The next one comes back <t:1795521600:R>.
Videos of these 24 hours cost about $1.20: an estimate at Google's list prices, not a bill.
-# What couldn't be made doesn't count toward your videos."""

USED_NONE = """\
🕓 **You've used 0 of your 5 videos for these 24 hours**
5 are left.
-# What couldn't be made doesn't count toward your videos."""

USED_ALL = """\
🕓 **You've used 1 of your 1 video for this hour**
None is left. The next one comes back <t:1795521600:R>.
Videos of this hour cost about $0.40: an estimate at Google's list prices, not a bill.
-# What couldn't be made doesn't count toward your videos."""

PAGE = """\
🎞️ **Your videos, the newest first**
**1. Waiting** · asked <t:1795521600:R> · [go to it](https://discord.com/channels/2/3/5)
> A red fox running through fresh snow at dawn
**2. Done** · asked <t:1795521600:R> · [go to it](https://discord.com/channels/2/3/5)
> A red fox running through fresh snow at dawn
**3. Failed: Google's safety filter stopped it** · asked <t:1795521600:R> · \
[go to it](https://discord.com/channels/2/3/5)
> A red fox running through fresh snow at dawn
**4. I can't read my record of this one**
-# Request 1442087312345678901
-# The links below work until <t:1796126400:f>, for whoever has them."""


def standing(used: int, quota: int, window: timedelta, next_at: datetime | None, micro_usd: int) -> Standing:
    return Standing(used, quota, window, next_at, micro_usd)


def page(*entries: tuple[VideoRequest | UnreadableRow, SignedLink | None]) -> OwnPage:
    return OwnPage([Entry(request, link) for request, link in entries], None, None)


def first_line(request: VideoRequest) -> str:
    return own_cards.history(page((request, None))).content.splitlines()[1]


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (standing(3, 5, DAY, NOON, 1_200_000), USED_THREE),
        (standing(0, 5, DAY, None, 0), USED_NONE),
        (standing(1, 1, timedelta(hours=1), NOON, 400_000), USED_ALL),
    ],
    ids=["some", "none", "all"],
)
def test_the_quota_says_what_is_used_and_left_and_what_it_cost(known: Standing, text: str) -> None:
    assert own_cards.quota(known) == text


def test_a_quota_that_was_lowered_leaves_none() -> None:
    text = own_cards.quota(standing(7, 5, DAY, NOON, 2_800_000))
    assert text.startswith("🕓 **You've used 7 of your 5 videos for these 24 hours**\nNone is left.")


def test_what_failed_and_cost_all_the_same_is_not_kept_quiet() -> None:
    text = own_cards.quota(standing(0, 5, DAY, None, 400_000))
    assert "5 are left.\nVideos of these 24 hours cost about $0.40:" in text


@pytest.mark.parametrize(
    ("micro_usd", "text"),
    [(0, "0.00"), (4_999, "0.00"), (5_000, "0.01"), (320_000, "0.32"), (1_234_560_000, "1,234.56")],
)
def test_dollars_have_two_decimals(micro_usd: int, text: str) -> None:
    assert en.dollars(micro_usd) == text


def test_a_page_lists_requests_and_leads_to_their_messages_and_videos() -> None:
    waiting = a_request()
    done = a_request(status=Status.COMPLETED)
    filtered = replace(a_request(status=Status.FAILED), failure=Failure.FILTERED)
    unreadable = UnreadableRow(REQUEST_ID, "the row is damaged", "mend it")
    card = own_cards.history(page((waiting, None), (done, LINK), (filtered, None), (unreadable, None)))
    assert card.content == PAGE
    title = "Watch 2: A red fox running through fresh snow at dawn"
    assert card.links == [own_cards.VideoLink(title, LINK.url)]


def test_who_has_asked_for_nothing_is_told_how() -> None:
    assert own_cards.history(page()).content == (
        "🎞️ **There are no videos of yours yet**\nWhat you ask for with `/veo` is listed here."
    )


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        (a_request(), "Waiting"),
        (a_request(submissions=(a_submission(SubmissionState.INTENDED),)), "Being made"),
        (a_request(status=Status.GENERATING), "Being made"),
        (a_request(status=Status.COMPLETED), "Done"),
        (a_request(status=Status.CANCELLED), "Cancelled"),
        (a_request(status=Status.FAILED), "Failed"),
        (
            replace(a_request(status=Status.TIMEOUT), failure=Failure.TIMED_OUT),
            "Failed: it didn't finish in time",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_entry_begins_with_its_state_in_words(request_: VideoRequest, state: str) -> None:
    assert first_line(request_).startswith(f"**1. {state}** · asked <t:1795521600:R>")


def test_every_failure_has_a_few_words() -> None:
    assert set(en.FAILURES_IN_SHORT) == set(RULES)
    assert all(len(words) <= 40 for words in en.FAILURES_IN_SHORT.values())


def test_an_entry_leads_to_the_message_that_carries_the_outcome() -> None:
    posted = replace(a_request(), delivery=Delivery(DeliveryRoute.POST, NOON, MessageId(9)))
    assert "[go to it](https://discord.com/channels/2/3/9)" in first_line(posted)
    edited = replace(a_request(), delivery=Delivery(DeliveryRoute.EDIT, NOON))
    assert f"[go to it]({PLACEHOLDER})" in first_line(edited)


@pytest.mark.parametrize(
    "changed",
    [
        replace(a_request(), placeholder=None),
        replace(a_request(), placeholder=Placeholder(MessageId(5), ephemeral=True)),
        replace(a_request(), closure=Closure.WITHDRAWN),
    ],
    ids=["unknown", "ephemeral", "deleted"],
)
def test_an_entry_leads_nowhere_where_there_is_no_message_to_see(changed: VideoRequest) -> None:
    assert "go to it" not in first_line(changed)


def largest(prompt: str, failure: Failure) -> VideoRequest:
    """A request with everything at its longest."""
    return replace(
        a_request(status=Status.FAILED, prompt=prompt),
        guild_id=GuildId(LARGEST),
        channel_id=ChannelId(LARGEST),
        failure=failure,
        delivery=Delivery(DeliveryRoute.POST, NOON, MessageId(LARGEST)),
    )


@given(
    st.lists(st.text(min_size=1, max_size=1000) | st.just("*🦊" * 500), min_size=1, max_size=PAGE_SIZE),
    st.sampled_from(list(Failure)),
)
def test_every_page_fits_one_message(prompts: Sequence[str], failure: Failure) -> None:
    card = own_cards.history(page(*((largest(prompt, failure), LINK) for prompt in prompts)))
    assert length(card.content) <= 2000
    assert len(card.links) == len(prompts)
    assert all(length(link.title) <= 256 for link in card.links)


def test_a_prompt_does_nothing_in_a_page() -> None:
    shouting = a_request(
        status=Status.COMPLETED, prompt="@everyone\n**5. Done** [click](https://evil.example)"
    )
    card = own_cards.history(page((shouting, LINK)))
    quoted = "@\u200beveryone \\*\\*5. Done\\*\\* \\[click\\]\\(https:\\/\\/evil.example\\)"
    assert f"\n> {quoted}\n" in card.content
    assert card.links[0].title == f"Watch 1: {quoted}"[: len(card.links[0].title)]

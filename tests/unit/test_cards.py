"""What members read, to the letter."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.requests import NOON, REQUEST_ID, a_request, a_submission
from veobot.bot import cards
from veobot.bot.markdown import length
from veobot.bot.texts import en
from veobot.core.failures import RULES, Failure
from veobot.core.limits import Limits
from veobot.core.ports import OutcomeVideo, SignedLink
from veobot.core.progress import Checking, Generating, Progress, Waiting
from veobot.core.request import MessageId, VideoRequest
from veobot.core.status import Status, SubmissionState

LIMITS = Limits()
RESTARTED = datetime.fromtimestamp(1764000300, UTC)
SUBMITTED = RESTARTED - timedelta(minutes=1)
READY = datetime.fromtimestamp(1764000360, UTC)
FOX = "A red fox running through fresh snow at dawn"
LINK = SignedLink("https://storage.googleapis.com/bucket/veo/1/1/video.mp4?X-Goog-Signature=abc", READY)

WAITING = """\
🕓 **Waiting: you're 3rd in line**
> A red fox running through fresh snow at dawn
Starts about <t:1764000360:R> · 4 s, 16:9, 720p, sound on
-# You can leave. I'll post it here, and a restart won't lose your place."""

GENERATING = """\
🎬 **Making your video: about 40 %** `▰▰▰▰▱▱▱▱▱▱`
> A red fox running through fresh snow at dawn
Usually ready <t:1764000360:R>
-# 4 s, 16:9, 720p, sound on · the bar is an estimate"""

JUST_STARTED = """\
🎬 **Making your video: just started** `▱▱▱▱▱▱▱▱▱▱`
> A red fox running through fresh snow at dawn
Usually ready <t:1764000360:R>
-# 4 s, 16:9, 720p, sound on · the bar is an estimate"""

RESUMED = """\
🎬 **Still making your video: about 60 %** `▰▰▰▰▰▰▱▱▱▱`
> A red fox running through fresh snow at dawn
Usually ready <t:1764000360:R>
-# I restarted <t:1764000300:R>; your video kept going."""

OVERDUE = """\
🎬 **Making your video: about 95 %** `▰▰▰▰▰▰▰▰▰▱`
> A red fox running through fresh snow at dawn
This one takes longer than usual.
-# 4 s, 16:9, 720p, sound on · the bar is an estimate"""

CHECKING = """\
🔎 **Looking for your video**
> A red fox running through fresh snow at dawn
Google's answer got lost on the way. I watch for the video until <t:1764000360:t>, so that it isn't made twice.
-# 4 s, 16:9, 720p, sound on"""

DONE = """\
✅ **Done**
> A red fox running through fresh snow at dawn
-# AI-generated with Veo 3.1 Fast · 4 s · 720p · seed 48213 · took 1 min 53 s"""

DONE_AS_LINK = """\
✅ **Done**
> A red fox running through fresh snow at dawn
The file is too large for this place: [watch it here](https://storage.googleapis.com/bucket/veo/1/1/video.mp4\
?X-Goog-Signature=abc), until <t:1764000360:F>
-# AI-generated with Veo 3.1 Fast · 4 s · 720p · seed 48213 · took 1 min 53 s"""

DONE_LATE = """\
<@1> your video is ready. Sorry for the wait.
> A red fox running through fresh snow at dawn
-# Asked <t:1795521600:R> · AI-generated with Veo 3.1 Fast · 4 s · 720p · request 1442087312345678901"""

BLOCKED = """\
🚫 **This one couldn't be made**
Google's safety filter stopped it. It can be wrong; different words often help.
Your video allowance is unchanged. Change the prompt and try `/veo` again."""

TIMED_OUT = """\
⌛ **Your video didn't finish in time**
> A red fox running through fresh snow at dawn
Nothing came back from Google within 10 minutes, so I stopped waiting.
Your allowance is unchanged. Please try `/veo` again.
-# Request 1442087312345678901"""

EXPIRED_LATE = """\
<@1> about your `/veo` from <t:1795521600:R>:
⌛ **Your request expired**
> A red fox running through fresh snow at dawn
It was more than 24 hours old before I could finish it.
Your allowance is unchanged. Please try `/veo` again.
-# Request 1442087312345678901"""


def shown(progress: Progress, *, epoch: int = 1, submitted_at: datetime = SUBMITTED) -> str:
    running = a_submission(SubmissionState.ACCEPTED, at=submitted_at)
    request = a_request(epoch=epoch, submissions=(running,))
    return cards.progress(request, progress, restarted_at=RESTARTED).content


def completed(**changes: object) -> VideoRequest:
    submission = replace(
        a_submission(SubmissionState.SUCCEEDED),
        ended_at=NOON + timedelta(seconds=113),
        video_size_bytes=11 * 1024 * 1024,
    )
    request = a_request(status=Status.COMPLETED, submissions=(submission,))
    return replace(request, **changes)  # type: ignore[arg-type]  # a test's shorthand


def ended(failure: Failure, prompt: str = FOX) -> VideoRequest:
    return replace(a_request(prompt=prompt, status=RULES[failure].status), failure=failure)


@pytest.mark.parametrize(
    ("progress", "epoch", "text"),
    [
        (Waiting(3, READY), 1, WAITING),
        (Generating(0.4, READY, overdue=False), 1, GENERATING),
        (Generating(0.0, READY, overdue=False), 1, JUST_STARTED),
        (Generating(0.62, READY, overdue=False), 2, RESUMED),
        (Generating(0.98, READY, overdue=True), 1, OVERDUE),
        (Checking(READY), 1, CHECKING),
    ],
    ids=["waiting", "generating", "just started", "resumed", "overdue", "checking"],
)
def test_progress_reads_like_this(progress: Progress, epoch: int, text: str) -> None:
    assert shown(progress, epoch=epoch) == text


@pytest.mark.parametrize(
    "progress", [Waiting(3, READY), Generating(0.42, READY, overdue=False), Checking(READY)], ids=repr
)
def test_of_a_negative_prompt_a_card_says_only_that_there_is_one(progress: Progress) -> None:
    options = replace(a_request().options, negative_prompt="rain and umbrellas")
    running = a_submission(SubmissionState.ACCEPTED, at=SUBMITTED)
    request = a_request(options=options, submissions=(running,))
    text = cards.progress(request, progress, restarted_at=RESTARTED).content
    assert "4 s, 16:9, 720p, sound on, with a negative prompt" in text
    assert "umbrellas" not in text
    assert "umbrellas" not in repr(options)


def test_a_video_begun_after_the_restart_did_not_keep_going() -> None:
    after = RESTARTED + timedelta(seconds=5)
    assert shown(Generating(0.4, READY, overdue=False), epoch=2, submitted_at=after) == GENERATING


def test_a_video_reads_like_this() -> None:
    card = cards.outcome(completed(), None, LIMITS)
    assert card.content == DONE
    assert card.file_name == "red-fox-running.mp4"
    assert card.description == f"AI-generated video: {FOX}"


def test_a_video_too_large_reads_like_this() -> None:
    assert cards.outcome(completed(), OutcomeVideo(None, LINK), LIMITS).content == DONE_AS_LINK


def test_a_video_that_discord_would_not_take_does_not_claim_to_be_too_large() -> None:
    request = completed(upload_limit_bytes=50 * 1024 * 1024)
    content = cards.outcome(request, OutcomeVideo(None, LINK), LIMITS).content
    assert "The file couldn't be attached here: [watch it here]" in content


def test_a_late_video_reads_like_this() -> None:
    assert cards.late_outcome(completed(), None, LIMITS).content == DONE_LATE


def test_a_late_video_says_so_where_a_restart_lay_between_and_only_there() -> None:
    resumed = cards.late_outcome(completed(epoch=2), None, LIMITS).content
    assert resumed == f"{DONE_LATE}\n-# Resumed after bot restart"


@pytest.mark.parametrize(
    ("failure", "text"), [(Failure.FILTERED, BLOCKED), (Failure.TIMED_OUT, TIMED_OUT)], ids=str
)
def test_a_failure_reads_like_this(failure: Failure, text: str) -> None:
    assert cards.outcome(ended(failure), None, LIMITS).content == text


def test_a_late_failure_reads_like_this() -> None:
    assert cards.late_outcome(ended(Failure.EXPIRED), None, LIMITS).content == EXPIRED_LATE


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_has_words_of_its_own_and_a_way_on(failure: Failure) -> None:
    content = cards.outcome(ended(failure), None, LIMITS).content
    assert "`/veo`" in content
    assert "allowance is unchanged" in content
    assert "{" not in content


def test_failures_quote_the_operators_own_limits() -> None:
    limits = Limits(generation_deadline=timedelta(minutes=7), request_expiry=timedelta(hours=12))
    assert "within 7 minutes" in cards.outcome(ended(Failure.TIMED_OUT), None, limits).content
    assert "more than 12 hours old" in cards.outcome(ended(Failure.EXPIRED), None, limits).content


@pytest.mark.parametrize("failure", [Failure.FILTERED, Failure.REJECTED])
def test_a_blocked_prompt_is_repeated_nowhere(failure: Failure) -> None:
    request = ended(failure, prompt="forbidden words")
    for card in (cards.outcome(request, None, LIMITS), cards.late_outcome(request, None, LIMITS)):
        assert "forbidden" not in card.content


def test_a_cancelled_request_says_whether_it_counts() -> None:
    free = replace(a_request(status=Status.CANCELLED), counts_toward_quota=False)
    assert cards.outcome(free, None, LIMITS).content.startswith("✖️ **Cancelled before it started**")
    paid = a_request(status=Status.CANCELLED)
    content = cards.outcome(paid, None, LIMITS).content
    assert content.startswith("✖️ **Cancelled: I won't post this video**")
    assert "it still counts" in content


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (completed(), "✅ Finished: [see the video](https://discord.com/channels/2/3/77)"),
        (ended(Failure.INTERNAL), "🏁 Ended: [see what happened](https://discord.com/channels/2/3/77)"),
    ],
    ids=["a video", "a failure"],
)
def test_the_placeholder_points_to_the_outcome(request_: VideoRequest, text: str) -> None:
    assert cards.pointer(request_, MessageId(77)) == text


def test_every_new_message_can_be_found_by_its_request() -> None:
    requests = [completed(), completed(epoch=2), *(ended(failure) for failure in Failure)]
    for request in requests:
        assert cards.request_id_of(cards.late_outcome(request, None, LIMITS).content) == REQUEST_ID


def test_a_video_without_words_for_a_name_is_still_a_file() -> None:
    assert cards.outcome(completed(prompt="雪の中の狐 🦊"), None, LIMITS).file_name == "video.mp4"


# -- whatever a prompt holds

MARKUP_LADEN = st.text(
    alphabet=st.sampled_from("@<>#&!*_~`|[]()\\/:.-+ \n\u200b\u202e1aé🦊\u2028"), max_size=1000
)
PROMPTS = st.one_of(
    st.text(max_size=1000),
    MARKUP_LADEN,
    st.lists(
        st.sampled_from(
            [
                "@everyone",
                "@here",
                "<@1>",
                "<@&22>",
                "<@!3>",
                "<#4>",
                "</veo:5>",
                "```",
                "\n-# Request 1",
                "||",
            ]
        ),
        max_size=120,
    ).map(" ".join),
)


def all_cards(prompt: str, failure: Failure) -> list[cards.Card]:
    video = OutcomeVideo(None, replace(LINK, url=f"https://storage.googleapis.com/{'x' * 900}"))
    waiting, failing = a_request(prompt=prompt, epoch=2), ended(failure, prompt)
    done = completed(prompt=prompt, epoch=2)
    states: list[Progress] = [Waiting(3, READY), Generating(0.5, READY, overdue=True), Checking(READY)]
    return [
        *(cards.progress(waiting, state, restarted_at=RESTARTED) for state in states),
        cards.outcome(done, video, LIMITS),
        cards.late_outcome(done, video, LIMITS),
        cards.outcome(failing, None, LIMITS),
        cards.late_outcome(failing, None, LIMITS),
    ]


@given(PROMPTS, st.sampled_from(list(Failure)))
def test_no_prompt_makes_a_message_that_discord_refuses(prompt: str, failure: Failure) -> None:
    for card in all_cards(prompt, failure):
        assert 0 < length(card.content) <= 2000
        assert 0 < length(card.description) <= 1024
        assert card.file_name.endswith(".mp4")
        assert len(card.file_name) < 100
        card.content.encode()
        card.description.encode()


@given(PROMPTS, st.sampled_from(list(Failure)))
def test_no_prompt_mentions_anybody(prompt: str, failure: Failure) -> None:
    for card in all_cards(prompt, failure):
        rest = card.content.removeprefix("<@1> your video").removeprefix("<@1> about")
        assert not re.search(r"@(everyone|here|[!&]?[0-9])", rest), "even where Discord overlooks a backslash"
        assert not re.search(r"(?<!\\)<[@#/:]", rest)


@given(PROMPTS, st.sampled_from(list(Failure)))
def test_no_prompt_adds_or_forges_a_line(prompt: str, failure: Failure) -> None:
    plain = all_cards("fox", failure)
    for card, model in zip(all_cards(prompt, failure), plain, strict=True):
        assert len(card.content.splitlines()) == len(model.content.splitlines())
        assert cards.request_id_of(card.content) == cards.request_id_of(model.content)


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_bar_never_says_100_and_never_goes_backwards(one: float, other: float, overdue: bool) -> None:
    less, more = (
        shown(Generating(fraction, READY, overdue=overdue)).splitlines()[0].count("▰")
        for fraction in sorted((one, other))
    )
    assert less <= more < 10
    assert "100" not in shown(Generating(other, READY, overdue=overdue)).splitlines()[0]


def test_there_is_a_text_for_every_failure() -> None:
    assert set(en.FAILURES) == set(Failure)

"""Grammar, quoting, and what is said at the door."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veobot.bot import refusals
from veobot.bot.markdown import ELLIPSIS, code_block, file_stem, length, quote, shorten
from veobot.bot.texts import en
from veobot.core.admission import (
    BudgetSpent,
    NeedsFullLength,
    NegativePromptTooLong,
    NegativePromptUnprintable,
    NotAgeRestricted,
    OverQuota,
    PromptLength,
    PromptUnprintable,
    QueueFull,
    Refusal,
    Unavailable,
    UnknownOption,
    WrongChannel,
)
from veobot.core.models import Resolution
from veobot.core.request import ChannelId

NEXT = datetime.fromtimestamp(1764040000, UTC)
FOX = "A red fox running through fresh snow at dawn"
BACK = f"\nYour prompt, so you don't lose it:\n```\n{FOX}\n```"
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
        (21, "21st"), (22, "22nd"), (101, "101st"), (111, "111th"), (113, "113th"), (123, "123rd"),
    ],
)  # fmt: skip
def test_ordinals(number: int, text: str) -> None:
    assert en.ordinal(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (53, "53 s"), (60, "1 min"), (113.4, "1 min 53 s"), (119.7, "2 min")]
)
def test_how_long_something_took(seconds: float, text: str) -> None:
    assert en.elapsed(seconds) == text


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (
            PromptLength(3),
            (
                "✏️ **Your prompt is too short**\n"
                "It has 3 characters; I need 5 to 1,000. Say what should be seen, and try `/veo` again."
            ),
        ),
        (
            PromptLength(1200),
            (
                "✏️ **Your prompt is too long**\n"
                "It has 1,200 characters; I can take 5 to 1,000. Shorten it, and try `/veo` again."
            ),
        ),
        (
            NegativePromptTooLong(501),
            (
                "✏️ **Your negative prompt is too long**\n"
                "It has 501 characters; I can take 500. Shorten it, and try `/veo` again."
            ),
        ),
        (
            NegativePromptUnprintable(),
            (
                "✏️ **There's nothing to read in your negative prompt**\n"
                "It holds only spaces or invisible characters. "
                "Say what should not be seen, or leave it out, and try `/veo` again."
            ),
        ),
        (
            UnknownOption("model", "Veo 3.1", ("Veo 3.1 Fast", "Veo 3.1 Lite")),
            (
                "✏️ **I can't do `model` Veo 3.1**\n"
                "Possible: Veo 3.1 Fast, Veo 3.1 Lite. Choose one of these, and try `/veo` again."
            ),
        ),
        (
            UnknownOption("duration", "7 s", ("4 s", "6 s", "8 s")),
            (
                "✏️ **I can't do `duration` 7 s**\n"
                "Possible: 4 s, 6 s, 8 s. Choose one of these, and try `/veo` again."
            ),
        ),
        (
            NeedsFullLength(Resolution.P1080, 8),
            (
                "✏️ **1080p needs 8 s**\nThe model makes 1080p only at 8 s. "
                "Choose `duration` 8 s or a lower `resolution`, and try `/veo` again."
            ),
        ),
        (
            WrongChannel((ChannelId(11), ChannelId(12))),
            "📍 **I don't make videos in this channel**\nTry `/veo` in <#11>, <#12>.",
        ),
        (
            NotAgeRestricted(),
            (
                "🔞 **Only in age-restricted channels**\n"
                "Whoever runs this bot allows videos there only. Try `/veo` in one of them."
            ),
        ),
        (
            OverQuota(5, DAY, NEXT),
            (
                "🕓 **You've used your 5 videos for these 24 hours**\n"
                "Your next one is possible <t:1764040000:R>, at <t:1764040000:t>."
            ),
        ),
        (
            OverQuota(1, timedelta(hours=1), NEXT),
            (
                "🕓 **You've used your video for this hour**\n"
                "Your next one is possible <t:1764040000:R>, at <t:1764040000:t>."
            ),
        ),
        (
            OverQuota(5, timedelta(hours=72), NEXT),
            (
                "🕓 **You've used your 5 videos for these 72 hours**\n"
                "Your next one is possible <t:1764040000:R>, at <t:1764040000:f>."
            ),
        ),
        (
            BudgetSpent(NEXT),
            (
                "🕓 **The budget for videos is used up**\n"
                "Everybody here shares it, and it counts the last 24 hours. Your allowance is unchanged.\n"
                "The next video is possible <t:1764040000:R>, at <t:1764040000:t>."
            ),
        ),
        (
            BudgetSpent(None),
            (
                "🕓 **This video costs more than a whole day's budget**\n"
                "A shorter one, a lower `resolution`, a cheaper `model` or one without sound may fit. "
                "Your allowance is unchanged."
            ),
        ),
        (
            QueueFull(100),
            (
                "🕓 **The line is full**\n"
                "100 videos are waiting already. Your allowance is unchanged. "
                "The next place is free in a few minutes: try `/veo` again then."
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_refusal_says_why_and_hands_the_prompt_back(refusal: Refusal, text: str) -> None:
    assert refusals.refused(refusal, FOX) == text + BACK


def test_a_negative_prompt_is_handed_back_with_the_prompt() -> None:
    text = refusals.refused(QueueFull(100), FOX, "rain, ```umbrellas")
    assert text.endswith(
        f"{BACK}\nAnd what should not be in it:\n```\nrain, `\u200b`\u200b`\u200bumbrellas\n```"
    )
    assert refusals.unavailable(Unavailable.STOPPING, FOX, "rain").endswith("```\nrain\n```")
    assert refusals.refused(NegativePromptUnprintable(), FOX, "\u200b").endswith(BACK)


@given(st.text(min_size=5, max_size=1000), st.text(min_size=1, max_size=500))
def test_the_longest_prompts_are_handed_back_in_one_message(prompt: str, negative_prompt: str) -> None:
    text = refusals.refused(NegativePromptTooLong(6000), prompt, negative_prompt)
    assert length(text) <= 2000
    assert text.count("```") == 4


def test_prompts_of_ordinary_letters_are_handed_back_whole() -> None:
    text = refusals.refused(QueueFull(100), "f" * 1000, "r" * 500)
    assert "f" * 1000 in text
    assert "r" * 500 in text


def test_a_prompt_of_nothing_is_not_handed_back() -> None:
    assert refusals.refused(PromptUnprintable(), "\u200b\u200b\u200b\u200b\u200b") == (
        "✏️ **There's nothing to read in your prompt**\n"
        "It holds only spaces or invisible characters. Say what should be seen, and try `/veo` again."
    )


def test_beside_a_prompt_of_nothing_the_negative_prompt_is_handed_back() -> None:
    text = refusals.refused(PromptUnprintable(), "\u200b\u200b\u200b\u200b\u200b", "fog, rain")
    assert text.startswith("✏️ **There's nothing to read in your prompt**")
    assert text.endswith("```\nfog, rain\n```")
    assert text.count("```") == 2


@pytest.mark.parametrize("reason", list(Unavailable))
def test_whoever_cannot_be_let_in_is_told_that_nothing_was_charged(reason: Unavailable) -> None:
    text = refusals.unavailable(reason, FOX)
    assert "Nothing was charged" in text
    assert text.endswith(BACK)


def test_a_hundred_allowed_channels_are_not_all_named() -> None:
    text = refusals.refused(WrongChannel(tuple(ChannelId(n) for n in range(100, 200))), FOX)
    assert "<#109> and 90 more" in text
    assert "<#110>" not in text


@given(st.text(max_size=6000))
def test_a_prompt_cannot_break_out_of_its_code_block(prompt: str) -> None:
    text = refusals.refused(PromptLength(len(prompt) + 1001), prompt)
    assert length(text) <= 2000
    assert text.count("```") == 2
    assert text.endswith("\n```")


@given(st.text(alphabet="`\n a", max_size=50), st.integers(40, 300))
def test_backticks_stay_backticks_and_fences_stay_ours(text: str, room: int) -> None:
    block = code_block(text, room)
    assert block.count("```") == 2
    inside = block.removeprefix("```").removesuffix("```")
    if ELLIPSIS not in inside:
        assert inside.count("`") == text.count("`")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a *bold* _red_ fox", r"> a \*bold\* \_red\_ fox"),
        ("# heading", r"> \# heading"),
        ("- item", r"> \- item"),
        ("+ item", r"> \+ item"),
        ("12. item", r"> 12\. item"),
        ("> quote", r"> \> quote"),
        ("-# small", r"> \-\# small"),
        ("slow-motion at 2.5x", "> slow-motion at 2.5x"),
        ("[click](https://evil.example)", r"> \[click\]\(https:\/\/evil.example\)"),
        ("discord.gg/abc", r"> discord.gg\/abc"),
        ("@everyone", "> @\u200beveryone"),
        ("<@123>", "> \\<@\u200b123\\>"),
        ("<t:1764000360:R>", r"> \<t:1764000360:R\>"),
        ("a\nb\r\n\tc\u2028d\x00\x1be\u202ef", "> a b c def"),
        ("||spoiler|| ```code``` ~~gone~~", r"> \|\|spoiler\|\| \`\`\`code\`\`\` \~\~gone\~\~"),
        ("👨‍👩‍👧 in the snow", "> 👨‍👩‍👧 in the snow"),
        ("back\\slash", r"> back\\slash"),
    ],
)
def test_a_quote_shows_the_words_and_does_nothing(text: str, quoted: str) -> None:
    assert quote(text, 200) == quoted


@given(st.text(), st.integers(3, 100))
def test_a_quote_fits_and_never_ends_in_half_an_escape(text: str, room: int) -> None:
    quoted = quote(text, room)
    assert length(quoted) <= room
    stem = quoted.removesuffix("…")
    assert (len(stem) - len(stem.rstrip("\\"))) % 2 == 0


def test_a_text_too_long_ends_in_an_ellipsis() -> None:
    assert shorten("one two three", 8) == "one two…"


@pytest.mark.parametrize(
    ("prompt", "stem"),
    [
        (FOX, "red-fox-running"),
        ("The cat's Café at 5 o'clock", "cats-cafe-5"),
        ("../../etc/passwd", "etc-passwd"),
        ("🦊", "video"),
        ("a", "video"),
    ],
)
def test_a_file_is_named_after_the_prompts_first_words(prompt: str, stem: str) -> None:
    assert file_stem(prompt, 3) == stem

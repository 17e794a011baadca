"""What a member reads who was not let in. Shown to that member only, so the prompt is handed back in full."""

from datetime import datetime, timedelta
from typing import assert_never

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
from veobot.core.request import MAX_NEGATIVE_PROMPT_LENGTH, PROMPT_LENGTHS

from .cards import CONTENT_LIMIT
from .markdown import code_block, length, quote
from .texts import en

CHANNELS_NAMED = 10
"""As many channels as one line can name."""
LONGEST_VALUE = 100
"""Characters of an option's unknown value that are repeated."""
NEGATIVE_PROMPT_ROOM = 600
"""UTF-16 units for a negative prompt that is handed back; the prompt gets the rest, more than its own longest."""
ONE_DAY = timedelta(hours=24)


def refused(refusal: Refusal, prompt: str, negative_prompt: str = "") -> str:
    """Say why, when the next one is possible, and hand the prompts back."""
    sentence = _sentence(refusal)
    if isinstance(refusal, NegativePromptUnprintable):
        negative_prompt = ""
    return hand_back(sentence, None if isinstance(refusal, PromptUnprintable) else prompt, negative_prompt)


def unavailable(reason: Unavailable, prompt: str, negative_prompt: str = "") -> str:
    """Say that nobody can be let in at the moment, and hand the prompts back."""
    match reason:
        case Unavailable.NO_RECORDS:
            return hand_back(en.NO_RECORDS, prompt, negative_prompt)
        case Unavailable.STOPPING:
            return hand_back(en.STOPPING, prompt, negative_prompt)
        case _:
            assert_never(reason)


def hand_back(sentence: str, prompt: str | None, negative_prompt: str = "") -> str:
    """Append the prompts in code blocks that they cannot break out of; None is a prompt not worth it."""
    tail = ""
    if negative_prompt:
        tail = f"\n{en.NEGATIVE_PROMPT_BACK}\n{code_block(negative_prompt, NEGATIVE_PROMPT_ROOM)}"
    if prompt is None:
        return sentence + tail
    head = f"{sentence}\n{en.PROMPT_BACK}\n"
    return head + code_block(prompt, CONTENT_LIMIT - length(head + tail)) + tail


def _sentence(refusal: Refusal) -> str:
    match refusal:
        case PromptLength() | PromptUnprintable() | NegativePromptTooLong() | NegativePromptUnprintable():
            return _about_prompts(refusal)
        case UnknownOption(option, value, allowed):
            shown = quote(value, LONGEST_VALUE).removeprefix("> ")
            return en.UNKNOWN_OPTION.format(option=f"`{option}`", value=shown, allowed=", ".join(allowed))
        case NeedsFullLength(resolution, duration_seconds):
            return en.NEEDS_FULL_LENGTH.format(resolution=resolution, duration=duration_seconds)
        case WrongChannel(allowed):
            return en.WRONG_CHANNEL.format(channels=_channels([f"<#{channel}>" for channel in allowed]))
        case NotAgeRestricted():
            return en.NOT_AGE_RESTRICTED
        case OverQuota():
            return _over_quota(refusal)
        case BudgetSpent(next_at):
            return _budget_spent(next_at)
        case QueueFull(waiting):
            return en.QUEUE_FULL.format(waiting=f"{waiting:,}")
        case _:
            assert_never(refusal)


def _about_prompts(
    refusal: PromptLength | PromptUnprintable | NegativePromptTooLong | NegativePromptUnprintable,
) -> str:
    match refusal:
        case PromptLength(characters):
            return _prompt_length(characters)
        case PromptUnprintable():
            return en.PROMPT_UNPRINTABLE
        case NegativePromptTooLong(characters):
            return en.NEGATIVE_PROMPT_TOO_LONG.format(
                length=en.count(characters, "character"), maximum=MAX_NEGATIVE_PROMPT_LENGTH
            )
        case NegativePromptUnprintable():
            return en.NEGATIVE_PROMPT_UNPRINTABLE
        case _:
            assert_never(refusal)


def _prompt_length(characters: int) -> str:
    text = en.PROMPT_TOO_SHORT if characters < PROMPT_LENGTHS.start else en.PROMPT_TOO_LONG
    return text.format(
        length=en.count(characters, "character"),
        minimum=PROMPT_LENGTHS.start,
        maximum=PROMPT_LENGTHS.stop - 1,
    )


def _channels(mentions: list[str]) -> str:
    named = ", ".join(mentions[:CHANNELS_NAMED])
    left = len(mentions) - CHANNELS_NAMED
    return en.MORE_CHANNELS.format(channels=named, count=left) if left > 0 else named


def _over_quota(refusal: OverQuota) -> str:
    # The time of day alone is plain only within a day.
    style = "t" if refusal.window <= ONE_DAY else "f"
    return en.OVER_QUOTA.format(
        videos=en.videos(refusal.quota),
        window=en.window(refusal.window.total_seconds()),
        next_at=int(refusal.next_at.timestamp()),
        style=style,
    )


def _budget_spent(next_at: datetime | None) -> str:
    if next_at is None:
        return en.BUDGET_TOO_SMALL
    return en.BUDGET_SPENT.format(next_at=int(next_at.timestamp()))

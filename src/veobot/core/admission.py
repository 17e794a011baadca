"""The one door: may this member have this video, here and now?

The rules that need no database are checked first; quota, budget and the queue's bound are decided inside the one
transaction that inserts the request, so that ten commands at once cannot pass a quota of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .models import MODELS, Resolution, model_name
from .request import (
    MAX_NEGATIVE_PROMPT_LENGTH,
    PROMPT_LENGTHS,
    SEEDS,
    ChannelId,
    VideoOptions,
    VideoRequest,
)

# -- why a command is refused: each is shown to the member, ephemerally, with the prompt handed back


@dataclass(frozen=True, slots=True)
class PromptLength:
    """The prompt is too short or too long."""

    length: int


@dataclass(frozen=True, slots=True)
class PromptUnprintable:
    """The prompt holds nothing that can be read: only control characters or white space."""


@dataclass(frozen=True, slots=True)
class NegativePromptTooLong:
    """The negative prompt is too long."""

    length: int


@dataclass(frozen=True, slots=True)
class NegativePromptUnprintable:
    """There is a negative prompt, and nothing in it that can be read."""


@dataclass(frozen=True, slots=True)
class UnknownOption:
    """There is no such value, or not for this model; `allowed` are the ones that there are."""

    option: str
    value: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedsFullLength:
    """This resolution exists only at the longest duration."""

    resolution: Resolution
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class WrongChannel:
    """The bot is not allowed here; `allowed` are the channels it is."""

    allowed: tuple[ChannelId, ...]


@dataclass(frozen=True, slots=True)
class NotAgeRestricted:
    """The operator allows the bot in age-restricted channels only."""


@dataclass(frozen=True, slots=True)
class OverQuota:
    """The member's videos for the window are used; `next_at` is when one is possible again."""

    quota: int
    window: timedelta
    next_at: datetime


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """The day's money is used; `next_at` is when enough of it is free again, None if a video costs more than all."""

    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueFull:
    """As many requests wait as may."""

    waiting: int


Refusal = (
    PromptLength
    | PromptUnprintable
    | NegativePromptTooLong
    | NegativePromptUnprintable
    | UnknownOption
    | NeedsFullLength
    | WrongChannel
    | NotAgeRestricted
    | OverQuota
    | BudgetSpent
    | QueueFull
)


class Unavailable(StrEnum):
    """Why nobody can be let in at the moment."""

    NO_RECORDS = "no_records"
    """The database cannot be read or written."""
    STOPPING = "stopping"
    """The process is about to leave."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command was given."""

    channel_id: ChannelId
    parent_id: ChannelId | None
    """A thread's channel."""
    age_restricted: bool


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """What the operator allows."""

    allowed_channels: frozenset[ChannelId]
    """Empty: all. A thread counts as its parent."""
    age_restricted_only: bool
    quota: int
    """Requests a member may make in `quota_window`; at least 1."""
    quota_window: timedelta
    daily_budget_micro_usd: int
    max_waiting: int
    models: tuple[str, ...] = ()
    """Ids of the models that members may choose. Empty: all."""


BUDGET_WINDOW = timedelta(hours=24)
"""The daily budget counts any 24 hours, so that no midnight doubles it."""


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """From when on the store counts."""

    quota_since: datetime
    budget_since: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What is already used, as the admitting transaction sees it."""

    member_requests: Sequence[datetime]
    """When the member's requests that count were asked, since `quota_since`, oldest first."""
    spent_micro_usd: int
    """What is charged since `budget_since`, over all members."""
    waiting: int
    """Incomplete requests that no slot has been found for yet (pending)."""
    charges: Callable[[], Sequence[tuple[datetime, int]]]
    """Reads (asked at, micro-USD) of every charge since `budget_since`, oldest first. Asked only when refusing."""


def check_options(prompt: str, options: VideoOptions) -> Refusal | None:
    """Return why this video cannot be asked for, whoever asks."""
    if len(prompt) not in PROMPT_LENGTHS:
        return PromptLength(len(prompt))
    if not _is_readable(prompt):
        return PromptUnprintable()
    if len(options.negative_prompt) > MAX_NEGATIVE_PROMPT_LENGTH:
        return NegativePromptTooLong(len(options.negative_prompt))
    if options.negative_prompt and not _is_readable(options.negative_prompt):
        return NegativePromptUnprintable()
    if options.seed not in SEEDS:
        return UnknownOption("seed", str(options.seed), (f"{SEEDS[0]} to {SEEDS[-1]:,}",))
    model = MODELS[options.model]
    if options.duration_seconds not in model.durations_seconds:
        allowed = tuple(f"{d} s" for d in model.durations_seconds)
        return UnknownOption("duration", f"{options.duration_seconds} s", allowed)
    if options.resolution not in model.resolutions:
        return UnknownOption("resolution", options.resolution, tuple(model.resolutions))
    full_length = max(model.durations_seconds)
    if options.resolution in model.full_length_only and options.duration_seconds != full_length:
        return NeedsFullLength(options.resolution, full_length)
    return None


def _is_readable(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def check_model(model: str, policy: AdmissionPolicy) -> Refusal | None:
    """Return why this model makes no videos for members: the operator does not offer it, or no longer."""
    offered = policy.models or tuple(MODELS)
    if model in offered:
        return None
    return UnknownOption("model", model_name(model), tuple(map(model_name, offered)))


def check_place(place: Place, policy: AdmissionPolicy) -> Refusal | None:
    """Return why the bot makes no videos here."""
    here = place.parent_id or place.channel_id
    if policy.allowed_channels and not policy.allowed_channels & {here, place.channel_id}:
        return WrongChannel(tuple(sorted(policy.allowed_channels)))
    if policy.age_restricted_only and not place.age_restricted:
        return NotAgeRestricted()
    return None


def check_usage(usage: Usage, policy: AdmissionPolicy, price_micro_usd: int) -> Refusal | None:
    """Return why there is no room for one more request at this price."""
    if len(usage.member_requests) >= policy.quota:
        next_at = next_back_at(usage.member_requests, policy)
        return OverQuota(policy.quota, policy.quota_window, next_at)
    if usage.spent_micro_usd + price_micro_usd > policy.daily_budget_micro_usd:
        return BudgetSpent(_budget_free_at(usage, policy.daily_budget_micro_usd - price_micro_usd))
    if usage.waiting >= policy.max_waiting:
        return QueueFull(usage.waiting)
    return None


def next_back_at(member_requests: Sequence[datetime], policy: AdmissionPolicy) -> datetime:
    """Return when the member may ask for one video more than now; of at least one request, oldest first.

    Where the quota is used, that is when so many have left the window that fewer than `quota` remain.
    """
    leaves_first = member_requests[max(0, len(member_requests) - policy.quota)]
    return leaves_first + policy.quota_window


def _budget_free_at(usage: Usage, room_micro_usd: int) -> datetime | None:
    """Return when so many charges have left the window that at most `room_micro_usd` remain."""
    if room_micro_usd < 0:
        return None
    remaining = usage.spent_micro_usd
    for asked_at, charge in usage.charges():
        remaining -= charge
        if remaining <= room_micro_usd:
            return asked_at + BUDGET_WINDOW
    return None


def check_request(request: VideoRequest, place: Place, policy: AdmissionPolicy) -> Refusal | None:
    """Return the first reason against a request that needs no database."""
    return (
        check_place(place, policy)
        or check_model(request.options.model, policy)
        or check_options(request.prompt, request.options)
    )

"""Rows to domain objects and back. The one place that takes what the database holds at its word, after looking at it.

Each function raises `RowUnreadable` for a value that this version does not know, naming the column; never the value of
a prompt or a token.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import RowMapping

from veobot.core.errors import RowUnreadable
from veobot.core.failures import Failure
from veobot.core.models import AspectRatio, Resolution
from veobot.core.request import (
    ChannelId,
    Delivery,
    GuildId,
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    UserId,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState

E = TypeVar("E", bound=StrEnum)


def request_from_row(row: RowMapping, submissions: Iterable[RowMapping]) -> VideoRequest:
    """Return the request, with its submissions in the order of their attempts."""
    return VideoRequest(
        id=RequestId(integer(row, "id")),
        user_id=UserId(integer(row, "user_id")),
        guild_id=GuildId(integer(row, "guild_id")),
        channel_id=ChannelId(integer(row, "channel_id")),
        application_id=integer(row, "application_id"),
        interaction_token=_text_or_none(row, "interaction_token"),
        upload_limit_bytes=integer(row, "upload_limit_bytes"),
        prompt=text(row, "prompt"),
        options=_options(row),
        created_at=moment(row, "created_at"),
        status=_choice(row, "status", Status),
        failure=_choice_or_none(row, "failure", Failure),
        failure_detail=text(row, "failure_detail"),
        cancel_requested_at=moment_or_none(row, "cancel_requested_at"),
        acknowledged_at=moment_or_none(row, "acknowledged_at"),
        placeholder=_placeholder(row),
        outcome_at=moment_or_none(row, "outcome_at"),
        delivery=_delivery(row),
        closed_at=moment_or_none(row, "closed_at"),
        closure=_choice_or_none(row, "closure", Closure),
        owner=text(row, "owner"),
        epoch=integer(row, "epoch"),
        charged_micro_usd=integer(row, "charged_micro_usd"),
        counts_toward_quota=_flag(row, "counts_toward_quota"),
        submissions=tuple(submission_from_row(submission) for submission in submissions),
    )


def submission_from_row(row: RowMapping) -> Submission:
    """Return the submission."""
    operation = _text_or_none(row, "operation")
    video_uri = _text_or_none(row, "video_uri")
    return Submission(
        request_id=RequestId(integer(row, "request_id")),
        attempt=integer(row, "attempt"),
        prefix=text(row, "prefix"),
        first_intended_at=moment(row, "first_intended_at"),
        intended_at=moment(row, "intended_at"),
        state=_choice(row, "state", SubmissionState),
        operation=None if operation is None else OperationName(operation),
        accepted_at=moment_or_none(row, "accepted_at"),
        ended_at=moment_or_none(row, "ended_at"),
        video_uri=None if video_uri is None else VideoUri(video_uri),
        video_size_bytes=_integer_or_none(row, "video_size_bytes"),
    )


def row_from_request(request: VideoRequest) -> dict[str, object]:
    """Return the columns of the request's own row."""
    placeholder, delivery, options = request.placeholder, request.delivery, request.options
    return {
        "id": request.id,
        "user_id": request.user_id,
        "guild_id": request.guild_id,
        "channel_id": request.channel_id,
        "application_id": request.application_id,
        "interaction_token": request.interaction_token,
        "upload_limit_bytes": request.upload_limit_bytes,
        "prompt": request.prompt,
        "model": options.model,
        "location": options.location,
        "duration_seconds": options.duration_seconds,
        "aspect_ratio": options.aspect_ratio.value,
        "resolution": options.resolution.value,
        "audio": options.audio,
        "seed": options.seed,
        "person_generation": options.person_generation,
        "created_at": request.created_at,
        "status": request.status.value,
        "failure": None if request.failure is None else request.failure.value,
        "failure_detail": request.failure_detail,
        "acknowledged_at": request.acknowledged_at,
        "placeholder_id": None if placeholder is None else placeholder.message_id,
        "placeholder_ephemeral": placeholder is not None and placeholder.ephemeral,
        "outcome_at": request.outcome_at,
        "delivery_route": None if delivery is None else delivery.route.value,
        "delivery_started_at": None if delivery is None else delivery.started_at,
        "outcome_message_id": None if delivery is None else delivery.message_id,
        "closed_at": request.closed_at,
        "closure": None if request.closure is None else request.closure.value,
        "owner": request.owner,
        "epoch": request.epoch,
        "charged_micro_usd": request.charged_micro_usd,
        "counts_toward_quota": request.counts_toward_quota,
        "negative_prompt": options.negative_prompt or None,
        "cancel_requested_at": request.cancel_requested_at,
    }


def _options(row: RowMapping) -> VideoOptions:
    return VideoOptions(
        model=text(row, "model"),
        location=text(row, "location"),
        duration_seconds=integer(row, "duration_seconds"),
        aspect_ratio=_choice(row, "aspect_ratio", AspectRatio),
        resolution=_choice(row, "resolution", Resolution),
        audio=_flag(row, "audio"),
        seed=integer(row, "seed"),
        person_generation=text(row, "person_generation"),
        negative_prompt=_text_or_none(row, "negative_prompt") or "",
    )


def _placeholder(row: RowMapping) -> Placeholder | None:
    message_id = _integer_or_none(row, "placeholder_id")
    if message_id is None:
        return None
    return Placeholder(MessageId(message_id), _flag(row, "placeholder_ephemeral"))


def _delivery(row: RowMapping) -> Delivery | None:
    route = _choice_or_none(row, "delivery_route", DeliveryRoute)
    if route is None:
        return None
    message_id = _integer_or_none(row, "outcome_message_id")
    return Delivery(
        route,
        moment(row, "delivery_started_at"),
        None if message_id is None else MessageId(message_id),
    )


# -- single values


def text(row: RowMapping, column: str) -> str:
    """Return a column's text."""
    value: object = row[column]
    if isinstance(value, str):
        return value
    raise _wrong_kind(column, value, "a text")


def integer(row: RowMapping, column: str) -> int:
    """Return a column's whole number."""
    value: object = row[column]
    if isinstance(value, int):
        return value
    raise _wrong_kind(column, value, "a whole number")


def moment(row: RowMapping, column: str) -> datetime:
    """Return a column's time."""
    value: object = row[column]
    if isinstance(value, datetime):
        return value
    raise _wrong_kind(column, value, "a time")


def moment_or_none(row: RowMapping, column: str) -> datetime | None:
    """Return a column's time, if it has one."""
    return None if row[column] is None else moment(row, column)


def _flag(row: RowMapping, column: str) -> bool:
    value: object = row[column]
    if isinstance(value, bool):
        return value
    raise _wrong_kind(column, value, "yes or no")


def _text_or_none(row: RowMapping, column: str) -> str | None:
    return None if row[column] is None else text(row, column)


def _integer_or_none(row: RowMapping, column: str) -> int | None:
    return None if row[column] is None else integer(row, column)


def _choice(row: RowMapping, column: str, words: type[E]) -> E:
    word = text(row, column)
    try:
        return words(word)
    except ValueError:
        raise RowUnreadable(
            f"{column} is {word!r}, which this version of veobot does not know; run the version that wrote it",
            fix="Run the version that wrote it, or a newer one",
        ) from None


def _choice_or_none(row: RowMapping, column: str, words: type[E]) -> E | None:
    return None if row[column] is None else _choice(row, column, words)


def _wrong_kind(column: str, value: object, expected: str) -> RowUnreadable:
    return RowUnreadable(
        f"{column} holds {type(value).__name__} instead of {expected}: the row is damaged",
        fix=f"Stop the bot, put what a backup has in {column} (or mend it by hand), and start it again",
    )

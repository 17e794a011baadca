"""What Discord's refusals mean to the core."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from veobot.core.errors import (
    Ambiguous,
    MessageGone,
    MessageRefused,
    OperatorNeeded,
    Permanent,
    Retryable,
    TokenExpired,
    TooLarge,
    Unreachable,
    VeobotError,
)

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
TOO_LARGE = 40005
ALREADY_ACKNOWLEDGED = 40060
NO_ACCESS = 50001
NO_PERMISSION = 50013
TOKEN_EXPIRED = 50027
THREAD_ARCHIVED = 50083
THREAD_LOCKED = 160005
REPLY_NOT_ALLOWED = 160002
OLD_MESSAGE_EDITED_TOO_OFTEN = 30046
BLOCKED_BY_CLOUDFLARE = 40333
"""No refusal of Discord's own; neither is one without a code, as proxies and gateways give them."""

PROOF_OF_UNREACHABILITY = frozenset({UNKNOWN_CHANNEL, NO_ACCESS, NO_PERMISSION, THREAD_LOCKED})
"""What proves, before paying, that the member cannot be told. An archived thread is none: the outcome reopens it."""

OLD_MESSAGE_PAUSE_SECONDS = 300.0
"""Edits of messages older than an hour are counted over a long, undocumented window."""
BLOCKED_PAUSE_SECONDS = 60.0
"""Whoever stands before Discord (Cloudflare) blocks for minutes; each further call would prolong it."""

OPEN_THE_THREAD = (
    "Open and unlock the thread, or give the bot Manage Threads there; "
    "where it is not locked, Send Messages will do"
)
_FIXES = {
    UNKNOWN_CHANNEL: "None: the channel was deleted",
    THREAD_ARCHIVED: OPEN_THE_THREAD,
    THREAD_LOCKED: OPEN_THE_THREAD,
}
"""What the operator can do where it is more than what `Unreachable` says by itself."""

RENEW_BOT_ACCESS = (
    "Put the bot's current token into VEOBOT_DISCORD_TOKEN (Discord developer portal, page Bot, Reset Token) "
    "and restart"
)


class UnknownWebhook(TokenExpired):
    """Discord knows no such interaction (10015): never acknowledged, or its token is dead."""


class AlreadyAcknowledged(Permanent):
    """The interaction was acknowledged before (40060): by an answer of ours that got lost."""


class AcknowledgedTooLate(Permanent):
    """The interaction is no longer waiting (10062)."""


class ReplyNotAllowed(MessageRefused):
    """The bot may not reply here, since it may not read the history (160002)."""


_REFUSALS: dict[int, type[Permanent]] = {
    UNKNOWN_MESSAGE: MessageGone,
    UNKNOWN_WEBHOOK: UnknownWebhook,
    UNKNOWN_INTERACTION: AcknowledgedTooLate,
    TOO_LARGE: TooLarge,
    ALREADY_ACKNOWLEDGED: AlreadyAcknowledged,
    TOKEN_EXPIRED: TokenExpired,
    REPLY_NOT_ALLOWED: ReplyNotAllowed,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Discord's that is no success."""

    status: int
    code: int
    """Discord's own; 0 where it gave none."""
    text: str
    retry_after_seconds: float | None

    @classmethod
    def read(cls, status: int, body: bytes, headers: Mapping[str, str]) -> Self:
        """Read an answer, which may be anything."""
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        fields = content if isinstance(content, dict) else {}
        code, text = fields.get("code"), fields.get("message")
        return cls(
            status=status,
            code=code if isinstance(code, int) else 0,
            text=text if isinstance(text, str) else "",
            retry_after_seconds=_seconds(fields.get("retry_after"), headers.get("Retry-After")),
        )


def _seconds(*candidates: object) -> float | None:
    for candidate in candidates:
        try:
            return max(0.0, float(str(candidate)))
        except ValueError:
            continue
    return None


def translated(answer: Answer, *, by_token: bool) -> VeobotError:
    """Return what this answer means; `by_token`: the call was authorized by an interaction's token."""
    reason = f"Discord answered {answer.status}, code {answer.code}: {answer.text or 'no text'}"
    by_code = _by_code(answer, reason)
    if by_code is not None:
        return by_code
    match answer.status:
        case 401 if by_token:
            return TokenExpired(reason)
        case 401:
            return OperatorNeeded(reason, fix=RENEW_BOT_ACCESS)
        case 413:
            return TooLarge(reason)
        case 429:
            pause = answer.retry_after_seconds
            return Retryable(reason, retry_after_seconds=BLOCKED_PAUSE_SECONDS if pause is None else pause)
        case 403 if answer.code == 0:
            return Retryable(reason, retry_after_seconds=BLOCKED_PAUSE_SECONDS)
        case status if 400 <= status < 500 and answer.code not in {0, BLOCKED_BY_CLOUDFLARE}:
            return MessageRefused(reason)
        case _:
            return Ambiguous(reason)


def _by_code(answer: Answer, reason: str) -> VeobotError | None:
    if answer.code in _FIXES:
        return Unreachable(reason, discord_code=answer.code, fix=_FIXES[answer.code])
    if answer.code in {NO_ACCESS, NO_PERMISSION}:
        return Unreachable(reason, discord_code=answer.code)
    if answer.code == OLD_MESSAGE_EDITED_TOO_OFTEN:
        pause = max(OLD_MESSAGE_PAUSE_SECONDS, answer.retry_after_seconds or 0.0)
        return Retryable(reason, retry_after_seconds=pause)
    refusal = _REFUSALS.get(answer.code)
    return refusal(reason) if refusal else None

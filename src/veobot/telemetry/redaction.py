"""Takes secrets and prompts out of whatever is about to be logged."""

import re
from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime

REDACTED = "***"

_SECRET_FIELDS = frozenset(
    {
        "authorization",
        "content",
        "interaction_token",
        "negative_prompt",
        "password",
        "prompt",
        "secret",
        "token",
    }
)
"""Fields that are never logged, whatever they hold: an event that names one has a mistake."""

_MIN_SECRET_CHARACTERS = 8
"""A shorter secret would be found inside ordinary words."""

_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # Discord's addresses that hold an interaction's token, as in discord.py's rate-limit warnings.
        (r"(/webhooks/\d+/)[\w.-]{16,}", rf"\1{REDACTED}"),
        (r"(/interactions/\d+/)[\w.-]{16,}", rf"\1{REDACTED}"),
        # Authorization headers, and Google's access tokens by themselves.
        (r"\b(bearer|bot)\s+[\w.~+/=-]{16,}", rf"\1 {REDACTED}"),
        (r"\bya29\.[\w.-]+", REDACTED),
        # The bot's token: the id in base64, a time, a signature.
        (r"\b[MNO][\w-]{22,}\.[\w-]{6}\.[\w-]{27,}", REDACTED),
        # The query of signed addresses: Cloud Storage's and Discord's CDN's.
        (r"\?[^\s\"'<>]*\b(?:X-Goog-|GoogleAccessId|Signature=|hm=)[^\s\"'<>]*", f"?{REDACTED}"),
        # Private keys.
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)", REDACTED),
    )
)


class Redactor:
    """A structlog processor; put it after the one that turns exceptions into text.

    Args:
        secrets: texts that never may be seen, such as the bot's token.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _MIN_SECRET_CHARACTERS}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        """Return the event without secrets."""
        for name, value in event.items():
            event[name] = REDACTED if name.lower() in _SECRET_FIELDS else self._cleaned(value)
        return event

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def _cleaned(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {
                str(k): REDACTED if str(k).lower() in _SECRET_FIELDS else self._cleaned(v)
                for k, v in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._cleaned(item) for item in value]
        return self.text(value.isoformat() if isinstance(value, datetime) else str(value))

"""What the codes at the end of Google's safety messages mean, in words."""

import re

_CATEGORIES: dict[str, tuple[str, ...]] = {
    "children": ("58061214", "17301594"),
    "a celebrity": ("29310472", "15236754"),
    "unsafe video content": ("64151117", "42237218"),
    "dangerous content": ("62263041",),
    "hate": ("57734940", "22137204"),
    "other safety concerns": ("74803281", "29578790", "42876398"),
    "prohibited content": ("89371032", "49114662", "63429089", "72817394", "60599140"),
    "content that belongs to others": ("35561574", "35561575"),
    "sexual content": ("90789179", "43188360"),
    "toxic language": ("78610348",),
    "violence": ("61493863", "56562880"),
    "vulgar language": ("32635315",),
}
"""Support codes by category, as Google's page on responsible AI for Veo listed them in November 2026."""

_BY_CODE = {code: category for category, codes in _CATEGORIES.items() for code in codes}

_CODE = re.compile(r"(?<!\d)\d{8}(?!\d)")

_SAFETY_WORDS = ("usage guidelines", "responsible ai", "safety", "violat", "support code", "prohibited")
"""What every message of the safety filter that was seen has at least one of, in lower case."""


def category(detail: str) -> str | None:
    """Return what the filter took the request for, by the first code that is known; None without one."""
    return next((_BY_CODE[code] for code in _CODE.findall(detail) if code in _BY_CODE), None)


def mentions_safety(message: str) -> bool:
    """Whether this message of Google's is the safety filter's."""
    lower = message.lower()
    return category(message) is not None or any(word in lower for word in _SAFETY_WORDS)

"""Members' words inside the bot's own messages: shown as they are, doing nothing.

A prompt is untrusted: it may hold markdown, mentions, links that unfold, fences, newlines and invisible characters.
"""

import re
import unicodedata
from collections.abc import Iterator

ZERO_WIDTH_SPACE = "\u200b"
JOINERS = frozenset("\u200c\u200d")
"""Invisible, but part of words (Persian) and of emoji families."""
MARKUP = frozenset("\\*_`~|<>[]()#/")
"""What can begin markdown, a mention, a time, an emoji or (the slash) an address that Discord would unfold."""
ELLIPSIS = "…"


def length(text: str) -> int:
    """Return how long a text is in UTF-16 units: no shorter than however Discord counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def flatten(text: str) -> str:
    """Return the text in one line, without control characters and other invisible ones."""
    spaced = "".join(" " if c.isspace() else c for c in text if c.isspace() or _is_visible(c))
    return " ".join(spaced.split())


def quote(text: str, room: int) -> str:
    """Return the text as a one-line block quote of at most `room` UTF-16 units in which nothing is markup."""
    return "> " + _fit(list(_escaped(flatten(text))), room - 2)


def code_block(text: str, room: int) -> str:
    """Return the text in a code block of at most `room` UTF-16 units that its own backticks cannot end."""
    lines = (flatten(line) for line in text.splitlines())
    body = "\n".join(line for line in lines if line)
    # A zero-width space between neighbours leaves each backtick to be read and copied.
    atoms = [c + ZERO_WIDTH_SPACE if c == "`" else c for c in body]
    return f"```\n{_fit(atoms, room - 8)}\n```"


def shorten(text: str, room: int) -> str:
    """Return the text in one line of at most `room` UTF-16 units, as plain words."""
    return _fit(list(flatten(text)), room)


def file_stem(text: str, words: int) -> str:
    """Return the first telling words of a text as a file's name: `red-fox-running`; `video` where there are none."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    telling = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in _FILLERS]
    return "-".join(word[:_MAX_WORD] for word in telling[:words]) or "video"


_FILLERS = frozenset({"a", "an", "and", "at", "in", "of", "on", "the", "to", "with"})
_MAX_WORD = 24


def _is_visible(character: str) -> bool:
    return character in JOINERS or not unicodedata.category(character).startswith("C")


def _escaped(line: str) -> Iterator[str]:
    """Yield each character so that Discord shows just it; a cut between two of them is harmless."""
    for index, character in enumerate(line):
        if character == "@":
            yield "@" + ZERO_WIDTH_SPACE
        elif character in MARKUP or _begins_list(line, index):
            yield "\\" + character
        else:
            yield character


def _begins_list(line: str, index: int) -> bool:
    """Tell whether the character would make the line an item: "- …", "+ …" or "1. …"."""
    if index == 0:
        return line[0] in "-+"
    return line[index] == "." and line[:index].isdigit()


def _fit(atoms: list[str], room: int) -> str:
    """Join as many atoms as there is room for, and end in an ellipsis where some had to go."""
    whole = "".join(atoms)
    if length(whole) <= room:
        return whole
    kept: list[str] = []
    left = room - length(ELLIPSIS)
    for atom in atoms:
        left -= length(atom)
        if left < 0:
            break
        kept.append(atom)
    return "".join(kept) + ELLIPSIS

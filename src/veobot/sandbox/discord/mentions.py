"""Who a message mentions, and whom of them it pings: Discord's `allowed_mentions`."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from veobot.sandbox.discord.form import Fields

MAX_ALLOWED_IDS = 100
_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")
# Between backticks nothing is a mention.
_CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]*`", re.DOTALL)
_KINDS = ("roles", "users", "everyone")


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """What a request lets its text mention.

    `users` and `roles` of None mean: whoever is named in the text.
    """

    users: frozenset[int] | None
    roles: frozenset[int] | None
    everyone: bool
    replied_user: bool


# Without the field the text mentions whom it names, and a reply pings the author it replies to.
EVERYTHING = AllowedMentions(users=None, roles=None, everyone=True, replied_user=True)


@dataclass(frozen=True, slots=True)
class Mentions:
    """Who a text mentions, in the order of the text."""

    user_ids: tuple[int, ...]
    role_ids: tuple[int, ...]
    everyone: bool


def read_allowed_mentions(message: Fields) -> AllowedMentions:
    """Read a message's `allowed_mentions`."""
    fields = message.child("allowed_mentions")
    if fields is None:
        return EVERYTHING
    kinds = fields.items("parse", maximum=len(_KINDS))
    for index, kind in enumerate(kinds):
        if kind not in _KINDS:
            path = (*fields.path, "parse", str(index))
            fields.form.complain(path, "BASE_TYPE_CHOICES", f"Value must be one of {_KINDS}.")
    listed: dict[str, frozenset[int] | None] = {}
    for name in ("users", "roles"):
        ids = frozenset(fields.snowflakes(name, maximum=MAX_ALLOWED_IDS))
        if name in kinds and ids:
            sentence = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            fields.complain("", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", sentence)
        listed[name] = None if name in kinds else ids
    return AllowedMentions(
        users=listed["users"],
        roles=listed["roles"],
        everyone="everyone" in kinds,
        replied_user=fields.boolean("replied_user") or False,
    )


def mentions_in(
    text: str,
    allowed: AllowedMentions,
    *,
    known_users: Collection[int],
    known_roles: Collection[int],
    may_mention_everyone: bool,
) -> Mentions:
    """Return whom the text mentions, as far as they exist and are allowed."""
    text = _CODE.sub("", text)
    users = _ids(_USER, text, known_users, allowed.users)
    roles = _ids(_ROLE, text, known_roles, allowed.roles)
    everyone = may_mention_everyone and allowed.everyone and _EVERYONE.search(text) is not None
    return Mentions(users, roles, everyone)


def _ids(
    pattern: re.Pattern[str], text: str, known: Collection[int], allowed: Collection[int] | None
) -> tuple[int, ...]:
    found = dict.fromkeys(int(digits) for digits in pattern.findall(text))
    return tuple(number for number in found if number in known and (allowed is None or number in allowed))

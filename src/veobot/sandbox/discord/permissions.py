"""Discord's permissions, and what the bot may do in a channel."""

from collections.abc import Iterable
from enum import IntFlag


class Permission(IntFlag):
    """The permissions that matter to a bot that answers commands; values from Discord's documentation."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


NO_PERMISSIONS = Permission(0)

# What @everyone has in a new guild, as far as listed above.
EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


def permissions_named(names: Iterable[str]) -> Permission:
    """Return the set of the permissions with these documented names.

    Raises:
        KeyError: with the first name that is unknown.
    """
    result = NO_PERMISSIONS
    for name in names:
        result |= Permission[name]
    return result


def permissions_in(base: Permission, allow: Permission, deny: Permission) -> Permission:
    """Return what is left of the guild-wide permissions under a channel's overwrite.

    Without VIEW_CHANNEL nothing else is left; an administrator has everything.
    """
    if Permission.ADMINISTRATOR in base:
        return Permission(sum(Permission))
    granted = (base & ~deny) | allow
    return granted if Permission.VIEW_CHANNEL in granted else NO_PERMISSIONS

"""What Discord remembers: guild, channels, members, messages, commands, interactions. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from pathlib import Path

from veobot.sandbox.discord.permissions import NO_PERMISSIONS, Permission
from veobot.sandbox.ledger import JsonValue

# A JSON object that is being built.
Payload = dict[str, JsonValue]

# The default upload limit of a guild without boosts, until September 2026.
DEFAULT_UPLOAD_LIMIT_BYTES = 10 * 1024 * 1024


class ChannelType(IntEnum):
    """The kinds of channel that the sandbox has."""

    TEXT = 0
    DM = 1
    VOICE = 2
    PUBLIC_THREAD = 11


class MessageType(IntEnum):
    """The kinds of message that the sandbox makes."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    """What a message's `flags` say."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS = MessageFlag(0)


class InteractionType(IntEnum):
    """What a member did."""

    APPLICATION_COMMAND = 2
    MESSAGE_COMPONENT = 3
    MODAL_SUBMIT = 5


@dataclass(slots=True)
class User:
    """An account, the bot's or a human's."""

    id: int
    username: str
    global_name: str | None
    bot: bool = False


@dataclass(slots=True)
class Member:
    """A user in the guild."""

    user: User
    joined_at: datetime
    roles: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Role:
    """A role; that of @everyone has the guild's own id."""

    id: int
    name: str
    position: int
    permissions: Permission
    managed: bool = False


@dataclass(slots=True)
class Thread:
    """What only a thread has."""

    parent_id: int
    owner_id: int
    created_at: datetime
    archived: bool = False
    locked: bool = False
    archive_timestamp: datetime | None = None


@dataclass(slots=True)
class Channel:
    """A channel or thread; `allow` and `deny` are its overwrite for the bot."""

    id: int
    type: ChannelType
    name: str
    position: int = 0
    nsfw: bool = False
    topic: str | None = None
    allow: Permission = NO_PERMISSIONS
    deny: Permission = NO_PERMISSIONS
    thread: Thread | None = None
    recipient: User | None = None
    message_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Guild:
    """The one guild of the world."""

    id: int
    name: str
    owner_id: int
    upload_limit_bytes: int = DEFAULT_UPLOAD_LIMIT_BYTES
    premium_tier: int = 0
    features: list[str] = field(default_factory=list)
    bot_present: bool = True
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)


@dataclass(slots=True)
class Attachment:
    """A file of a message; its bytes lie in `path`."""

    id: int
    channel_id: int
    filename: str
    size: int
    content_type: str | None
    path: Path
    description: str | None = None
    ephemeral: bool = False


@dataclass(slots=True)
class InteractionMetadata:
    """By which interaction a message came to be."""

    id: int
    type: InteractionType
    user: User
    name: str
    guild_id: int
    interacted_message_id: int | None = None
    original_response_message_id: int | None = None
    triggering: "InteractionMetadata | None" = None


@dataclass(slots=True)
class Message:
    """A message as it now stands. `mention_ids` are those whose names Discord resolves, not those it pings."""

    id: int
    channel_id: int
    author: User
    timestamp: datetime
    type: MessageType = MessageType.DEFAULT
    content: str = ""
    embeds: list[Mapping[str, JsonValue]] = field(default_factory=list)
    components: list[Mapping[str, JsonValue]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: MessageFlag = NO_FLAGS
    mention_ids: list[int] = field(default_factory=list)
    mention_role_ids: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    tts: bool = False
    edited_at: datetime | None = None
    reply_to: int | None = None
    interaction: InteractionMetadata | None = None
    old_edits: int = 0

    @property
    def ephemeral(self) -> bool:
        """Whether only the member who caused it sees it."""
        return MessageFlag.EPHEMERAL in self.flags


@dataclass(slots=True)
class Command:
    """A registered application command: its ids and the body with which it was registered."""

    id: int
    version: int
    guild_id: int | None
    body: Mapping[str, JsonValue]

    @property
    def name(self) -> str:
        """The name that members type."""
        return str(self.body["name"])

    @property
    def type(self) -> int:
        """1 chat input, 2 user, 3 message."""
        kind = self.body.get("type")
        return kind if isinstance(kind, int) else 1


@dataclass(slots=True)
class Interaction:
    """One command, button or modal of a member, and how far the bot has answered it."""

    id: int
    token: str
    type: InteractionType
    user: User
    channel_id: int
    guild_id: int
    name: str
    data: Mapping[str, JsonValue]
    expires_at: datetime
    attachment_size_limit: int
    dispatched_at_monotonic: float | None = None
    acknowledged: bool = False
    response_message_id: int | None = None
    source_message_id: int | None = None
    parent: "Interaction | None" = None
    modal: Mapping[str, JsonValue] | None = None
    message_ids: set[int] = field(default_factory=set)

    def metadata(self) -> InteractionMetadata:
        """Return what its response's `interaction_metadata` says."""
        return InteractionMetadata(
            id=self.id,
            type=self.type,
            user=self.user,
            name=self.name,
            guild_id=self.guild_id,
            interacted_message_id=self.source_message_id,
            original_response_message_id=self.response_message_id,
            triggering=self.parent.metadata() if self.parent else None,
        )

"""Everything the sandbox's Discord remembers, and the world it starts with."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

from veobot.sandbox.discord.model import (
    Attachment,
    Channel,
    ChannelType,
    Command,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    Thread,
    User,
)
from veobot.sandbox.discord.permissions import EVERYONE, NO_PERMISSIONS, Permission, permissions_in
from veobot.sandbox.discord.snowflakes import snowflake_at

# The default world's ids are the snowflakes of this day, the same in every run.
FOUNDED_AT = datetime(2025, 3, 4, 9, 30, tzinfo=UTC)
GUILD_NAME = "Veo Lab"
BOT_NAME = "veobot"
# username -> the name that others see
MEMBER_NAMES = {
    "mira": "Mira",
    "jonas": "Jonas",
    "aiko": "Aiko",
    "tomás": "Tomás",
    "priya": "Priya",
    "sven": "Sven",
    "lea": "Lea",
    "omar": "Omar",
    "nina": "Nina",
    "felix": "Felix",
}


@dataclass(slots=True)
class DiscordState:
    """The whole memory of one world."""

    guild: Guild
    bot: User
    users: dict[int, User] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    commands: dict[int, Command] = field(default_factory=dict)
    interactions: dict[int, Interaction] = field(default_factory=dict)
    interactions_by_token: dict[str, Interaction] = field(default_factory=dict)
    # (author id, nonce) -> id of the message and when it was sent, by the sandbox's clock
    nonces: dict[tuple[int, str], tuple[int, datetime]] = field(default_factory=dict)

    @property
    def application_id(self) -> int:
        """The application's id, which is its bot's too."""
        return self.bot.id

    def reset(self) -> None:
        """Become the default world again, in place, so that everybody who knows this one sees it."""
        fresh = default_state()
        for part in fields(self):
            setattr(self, part.name, getattr(fresh, part.name))

    def attachments_known(self, attachment_id: int) -> bool:
        """Whether a file belongs to a message."""
        return attachment_id in self.attachments

    def guild_channels(self) -> list[Channel]:
        """Return the guild's channels without its threads, in their order."""
        found = (c for c in self.channels.values() if c.type is not ChannelType.DM and c.thread is None)
        return sorted(found, key=lambda channel: (channel.position, channel.id))

    def threads(self) -> list[Channel]:
        """Return all threads, archived ones too."""
        return [channel for channel in self.channels.values() if channel.thread is not None]

    def bot_permissions(self, channel: Channel) -> Permission:
        """Return what the bot may do in a channel; a thread takes its parent's overwrite, then its own."""
        if channel.type is ChannelType.DM:
            return EVERYONE
        if not self.guild.bot_present:
            return NO_PERMISSIONS
        base = self.base_permissions(self.guild.members[self.bot.id].roles)
        if channel.thread is not None and (parent := self.channels.get(channel.thread.parent_id)):
            base = permissions_in(base, parent.allow, parent.deny)
        return permissions_in(base, channel.allow, channel.deny)

    def base_permissions(self, role_ids: Iterable[int]) -> Permission:
        """Return what these roles and @everyone allow together."""
        permissions = self.guild.roles[self.guild.id].permissions
        for role_id in role_ids:
            permissions |= self.guild.roles[role_id].permissions
        return permissions

    def member_permissions(self, user: User) -> Permission:
        """Return what a member may do: the owner everything, the others what their roles allow."""
        if user.id == self.guild.owner_id:
            return Permission(sum(Permission))
        member = self.guild.members.get(user.id)
        return self.base_permissions(member.roles) if member else NO_PERMISSIONS


def default_state() -> DiscordState:
    """Return the world that the sandbox starts with: one guild, three channels, a thread, ten members."""
    ids = iter(range(1, 1000))

    def next_id() -> int:
        number = next(ids)
        return snowflake_at(FOUNDED_AT + timedelta(hours=number, milliseconds=number * 347), number)

    bot = User(next_id(), BOT_NAME, None, bot=True)
    humans = [User(next_id(), username, name) for username, name in MEMBER_NAMES.items()]
    guild = Guild(next_id(), GUILD_NAME, owner_id=humans[0].id)
    bot_role = Role(next_id(), BOT_NAME, 1, NO_PERMISSIONS, managed=True)
    guild.roles = {guild.id: Role(guild.id, "@everyone", 0, EVERYONE), bot_role.id: bot_role}
    for user in (*humans, bot):
        guild.members[user.id] = Member(user, FOUNDED_AT + timedelta(days=30))
    guild.members[bot.id].roles = [bot_role.id]
    state = DiscordState(guild, bot, users={user.id: user for user in (bot, *humans)})

    lab = Channel(next_id(), ChannelType.TEXT, "video-lab", position=0, topic="Ask for a video with /veo")
    general = Channel(next_id(), ChannelType.TEXT, "general", position=1)
    after_dark = Channel(next_id(), ChannelType.TEXT, "after-dark", position=2, nsfw=True)
    thread_id = next_id()
    thread = Thread(parent_id=lab.id, owner_id=humans[0].id, created_at=FOUNDED_AT + timedelta(days=31))
    storyboards = Channel(thread_id, ChannelType.PUBLIC_THREAD, "storyboards", thread=thread)
    state.channels = {channel.id: channel for channel in (lab, general, after_dark, storyboards)}
    return state

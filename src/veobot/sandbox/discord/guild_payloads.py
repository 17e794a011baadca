"""How Discord writes users, guilds, channels, commands and applications as JSON."""

from datetime import datetime

from veobot.sandbox.discord.model import (
    Channel,
    ChannelType,
    Command,
    Guild,
    Member,
    Payload,
    Role,
    User,
)
from veobot.sandbox.discord.permissions import EVERYONE
from veobot.sandbox.discord.state import DiscordState

# The integration type "installed in a guild", under which everything here happens.
GUILD_INSTALL = "0"


LOCALE = "en-US"
PUBLIC_THREAD_AUTO_ARCHIVE_MINUTES = 1440


def iso(moment: datetime) -> str:
    """Return a moment as Discord writes it."""
    return moment.isoformat(timespec="microseconds")


class GuildPayloads:
    """Writes the lasting objects of one world."""

    def __init__(self, state: DiscordState) -> None:
        self._state = state

    def user(self, user: User) -> Payload:
        """A user as everybody sees it."""
        payload: Payload = {
            "id": str(user.id),
            "username": user.username,
            "global_name": user.global_name,
            "avatar": None,
            "discriminator": "0",
            "public_flags": 0,
            "flags": 0,
            "banner": None,
            "accent_color": None,
            "avatar_decoration_data": None,
            "collectibles": None,
            "primary_guild": None,
        }
        return payload | ({"bot": True} if user.bot else {})

    def own_user(self) -> Payload:
        """The bot's account as it sees itself."""
        private: Payload = {"mfa_enabled": False, "locale": LOCALE, "verified": True, "email": None}
        return self.user(self._state.bot) | private

    def member(self, member: Member, *, with_user: bool = True) -> Payload:
        """A user's membership in the guild."""
        payload: Payload = {
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [str(role_id) for role_id in member.roles],
            "joined_at": iso(member.joined_at),
            "premium_since": None,
            "communication_disabled_until": None,
            "pending": False,
            "flags": 0,
            "mute": False,
            "deaf": False,
        }
        return payload | ({"user": self.user(member.user)} if with_user else {})

    def role(self, role: Role) -> Payload:
        """A role of the guild."""
        payload: Payload = {
            "id": str(role.id),
            "name": role.name,
            "permissions": str(role.permissions.value),
            "position": role.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": role.managed,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        return payload | ({"tags": {"bot_id": str(self._state.bot.id)}} if role.managed else {})

    def guild(self, guild: Guild) -> Payload:
        """The guild as `GET /guilds/{id}` shows it."""
        return {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "description": None,
            "home_header": None,
            "splash": None,
            "discovery_splash": None,
            "features": list(guild.features),
            "banner": None,
            "owner_id": str(guild.owner_id),
            "application_id": None,
            "region": "us-west",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "widget_channel_id": None,
            "verification_level": 1,
            "roles": [self.role(role) for role in guild.roles.values()],
            "default_message_notifications": 1,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": None,
            "premium_tier": guild.premium_tier,
            "premium_subscription_count": 0,
            "preferred_locale": LOCALE,
            "rules_channel_id": None,
            "safety_alerts_channel_id": None,
            "public_updates_channel_id": None,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
        }

    def gateway_guild(self, guild: Guild) -> Payload:
        """The guild as GUILD_CREATE brings it: without the privileged intents, with no member but the bot."""
        bot_member = guild.members[self._state.bot.id]
        extra: Payload = {
            "joined_at": iso(bot_member.joined_at),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [self.member(bot_member)],
            "channels": [self.channel(channel) for channel in self._state.guild_channels()],
            "threads": [
                self.channel(thread)
                for thread in self._state.threads()
                if thread.thread and not thread.thread.archived
            ],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }
        return self.guild(guild) | extra

    def channel(self, channel: Channel) -> Payload:
        """A channel, thread or private channel."""
        last = channel.message_ids[-1] if channel.message_ids else None
        payload: Payload = {
            "id": str(channel.id),
            "type": channel.type.value,
            "flags": 0,
            "last_message_id": str(last) if last else None,
        }
        if channel.type is ChannelType.DM:
            recipients = [channel.recipient] if channel.recipient else []
            return payload | {"recipients": [self.user(user) for user in recipients]}
        payload |= {"guild_id": str(self._state.guild.id), "name": channel.name, "rate_limit_per_user": 0}
        return payload | (self._thread(channel) if channel.thread else self._guild_channel(channel))

    def _guild_channel(self, channel: Channel) -> Payload:
        overwrites: list[Payload] = []
        if channel.allow or channel.deny:
            overwrites.append(
                {
                    "id": str(self._state.bot.id),
                    "type": 1,
                    "allow": str(channel.allow.value),
                    "deny": str(channel.deny.value),
                }
            )
        payload: Payload = {
            "position": channel.position,
            "parent_id": None,
            "topic": channel.topic,
            "nsfw": channel.nsfw,
            "permission_overwrites": overwrites,
        }
        if channel.type is ChannelType.VOICE:
            payload |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
        return payload

    def _thread(self, channel: Channel) -> Payload:
        thread = channel.thread
        assert thread is not None
        count = len(channel.message_ids)
        return {
            "parent_id": str(thread.parent_id),
            "owner_id": str(thread.owner_id),
            "message_count": count,
            "total_message_sent": count,
            "member_count": 1,
            "thread_metadata": {
                "archived": thread.archived,
                "archive_timestamp": iso(thread.archive_timestamp or thread.created_at),
                "auto_archive_duration": PUBLIC_THREAD_AUTO_ARCHIVE_MINUTES,
                "locked": thread.locked,
                "create_timestamp": iso(thread.created_at),
            },
        }

    def command(self, command: Command) -> Payload:
        """A registered command."""
        payload: Payload = {
            "id": str(command.id),
            "application_id": str(self._state.application_id),
            "version": str(command.version),
            **command.body,
        }
        return payload | ({"guild_id": str(command.guild_id)} if command.guild_id else {})

    def application(self) -> Payload:
        """The application as its owner and its bot see it."""
        owner = self._state.users[self._state.guild.owner_id]
        install = {"scopes": ["applications.commands", "bot"], "permissions": str(EVERYONE.value)}
        return {
            "id": str(self._state.application_id),
            "name": self._state.bot.username,
            "icon": None,
            "description": "Makes videos.",
            "type": None,
            "bot": self.user(self._state.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "integration_types_config": {GUILD_INSTALL: {"oauth2_install_params": install}},
            "verify_key": "0" * 64,
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.user(owner),
            "approximate_guild_count": int(self._state.guild.bot_present),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": ["applications.commands", "bot"],
            "install_params": install,
        }

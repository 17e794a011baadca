"""Changes to guild and channels, and the gateway events that announce them."""

from collections.abc import Iterable

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord.gateway import Gateway
from veobot.sandbox.discord.messages import Messages
from veobot.sandbox.discord.model import Channel, ChannelType, Payload, Thread, User
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.permissions import permissions_named
from veobot.sandbox.discord.sessions import Intent
from veobot.sandbox.discord.snowflakes import Snowflakes
from veobot.sandbox.discord.state import DiscordState


class Places:
    """Makes, changes and deletes the channels of one world, and lets the bot leave and join the guild."""

    def __init__(
        self,
        *,
        state: DiscordState,
        payloads: Payloads,
        snowflakes: Snowflakes,
        clock: SandboxClock,
        gateway: Gateway,
        messages: Messages,
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._snowflakes = snowflakes
        self._clock = clock
        self._gateway = gateway
        self._messages = messages

    def create(self, name: str, kind: ChannelType, *, parent: Channel | None, nsfw: bool) -> Channel:
        """Make a channel; with a parent, a thread in it."""
        channel = Channel(self._snowflakes.next(), kind, name, nsfw=nsfw)
        if parent is None:
            channel.position = len(self._state.guild_channels())
        else:
            channel.thread = Thread(parent.id, self._state.guild.owner_id, self._clock.now())
        self._state.channels[channel.id] = channel
        self._announce("THREAD_CREATE" if channel.thread else "CHANNEL_CREATE", channel)
        return channel

    def private_channel(self, recipient: User) -> Channel:
        """Return the bot's private channel with a user, a new one if there is none."""
        for channel in self._state.channels.values():
            if channel.recipient is recipient:
                return channel
        channel = Channel(self._snowflakes.next(), ChannelType.DM, "", recipient=recipient)
        self._state.channels[channel.id] = channel
        return channel

    def change(
        self,
        channel: Channel,
        *,
        archived: bool | None = None,
        locked: bool | None = None,
        nsfw: bool | None = None,
        deny: Iterable[str] = (),
        allow: Iterable[str] = (),
    ) -> None:
        """Change what is given; `deny` and `allow` name permissions of the bot.

        Raises:
            KeyError: with the name of a permission that does not exist.
        """
        denied, allowed = permissions_named(deny), permissions_named(allow)
        channel.deny = (channel.deny | denied) & ~allowed
        channel.allow = (channel.allow | allowed) & ~denied
        channel.nsfw = channel.nsfw if nsfw is None else nsfw
        thread = channel.thread
        if thread is not None:
            thread.locked = thread.locked if locked is None else locked
            if archived is not None and archived != thread.archived:
                thread.archived = archived
                thread.archive_timestamp = self._clock.now()
        self._announce("THREAD_UPDATE" if thread else "CHANNEL_UPDATE", channel)

    def delete(self, channel: Channel) -> None:
        """Delete a channel with its messages and threads."""
        for thread in self._state.threads():
            if thread.thread and thread.thread.parent_id == channel.id:
                self.delete(thread)
        self._messages.forget_channel(channel)
        payload = self._payloads.channel(channel)
        del self._state.channels[channel.id]
        if channel.thread is None:
            self._send("CHANNEL_DELETE", payload)
        else:
            self._send(
                "THREAD_DELETE", {key: payload[key] for key in ("id", "guild_id", "parent_id", "type")}
            )

    def change_guild(self) -> None:
        """Announce that the guild's own data changed."""
        self._send("GUILD_UPDATE", self._payloads.guild(self._state.guild))

    def set_bot_present(self, *, present: bool) -> None:
        """Let the bot be thrown out of the guild, or be invited again."""
        guild = self._state.guild
        if guild.bot_present == present:
            return
        guild.bot_present = present
        if present:
            # Only a guild that was there before says whether it is available: by that bots know a new one.
            payload = self._payloads.gateway_guild(guild)
            del payload["unavailable"]
            self._send("GUILD_CREATE", payload)
        else:
            self._send("GUILD_DELETE", {"id": str(guild.id)})

    def _announce(self, event: str, channel: Channel) -> None:
        self._send(event, self._payloads.channel(channel))

    def _send(self, event: str, data: Payload) -> None:
        self._gateway.dispatch(event, data, guild_id=self._state.guild.id, intent=Intent.GUILDS)

"""What moderators, Discord and the network do: channels and messages vanish, rights change, sockets drop."""

from collections.abc import Sequence

from veobot.sandbox.discord.gateway import GATEWAY_ACTIONS
from veobot.sandbox.discord.model import ChannelType
from veobot.sandbox.discord.parts import Parts, WorldError

MAX_PREMIUM_TIER = 3
CREATABLE = (ChannelType.TEXT, ChannelType.VOICE, ChannelType.PUBLIC_THREAD)


class ModeratorActions:
    """Everybody else's side of a world; `channel` takes a name or an id."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def delete_channel(self, channel: str) -> None:
        """Delete a channel with its messages and threads.

        Raises:
            WorldError: if it is not there.
        """
        self._parts.places.delete(self._parts.channel(channel))

    def delete_message(self, message_id: str) -> None:
        """Delete a message.

        Raises:
            WorldError: if it is not there.
        """
        self._parts.messages.delete(self._parts.message(message_id))

    def create_channel(
        self,
        *,
        name: str,
        type: int = ChannelType.TEXT,  # noqa: A002 - the name in Discord's API and in the control API
        parent: str | None = None,
        nsfw: bool = False,
    ) -> str:
        """Make a channel (0 text, 2 voice) or a thread (11, with its parent), and return its id.

        Raises:
            WorldError: if the type is another, or a thread has no parent.
        """
        if type not in CREATABLE:
            raise WorldError(400, "A channel's type is 0 (text), 2 (voice) or 11 (thread).")
        kind = ChannelType(type)
        if (kind is ChannelType.PUBLIC_THREAD) != (parent is not None):
            raise WorldError(400, "A thread, and only a thread, needs a parent.")
        place = self._parts.channel(parent) if parent else None
        return str(self._parts.places.create(name, kind, parent=place, nsfw=nsfw).id)

    def change_channel(
        self,
        channel: str,
        *,
        deny: Sequence[str] = (),
        allow: Sequence[str] = (),
        archived: bool | None = None,
        locked: bool | None = None,
        nsfw: bool | None = None,
    ) -> None:
        """Change a channel, or what the bot may do there.

        Args:
            channel: which.
            deny: names of permissions that the bot loses there, such as VIEW_CHANNEL.
            allow: names of permissions that it has there whatever its roles say; the opposite of `deny`.
            archived: for a thread.
            locked: for a thread.
            nsfw: whether it is for adults.

        Raises:
            WorldError: if the channel is not there, a permission is unknown, or it is no thread.
        """
        place = self._parts.channel(channel)
        if place.thread is None and not archived is locked is None:
            raise WorldError(400, f"{channel} is no thread, and can be neither archived nor locked.")
        try:
            self._parts.places.change(
                place, archived=archived, locked=locked, nsfw=nsfw, deny=deny, allow=allow
            )
        except KeyError as error:
            raise WorldError(400, f"The sandbox knows no permission {error.args[0]}.") from None

    def change_guild(
        self,
        *,
        upload_limit_bytes: int | None = None,
        premium_tier: int | None = None,
        features: Sequence[str] | None = None,
        bot_present: bool | None = None,
    ) -> None:
        """Change the guild's limits, or throw the bot out and invite it again.

        Raises:
            WorldError: if a number is out of its bounds.
        """
        guild = self._parts.state.guild
        if upload_limit_bytes is not None:
            if upload_limit_bytes < 0:
                raise WorldError(400, "An upload limit cannot be negative.")
            guild.upload_limit_bytes = upload_limit_bytes
        if premium_tier is not None:
            if not 0 <= premium_tier <= MAX_PREMIUM_TIER:
                raise WorldError(400, f"A premium tier lies between 0 and {MAX_PREMIUM_TIER}.")
            guild.premium_tier = premium_tier
        if features is not None:
            guild.features = list(features)
        if (premium_tier, features) != (None, None):
            self._parts.places.change_guild()
        if bot_present is not None:
            self._parts.places.set_bot_present(present=bot_present)

    async def gateway_action(self, action: str) -> None:
        """Drop, invalidate or reconnect the gateway's sessions, or refuse and accept connections.

        Raises:
            WorldError: if it is none of these.
        """
        for known in GATEWAY_ACTIONS:
            if action == known:
                self._parts.gateway.act(known)
                return
        raise WorldError(400, f"The gateway's actions are {', '.join(GATEWAY_ACTIONS)}, and not {action}.")

"""Who learns of a message: the ledger always, the gateway as far as the bot may see."""

from veobot.sandbox.discord.gateway import Gateway
from veobot.sandbox.discord.model import ChannelType, Message, Payload
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.permissions import Permission
from veobot.sandbox.discord.sessions import Intent
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue, Ledger


class Announcer:
    """Tells of the messages of one world."""

    def __init__(self, state: DiscordState, payloads: Payloads, ledger: Ledger, gateway: Gateway) -> None:
        self._state = state
        self._payloads = payloads
        self._ledger = ledger
        self._gateway = gateway

    def created(self, message: Message, *, pinged: list[int], nonce: str | int | None) -> None:
        """Tell of a new message, and whom it pinged."""
        self._record("message", message, pinged=pinged, nonce=nonce)
        self._send("MESSAGE_CREATE", message, self._shown(message))

    def edited(self, message: Message, *, previous_content: str) -> None:
        """Tell of an edit, which pings nobody."""
        self._record("edit", message, pinged=[], nonce=None, previous_content=previous_content)
        self._send("MESSAGE_UPDATE", message, self._shown(message))

    def deleted(self, message: Message) -> None:
        """Tell that a message is gone."""
        ids: Payload = {"id": str(message.id), "channel_id": str(message.channel_id)}
        self._ledger.record("delete", message_id=ids["id"], channel_id=ids["channel_id"])
        self._send("MESSAGE_DELETE", message, ids)

    def _record(
        self,
        kind: str,
        message: Message,
        *,
        pinged: list[int],
        nonce: str | int | None,
        **more: JsonValue,
    ) -> None:
        self._ledger.record(
            kind,
            message_id=str(message.id),
            channel_id=str(message.channel_id),
            interaction_id=str(message.interaction.id) if message.interaction else None,
            author_id=str(message.author.id),
            content=message.content,
            embeds=message.embeds,
            attachments=[
                {
                    "filename": file.filename,
                    "size": file.size,
                    "url": self._payloads.attachment_url(file),
                    "description": file.description,
                }
                for file in message.attachments
            ],
            ephemeral=message.ephemeral,
            reply_to=str(message.reply_to) if message.reply_to else None,
            mentions=[str(user_id) for user_id in pinged],
            nonce=nonce,
            **more,
        )

    def _shown(self, message: Message) -> Payload:
        """Return a message as an event brings it: without MESSAGE_CONTENT, others' words stay private."""
        payload = self._payloads.message(message)
        channel = self._state.channels[message.channel_id]
        bot_id = self._state.bot.id
        if channel.type is ChannelType.DM or message.author.id == bot_id or bot_id in message.mention_ids:
            return payload
        return payload | {"content": "", "embeds": [], "attachments": [], "components": []}

    def _send(self, event: str, message: Message, data: Payload) -> None:
        channel = self._state.channels[message.channel_id]
        if message.ephemeral or Permission.VIEW_CHANNEL not in self._state.bot_permissions(channel):
            return
        if channel.type is ChannelType.DM:
            self._gateway.dispatch(event, data, guild_id=None, intent=Intent.DIRECT_MESSAGES)
            return
        guild = self._state.guild
        data = data | {"guild_id": str(guild.id)}
        member = guild.members.get(message.author.id)
        if "author" in data and member is not None:
            data["member"] = self._payloads.member(member, with_user=False)
        self._gateway.dispatch(event, data, guild_id=guild.id, intent=Intent.GUILD_MESSAGES)

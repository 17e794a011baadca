"""How Discord writes messages, attachments and interactions as JSON, in REST answers and events alike."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from veobot.sandbox.discord.guild_payloads import (
    GUILD_INSTALL,
    LOCALE,
    GuildPayloads,
    iso,
)
from veobot.sandbox.discord.model import (
    Attachment,
    ChannelType,
    Interaction,
    InteractionMetadata,
    InteractionType,
    Message,
    MessageType,
    Payload,
)
from veobot.sandbox.discord.permissions import EVERYONE
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue

# An interaction's `context`.
GUILD_CONTEXT = 0
BOT_DM_CONTEXT = 1


class Payloads(GuildPayloads):
    """Writes the objects of one world; `public_url` gives the server's own address for attachments."""

    def __init__(self, state: DiscordState, public_url: Callable[[], str]) -> None:
        super().__init__(state)
        self._public_url = public_url

    def attachment_url(self, attachment: Attachment) -> str:
        """Where the file of a message can be fetched."""
        name = quote(attachment.filename)
        return f"{self._public_url()}/attachments/{attachment.channel_id}/{attachment.id}/{name}"

    def attachment(self, attachment: Attachment) -> Payload:
        """A file of a message."""
        url = self.attachment_url(attachment)
        payload: Payload = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
            "description": attachment.description,
            "ephemeral": attachment.ephemeral or None,
        }
        return {name: value for name, value in payload.items() if value is not None}

    def message(self, message: Message, *, nonce: str | int | None = None, nested: bool = False) -> Payload:
        """A message as it now stands; the nonce is only given back to who sent it."""
        mentioned = [self._state.users[user_id] for user_id in message.mention_ids]
        files = {file.filename: self.attachment(file) for file in message.attachments}
        payload: Payload = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "type": message.type.value,
            "author": self.user(message.author),
            "content": message.content,
            "timestamp": iso(message.timestamp),
            "edited_timestamp": iso(message.edited_at) if message.edited_at else None,
            "tts": message.tts,
            "mention_everyone": message.mention_everyone,
            "mentions": [self.user(user) for user in mentioned],
            "mention_roles": [str(role_id) for role_id in message.mention_role_ids],
            "attachments": [self.attachment(file) for file in message.attachments],
            "embeds": [_with_addresses(embed, files) for embed in message.embeds],
            "components": [_with_addresses(component, files) for component in message.components],
            "flags": message.flags.value,
            "pinned": False,
        }
        if nonce is not None:
            payload["nonce"] = nonce
        if message.interaction is not None:
            payload |= self._of_interaction(message, message.interaction)
        if message.reply_to is not None:
            payload |= self._of_reply(message, message.reply_to, nested=nested)
        return payload

    def _of_interaction(self, message: Message, origin: InteractionMetadata) -> Payload:
        application_id = str(self._state.application_id)
        payload: Payload = {
            "application_id": application_id,
            "webhook_id": application_id,
            "interaction_metadata": self._metadata(origin, message),
        }
        if origin.type is InteractionType.APPLICATION_COMMAND:
            payload["interaction"] = {
                "id": str(origin.id),
                "type": origin.type.value,
                "name": origin.name,
                "user": self.user(origin.user),
            }
        return payload

    def _metadata(self, origin: InteractionMetadata, message: Message | None = None) -> Payload:
        payload: Payload = {
            "id": str(origin.id),
            "type": origin.type.value,
            "user": self.user(origin.user),
            "authorizing_integration_owners": {GUILD_INSTALL: str(origin.guild_id)},
        }
        if message is not None and origin.original_response_message_id not in (None, message.id):
            payload["original_response_message_id"] = str(origin.original_response_message_id)
        if origin.triggering is not None:
            payload["triggering_interaction_metadata"] = self._metadata(origin.triggering)
        elif origin.interacted_message_id is not None:
            payload["interacted_message_id"] = str(origin.interacted_message_id)
        if origin.type is InteractionType.APPLICATION_COMMAND:
            payload |= {"name": origin.name, "command_type": 1}
        return payload

    def _of_reply(self, message: Message, reply_to: int, *, nested: bool) -> Payload:
        reference: Payload = {
            "type": 0,
            "channel_id": str(message.channel_id),
            "message_id": str(reply_to),
            "guild_id": str(self._state.guild.id),
        }
        if nested:
            return {"message_reference": reference}
        original = self._state.messages.get(reply_to)
        shown = self.message(original, nested=True) if original else None
        return {"message_reference": reference, "referenced_message": shown}

    def interaction(self, interaction: Interaction) -> Payload:
        """The INTERACTION_CREATE event."""
        guild = self._state.guild
        channel = self._state.channels[interaction.channel_id]
        payload: Payload = {
            "id": str(interaction.id),
            "application_id": str(self._state.application_id),
            "type": interaction.type.value,
            "data": interaction.data,
            "token": interaction.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": self.channel(channel) | {"permissions": str(EVERYONE.value)},
            "app_permissions": str(self._state.bot_permissions(channel).value),
            "locale": LOCALE,
            "entitlements": [],
            "attachment_size_limit": interaction.attachment_size_limit,
        }
        source = self._state.messages.get(interaction.source_message_id or 0)
        if source is not None:
            payload["message"] = self.message(source)
        if channel.type is ChannelType.DM:
            return payload | {
                "user": self.user(interaction.user),
                "context": BOT_DM_CONTEXT,
                "authorizing_integration_owners": {GUILD_INSTALL: "0"},
            }
        member = self.member(guild.members[interaction.user.id])
        permissions = str(self._state.member_permissions(interaction.user).value)
        return payload | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": LOCALE, "features": list(guild.features)},
            "guild_locale": LOCALE,
            "member": member | {"permissions": permissions},
            "context": GUILD_CONTEXT,
            "authorizing_integration_owners": {GUILD_INSTALL: str(guild.id)},
        }

    def reply_type(self, interaction: Interaction) -> MessageType:
        """Return which kind of message answers an interaction."""
        if interaction.type is InteractionType.APPLICATION_COMMAND:
            return MessageType.CHAT_INPUT_COMMAND
        return MessageType.REPLY if interaction.source_message_id else MessageType.DEFAULT


def _with_addresses(part: Mapping[str, JsonValue], files: Mapping[str, Payload]) -> Payload:
    """Replace `attachment://name` by the file's real address, anywhere in an embed or component."""
    return {name: _resolved(name, value, files) for name, value in part.items()}


def _resolved(name: str, value: JsonValue, files: Mapping[str, Payload]) -> JsonValue:
    if isinstance(value, str):
        file = _attached(value, files)
        return value if file is None else file["url"]
    if isinstance(value, Mapping):
        return _media(value, files) if name in {"media", "file"} else _with_addresses(value, files)
    if isinstance(value, list):
        return [_resolved(name, item, files) for item in value]
    return value


def _attached(url: JsonValue, files: Mapping[str, Payload]) -> Payload | None:
    scheme, separator, name = str(url).partition("://")
    return files.get(name) if separator and scheme == "attachment" else None


def _media(media: Mapping[str, JsonValue], files: Mapping[str, Payload]) -> Payload:
    """Describe the file or picture of a version-2 component."""
    file = _attached(media["url"], files)
    if file is None:
        return {"id": "0", "url": media["url"], "proxy_url": media["url"]}
    return {
        "id": file["id"],
        "attachment_id": file["id"],
        "url": file["url"],
        "proxy_url": file["url"],
        "content_type": file.get("content_type"),
    }

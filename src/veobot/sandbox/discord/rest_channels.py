"""Endpoints below `/channels`: the channel itself, its history, its messages, typing."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from veobot.sandbox.discord import errors
from veobot.sandbox.discord.form import Fields, Form
from veobot.sandbox.discord.message_form import MessageForm, read_message
from veobot.sandbox.discord.messages import Messages, Origin
from veobot.sandbox.discord.model import (
    DEFAULT_UPLOAD_LIMIT_BYTES,
    Channel,
    ChannelType,
    Message,
    MessageFlag,
)
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.permissions import NO_PERMISSIONS, Permission
from veobot.sandbox.discord.places import Places
from veobot.sandbox.discord.ratelimits import CHANNEL_WRITES, READS, TYPING, Limit
from veobot.sandbox.discord.rest import Api, Call, Endpoint
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.discord.uploads import Submission, refuse_large
from veobot.sandbox.ledger import JsonValue

CHANNEL = "/channels/{channel_id}"
MESSAGES = f"{CHANNEL}/messages"
MESSAGE = f"{MESSAGES}/{{message_id}}"

MAX_HISTORY = 100
DEFAULT_HISTORY = 50
MAX_CHANNEL_NAME = 100
MAX_TOPIC = 1024


class ChannelEndpoints:
    """Answers what `/channels` is asked, as far as the bot's permissions go."""

    def __init__(self, state: DiscordState, payloads: Payloads, messages: Messages, places: Places) -> None:
        self._state = state
        self._payloads = payloads
        self._messages = messages
        self._places = places

    def routes(self, api: Api) -> list[web.RouteDef]:
        """Return the routes; all want the bot's token."""
        table: list[tuple[str, str, Endpoint, str, Limit]] = [
            ("GET", CHANNEL, self.get_channel, "discord.channel.get", READS),
            ("PATCH", CHANNEL, self.edit_channel, "discord.channel.edit", CHANNEL_WRITES),
            ("DELETE", CHANNEL, self.delete_channel, "discord.channel.delete", CHANNEL_WRITES),
            ("GET", MESSAGES, self.history, "discord.history", READS),
            ("POST", MESSAGES, self.create_message, "discord.message.create", CHANNEL_WRITES),
            ("GET", MESSAGE, self.get_message, "discord.message.get", READS),
            ("PATCH", MESSAGE, self.edit_message, "discord.message.edit", CHANNEL_WRITES),
            ("DELETE", MESSAGE, self.delete_message, "discord.message.delete", CHANNEL_WRITES),
            ("POST", f"{CHANNEL}/typing", self.typing, "discord.typing", TYPING),
        ]
        return [
            api.route(method, path, endpoint, name=name, limit=limit)
            for method, path, endpoint, name, limit in table
        ]

    async def get_channel(self, call: Call) -> JsonValue:
        """GET a channel."""
        return self._payloads.channel(self._channel(call))

    async def edit_channel(self, call: Call) -> JsonValue:
        """PATCH a channel; a thread can be archived and locked, and is changed only if it is open or opened by it."""
        body = await call.body()
        channel = self._channel(call)
        form = Form()
        fields = Fields(body, form)
        name = fields.text("name", minimum=1, maximum=MAX_CHANNEL_NAME)
        topic = fields.text("topic", maximum=MAX_TOPIC)
        archived, locked, nsfw = (fields.boolean(key) for key in ("archived", "locked", "nsfw"))
        form.check()
        self._require(channel, _to_reopen(channel, body) or _to_manage(channel))
        if channel.thread and channel.thread.archived and archived is not False:
            raise errors.thread_is_archived()
        channel.name = name or channel.name
        channel.topic = topic if fields.has("topic") else channel.topic
        self._places.change(channel, archived=archived, locked=locked, nsfw=nsfw)
        return self._payloads.channel(channel)

    async def delete_channel(self, call: Call) -> JsonValue:
        """DELETE a channel."""
        channel = self._channel(call)
        self._require(channel, _to_manage(channel))
        payload = self._payloads.channel(channel)
        self._places.delete(channel)
        return payload

    async def history(self, call: Call) -> JsonValue:
        """GET the channel's messages, the newest first; without the right to read there are none."""
        channel = self._channel(call)
        limit = call.query_integer("limit", minimum=1, maximum=MAX_HISTORY, default=DEFAULT_HISTORY)
        before, after, around = (call.query_id(name) for name in ("before", "after", "around"))
        if Permission.READ_MESSAGE_HISTORY not in self._state.bot_permissions(channel):
            return []
        messages = (self._state.messages[message_id] for message_id in channel.message_ids)
        ids = [message.id for message in messages if not message.ephemeral]
        if before is not None:
            ids = [i for i in ids if i < before][-limit:]
        elif after is not None:
            ids = [i for i in ids if i > after][:limit]
        elif around is not None:
            older, newer = [i for i in ids if i < around], [i for i in ids if i >= around]
            ids = older[max(0, len(older) - limit // 2) :] + newer[: limit - limit // 2]
        else:
            ids = ids[-limit:]
        return [self._payloads.message(self._state.messages[i]) for i in reversed(ids)]

    async def create_message(self, call: Call) -> JsonValue:
        """POST a message; with `enforce_nonce` a repeated one is given back instead."""
        submission = await call.submission()
        channel = self._channel(call)
        self._require(channel, _to_send_in(channel))
        form = self._checked(channel, submission)
        message = self._messages.earlier_with_nonce(form)
        if message is None:
            message = self._messages.create(channel, form, Origin(self._state.bot))
        return self._payloads.message(message, nonce=form.nonce)

    async def get_message(self, call: Call) -> JsonValue:
        """GET one message."""
        return self._payloads.message(self._message(call, Permission.READ_MESSAGE_HISTORY))

    async def edit_message(self, call: Call) -> JsonValue:
        """PATCH one of the bot's own messages."""
        submission = await call.submission()
        message = self._message(call)
        if message.author.id != self._state.bot.id:
            raise errors.cannot_edit_others()
        channel = self._state.channels[message.channel_id]
        self._messages.edit(message, self._checked(channel, submission, edited=message))
        return self._payloads.message(message)

    async def delete_message(self, call: Call) -> JsonValue:
        """DELETE a message; others' only with MANAGE_MESSAGES."""
        message = self._message(call)
        if message.author.id != self._state.bot.id:
            self._require(self._state.channels[message.channel_id], Permission.MANAGE_MESSAGES)
        self._messages.delete(message)
        return None

    async def typing(self, call: Call) -> JsonValue:
        """POST that the bot is typing."""
        channel = self._channel(call)
        self._require(channel, _to_send_in(channel))
        return None

    def _channel(self, call: Call) -> Channel:
        """Return the channel of the path, if the bot may see it."""
        channel = self._state.channels.get(call.id("channel_id"))
        if channel is None:
            raise errors.unknown_channel()
        if Permission.VIEW_CHANNEL not in self._state.bot_permissions(channel):
            raise errors.missing_access()
        return channel

    def _message(self, call: Call, needed: Permission = NO_PERMISSIONS) -> Message:
        channel = self._channel(call)
        self._require(channel, needed)
        return self._messages.find(channel, call.id("message_id"))

    def _require(self, channel: Channel, needed: Permission) -> None:
        if needed not in self._state.bot_permissions(channel):
            raise errors.missing_permissions()

    def _checked(
        self, channel: Channel, submission: Submission, *, edited: Message | None = None
    ) -> MessageForm:
        in_guild = channel.type is not ChannelType.DM
        limit_bytes = self._state.guild.upload_limit_bytes if in_guild else DEFAULT_UPLOAD_LIMIT_BYTES
        refuse_large(submission.uploads.values(), limit_bytes)
        form = read_message(submission, edited=edited)
        if form.uploads:
            self._require(channel, Permission.ATTACH_FILES)
        if form.embeds:
            self._require(channel, Permission.EMBED_LINKS)
        if MessageFlag.EPHEMERAL in form.flags:
            form = replace(form, flags=form.flags & ~MessageFlag.EPHEMERAL)
        return form


def _to_send_in(channel: Channel) -> Permission:
    """Return which permission it takes to send there; the right for channels does not hold for threads."""
    return Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES


def _to_reopen(channel: Channel, body: Mapping[str, JsonValue]) -> Permission | None:
    """Return which permission it takes to do no more than this; None where it is more, or the thread is locked.

    "When setting archived to false, when locked is also false, only the SEND_MESSAGES permission is required."
    """
    only_reopens = body.get("archived") is False and len(body) == 1
    if channel.thread and not channel.thread.locked and only_reopens:
        return Permission.SEND_MESSAGES
    return None


def _to_manage(channel: Channel) -> Permission:
    return Permission.MANAGE_THREADS if channel.thread else Permission.MANAGE_CHANNELS

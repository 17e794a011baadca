"""Endpoints that an interaction's token opens: its callback, its answer, its follow-ups."""

from aiohttp import web

from veobot.sandbox.discord import errors
from veobot.sandbox.discord.components import ComponentReader
from veobot.sandbox.discord.form import Fields, Form
from veobot.sandbox.discord.interactions import Interactions
from veobot.sandbox.discord.message_form import MessageForm, read_message
from veobot.sandbox.discord.messages import Messages, Origin
from veobot.sandbox.discord.model import (
    DEFAULT_UPLOAD_LIMIT_BYTES,
    Channel,
    ChannelType,
    Interaction,
    InteractionType,
    Message,
    MessageFlag,
    MessageType,
    Payload,
)
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.ratelimits import WEBHOOK, Limit
from veobot.sandbox.discord.rest import Api, Call, Endpoint
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.discord.uploads import Submission, refuse_large
from veobot.sandbox.ledger import JsonValue, Ledger

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
WEBHOOK_PATH = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL = f"{WEBHOOK_PATH}/messages/@original"
WEBHOOK_MESSAGE = f"{WEBHOOK_PATH}/messages/{{message_id}}"
# Each interaction has one callback; repeated attempts are answered with 40060, not with a 429.
CALLBACK_LIMIT = Limit(100, 1.0)

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL = 4, 5, 6, 7, 9
# Which callbacks answer which interaction.
CALLBACKS = {
    InteractionType.APPLICATION_COMMAND: (MESSAGE, DEFERRED_MESSAGE, MODAL),
    InteractionType.MESSAGE_COMPONENT: (MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL),
    InteractionType.MODAL_SUBMIT: (MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE),
}


class InteractionEndpoints:
    """Answers what `/interactions` and an interaction's `/webhooks` are asked."""

    def __init__(
        self,
        state: DiscordState,
        payloads: Payloads,
        interactions: Interactions,
        messages: Messages,
        ledger: Ledger,
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._interactions = interactions
        self._messages = messages
        self._ledger = ledger

    def routes(self, api: Api) -> list[web.RouteDef]:
        """Return the routes; none of them wants the bot's token."""
        table: list[tuple[str, str, Endpoint, str, Limit]] = [
            ("POST", CALLBACK, self.callback, "discord.callback", CALLBACK_LIMIT),
            ("POST", WEBHOOK_PATH, self.follow_up, "discord.webhook.followup", WEBHOOK),
            ("GET", ORIGINAL, self.get_original, "discord.original.get", WEBHOOK),
            ("PATCH", ORIGINAL, self.edit_original, "discord.original.edit", WEBHOOK),
            ("DELETE", ORIGINAL, self.delete_original, "discord.original.delete", WEBHOOK),
            ("GET", WEBHOOK_MESSAGE, self.get_message, "discord.webhook.message.get", WEBHOOK),
            ("PATCH", WEBHOOK_MESSAGE, self.edit_message, "discord.webhook.message.edit", WEBHOOK),
            ("DELETE", WEBHOOK_MESSAGE, self.delete_message, "discord.webhook.message.delete", WEBHOOK),
        ]
        return [
            api.route(method, path, endpoint, name=name, limit=limit, authorized=False)
            for method, path, endpoint, name, limit in table
        ]

    async def callback(self, call: Call) -> JsonValue:
        """POST the first answer; with `with_response` it is given back."""
        submission = await call.submission()
        interaction = self._interactions.unanswered(call.id("interaction_id"), call.path("interaction_token"))
        form = Form()
        fields = Fields(submission.body, form)
        kind = fields.choice("type", CALLBACKS[interaction.type], required=True)
        data = fields.child("data")
        form.check()
        assert kind is not None
        body = data.body if data else {}
        message = self._answer(interaction, kind, Submission(body, submission.uploads))
        if call.query_flag("with_response"):
            return self._callback_response(interaction, kind, message)
        return None

    async def follow_up(self, call: Call) -> JsonValue:
        """POST another message; directly after a deferral it fills the placeholder instead."""
        submission = await call.submission()
        interaction = self._interaction(call)
        original = self._state.messages.get(interaction.response_message_id or 0)
        if original is not None and MessageFlag.LOADING in original.flags:
            return self._edited(interaction, original, submission)
        form = self._checked(interaction, submission)
        origin = Origin(
            author=self._state.bot,
            type=MessageType.REPLY,
            interaction=interaction,
            reply_to=interaction.response_message_id,
            forced_flags=form.flags & MessageFlag.EPHEMERAL,
        )
        message = self._messages.create(self._channel(interaction), form, origin)
        interaction.message_ids.add(message.id)
        return self._payloads.message(message)

    async def get_original(self, call: Call) -> JsonValue:
        """GET the answer to the interaction."""
        return self._payloads.message(self._original(self._interaction(call)))

    async def edit_original(self, call: Call) -> JsonValue:
        """PATCH the answer to the interaction."""
        submission = await call.submission()
        interaction = self._interaction(call)
        return self._edited(interaction, self._original(interaction), submission)

    async def delete_original(self, call: Call) -> JsonValue:
        """DELETE the answer to the interaction."""
        self._messages.delete(self._original(self._interaction(call)))
        return None

    async def get_message(self, call: Call) -> JsonValue:
        """GET one of the interaction's messages."""
        return self._payloads.message(self._message(call, self._interaction(call)))

    async def edit_message(self, call: Call) -> JsonValue:
        """PATCH one of the interaction's messages."""
        submission = await call.submission()
        interaction = self._interaction(call)
        return self._edited(interaction, self._message(call, interaction), submission)

    async def delete_message(self, call: Call) -> JsonValue:
        """DELETE one of the interaction's messages."""
        self._messages.delete(self._message(call, self._interaction(call)))
        return None

    def _answer(self, interaction: Interaction, kind: int, submission: Submission) -> Message | None:
        """Do what a callback says; the interaction counts as acknowledged only if that succeeds."""
        source = self._state.messages.get(interaction.source_message_id or 0)
        message: Message | None = None
        if kind in (MESSAGE, DEFERRED_MESSAGE):
            message = self._respond(interaction, submission, deferred=kind == DEFERRED_MESSAGE)
        elif kind == MODAL:
            form = Form()
            interaction.modal = ComponentReader().read_modal(Fields(submission.body, form, ("data",)))
            form.check()
        elif source is None:
            raise errors.unknown_message()
        else:
            message = source
            if kind == UPDATE:
                self._edited(interaction, source, submission, path=("data",))
        interaction.acknowledged = True
        if message is not None:
            interaction.response_message_id = message.id
            interaction.message_ids.add(message.id)
        self._ledger.record(
            "acknowledged",
            interaction_id=str(interaction.id),
            message_id=str(message.id) if message else None,
            type=kind,
            ephemeral=message is not None and message.ephemeral,
        )
        return message

    def _respond(self, interaction: Interaction, submission: Submission, *, deferred: bool) -> Message:
        form = self._checked(interaction, submission, path=("data",))
        flags = form.flags & MessageFlag.EPHEMERAL
        if deferred:
            form, flags = MessageForm(), flags | MessageFlag.LOADING
        origin = Origin(
            author=self._state.bot,
            type=self._payloads.reply_type(interaction),
            interaction=interaction,
            reply_to=interaction.source_message_id,
            forced_flags=flags,
        )
        return self._messages.create(self._channel(interaction), form, origin)

    def _callback_response(self, interaction: Interaction, kind: int, message: Message | None) -> Payload:
        described: Payload = {"id": str(interaction.id), "type": interaction.type.value}
        if message is None:
            return {"interaction": described}
        described |= {
            "response_message_id": str(message.id),
            "response_message_loading": MessageFlag.LOADING in message.flags,
            "response_message_ephemeral": message.ephemeral,
            "channel_id": str(interaction.channel_id),
        }
        if self._channel(interaction).type is not ChannelType.DM:
            described["guild_id"] = str(interaction.guild_id)
        if kind == DEFERRED_UPDATE:
            # Nothing was made or changed, so that there is nothing to show.
            return {"interaction": described}
        shown = UPDATE if kind == UPDATE else MESSAGE
        resource: Payload = {"type": shown, "message": self._payloads.message(message)}
        return {"interaction": described, "resource": resource}

    def _edited(
        self, interaction: Interaction, message: Message, submission: Submission, path: tuple[str, ...] = ()
    ) -> Payload:
        form = self._checked(interaction, submission, path=path, edited=message)
        self._messages.edit(message, form)
        return self._payloads.message(message)

    def _checked(
        self,
        interaction: Interaction,
        submission: Submission,
        *,
        path: tuple[str, ...] = (),
        edited: Message | None = None,
    ) -> MessageForm:
        """Check a message's body; the guild's limit counts, whatever the interaction said of it."""
        in_guild = self._channel(interaction).type is not ChannelType.DM
        limit_bytes = self._state.guild.upload_limit_bytes if in_guild else DEFAULT_UPLOAD_LIMIT_BYTES
        refuse_large(submission.uploads.values(), limit_bytes)
        return read_message(submission, path=path, edited=edited)

    def _channel(self, interaction: Interaction) -> Channel:
        channel = self._state.channels.get(interaction.channel_id)
        if channel is None:
            raise errors.unknown_channel()
        return channel

    def _interaction(self, call: Call) -> Interaction:
        return self._interactions.answered(call.id("webhook_id"), call.path("webhook_token"))

    def _original(self, interaction: Interaction) -> Message:
        message = self._state.messages.get(interaction.response_message_id or 0)
        if message is None:
            raise errors.unknown_message()
        return message

    def _message(self, call: Call, interaction: Interaction) -> Message:
        message_id = call.id("message_id")
        message = self._state.messages.get(message_id)
        if message is None or message_id not in interaction.message_ids:
            raise errors.unknown_message()
        return message

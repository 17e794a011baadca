"""What the members do: run commands, press buttons, fill in modals, write, and look at a channel."""

from collections.abc import Mapping, Sequence

from veobot.sandbox.discord.command_options import OptionError
from veobot.sandbox.discord.components import Component, ComponentType, walk
from veobot.sandbox.discord.errors import ApiError
from veobot.sandbox.discord.message_form import MAX_CONTENT, MessageForm
from veobot.sandbox.discord.messages import Origin
from veobot.sandbox.discord.model import (
    Channel,
    ChannelType,
    InteractionType,
    Message,
    MessageFlag,
    User,
)
from veobot.sandbox.discord.parts import Parts, WorldError
from veobot.sandbox.ledger import JsonValue

# How long a command waits for the bot to be at the gateway, in real seconds.
SESSION_WAIT_SECONDS = 10.0
MAX_DISPATCHES = 10


class MemberActions:
    """The members' side of a world.

    Arguments called member and channel take a name ("mira", "video-lab", "#video-lab") or an id.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def send_command(
        self,
        *,
        member: str,
        options: Mapping[str, JsonValue],
        channel: str | None = None,
        name: str = "veo",
        asked_seconds_ago: float = 0.0,
        interaction_id: str | None = None,
        dispatch_times: int = 1,
        attachment_size_limit: int | None = None,
        unchecked: bool = False,
    ) -> str:
        """Let a member run a command, and return the interaction's id.

        Args:
            member: who.
            options: option name -> value, checked as Discord's client would.
            channel: where; the first channel if not given.
            name: the command's name, with its subcommands after spaces.
            asked_seconds_ago: back-dates id and token, in sandbox seconds.
            interaction_id: of an earlier interaction: it is dispatched again, with the same token.
            dispatch_times: how often the gateway sends it.
            attachment_size_limit: what the interaction claims, in bytes; the guild's limit if not given.
            unchecked: do not check the options.

        Raises:
            WorldError: if the bot, the command, the member or the channel is not there, or a value is wrong.
        """
        if not 1 <= dispatch_times <= MAX_DISPATCHES:
            raise WorldError(400, f"dispatch_times must lie between 1 and {MAX_DISPATCHES}.")
        user = self._parts.user(member)
        number = self._parts.number(interaction_id) if interaction_id else None
        interaction = self._parts.state.interactions.get(number or 0)
        named = channel if interaction is None else str(interaction.channel_id)
        place = self._parts.channel(named) if named else self._first_channel()
        await self._wait_for_bot(place)
        if interaction is None:
            interaction = self._parts.interactions.begin(
                InteractionType.APPLICATION_COMMAND,
                user,
                place,
                name=name,
                data=self._command_data(name, options, unchecked=unchecked),
                seconds_ago=asked_seconds_ago,
                interaction_id=number,
                attachment_size_limit=attachment_size_limit,
            )
        self._parts.interactions.dispatch(interaction, times=dispatch_times)
        return str(interaction.id)

    async def press_button(self, *, member: str, message_id: str, custom_id: str) -> str:
        """Let a member press a button of a message, and return the interaction's id.

        Raises:
            WorldError: if there is no such button that this member could press.
        """
        user, message = self._parts.user(member), self._parts.message(message_id)
        if not self._sees(user, message):
            raise WorldError(403, f"The message {message_id} is shown to somebody else only.")
        button = next((c for c in walk(message.components) if c.get("custom_id") == custom_id), None)
        if button is None:
            raise WorldError(404, f"The message {message_id} has no component {custom_id}.")
        if button.get("disabled"):
            raise WorldError(409, f"The component {custom_id} is disabled.")
        channel = self._parts.state.channels[message.channel_id]
        await self._wait_for_bot(channel)
        data = {"custom_id": custom_id, "component_type": button["type"], "id": button["id"]}
        interaction = self._parts.interactions.begin(
            InteractionType.MESSAGE_COMPONENT, user, channel, name=custom_id, data=data, source=message
        )
        self._parts.interactions.dispatch(interaction)
        return str(interaction.id)

    async def submit_modal(self, *, interaction_id: str, values: Mapping[str, str]) -> str:
        """Let a member send the modal with which the bot answered an interaction; return the new one's id.

        Args:
            interaction_id: the interaction that was answered with a modal.
            values: custom id of a text input -> text; the others keep what the bot filled in.

        Raises:
            WorldError: if there is no such modal, or a value does not fit it.
        """
        opener = self._parts.state.interactions.get(self._parts.number(interaction_id))
        if opener is None or opener.modal is None:
            raise WorldError(404, f"The interaction {interaction_id} was not answered with a modal.")
        data = _filled_modal(opener.modal, values)
        channel = self._parts.channel(str(opener.channel_id))
        await self._wait_for_bot(channel)
        interaction = self._parts.interactions.begin(
            InteractionType.MODAL_SUBMIT,
            opener.user,
            channel,
            name=str(opener.modal["custom_id"]),
            data=data,
            source=self._parts.state.messages.get(opener.source_message_id or 0),
            parent=opener,
        )
        self._parts.interactions.dispatch(interaction)
        return str(interaction.id)

    def human_message(self, *, member: str, channel: str, content: str) -> str:
        """Let a member write, and return the message's id.

        Raises:
            WorldError: if the member or the channel is not there, or Discord would not take the text.
        """
        user, place = self._parts.user(member), self._parts.channel(channel)
        if len(content) > MAX_CONTENT:
            raise WorldError(400, f"A message has at most {MAX_CONTENT} characters.")
        try:
            message = self._parts.messages.create(place, MessageForm(content=content), Origin(user))
        except ApiError as error:
            raise WorldError(409, f"Discord would refuse this message: {error.message}.") from None
        return str(message.id)

    def visible_messages(self, channel: str, viewer: str) -> list[JsonValue]:
        """Return what a member sees in a channel, oldest first, as Discord writes messages.

        Raises:
            WorldError: if the channel or the member is not there.
        """
        place, user = self._parts.channel(channel), self._parts.user(viewer)
        messages = (self._parts.state.messages[message_id] for message_id in place.message_ids)
        return [self._parts.payloads.message(message) for message in messages if self._sees(user, message)]

    def _sees(self, user: User, message: Message) -> bool:
        if MessageFlag.EPHEMERAL not in message.flags:
            return True
        return message.interaction is not None and message.interaction.user.id == user.id

    def _first_channel(self) -> Channel:
        channels = self._parts.state.guild_channels()
        if not channels:
            raise WorldError(404, "The guild has no channel left.")
        return channels[0]

    def _command_data(
        self, name: str, options: Mapping[str, JsonValue], *, unchecked: bool
    ) -> Mapping[str, JsonValue]:
        command, path = self._parts.command(name)
        try:
            return self._parts.options.data(command, path, options, unchecked=unchecked)
        except OptionError as error:
            raise WorldError(400, str(error)) from None

    async def _wait_for_bot(self, channel: Channel) -> None:
        guild = self._parts.state.guild
        private = channel.type is ChannelType.DM
        if not private and not guild.bot_present:
            raise WorldError(409, "The bot is not in the guild.")
        guild_id = None if private else guild.id
        if not await self._parts.gateway.wait_for_session(guild_id, SESSION_WAIT_SECONDS):
            sentence = f"No bot was ready at the gateway within {SESSION_WAIT_SECONDS:.0f} seconds."
            raise WorldError(409, sentence)
        # It may have been deleted during the wait.
        self._parts.channel(str(channel.id))


def _filled_modal(modal: Mapping[str, JsonValue], values: Mapping[str, str]) -> dict[str, JsonValue]:
    tops = modal["components"]
    assert isinstance(tops, list)
    inputs = {str(c["custom_id"]): c for c in walk(tops) if c["type"] == ComponentType.TEXT_INPUT}
    for name, value in values.items():
        if name not in inputs:
            raise WorldError(404, f"The modal has no input {name}.")
        most = inputs[name].get("max_length")
        if isinstance(most, int) and len(value) > most:
            raise WorldError(400, f"The input {name} takes at most {most} characters.")
    filled = [_filled(top, values) for top in tops]
    return {"custom_id": modal["custom_id"], "components": filled}


def _filled(component: Component, values: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return a component of a modal as the client sends it back: without labels, with values."""
    sent: dict[str, JsonValue] = {"type": component["type"], "id": component["id"]}
    nested, inner = component.get("components"), component.get("component")
    if isinstance(nested, Sequence) and not isinstance(nested, str):
        sent["components"] = [_filled(child, values) for child in nested if isinstance(child, Mapping)]
    elif isinstance(inner, Mapping):
        sent["component"] = _filled(inner, values)
    elif "custom_id" in component:
        name = str(component["custom_id"])
        sent |= {"custom_id": name, "value": values.get(name, component.get("value") or "")}
    return sent

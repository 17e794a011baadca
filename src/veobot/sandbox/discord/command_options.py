"""What Discord's own client does with a command before the bot hears of it: checks and encodes its options."""

from collections.abc import Callable, Mapping, Sequence

from veobot.sandbox.discord.command_form import NESTED, OptionType
from veobot.sandbox.discord.model import Attachment, Command, Payload
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue

Option = Mapping[str, JsonValue]


class OptionError(Exception):
    """A value that Discord's client would not let a member send; the text is one plain sentence."""


class CommandOptions:
    """Turns the values that a member gives into an interaction's data.

    Args:
        state: where mentioned users, channels and files are looked up.
        payloads: writes what they resolve to.
    """

    def __init__(self, state: DiscordState, payloads: Payloads) -> None:
        self._state = state
        self._payloads = payloads

    def data(
        self, command: Command, path: Sequence[str], values: Mapping[str, JsonValue], *, unchecked: bool
    ) -> Payload:
        """Return the interaction's `data`.

        Args:
            command: the registered command.
            path: the names of its subcommand group and subcommand, if it has any.
            values: option name -> value.
            unchecked: send the values as they are.

        Raises:
            OptionError: if a value is missing, unknown or out of its bounds.
        """
        options = self._options(command.body)
        for name in path:
            found = next((o for o in options if o["name"] == name and o["type"] in NESTED), None)
            if found is None:
                msg = f"The command /{command.name} has no subcommand {name}."
                raise OptionError(msg)
            options = self._options(found)
        if not unchecked:
            _check(command, options, values)
        resolved: dict[str, dict[str, JsonValue]] = {}
        known = {str(option["name"]): option for option in options}
        encoded: list[JsonValue] = []
        for name, value in values.items():
            kind = known[name]["type"] if name in known else _guess(value)
            encoded.append({"name": name, "type": kind, "value": value})
            self._resolve(kind, value, resolved)
        nested = encoded
        for depth, name in reversed(list(enumerate(path))):
            kind = OptionType.SUB_COMMAND if depth == len(path) - 1 else OptionType.SUB_COMMAND_GROUP
            nested = [{"name": name, "type": kind, "options": nested}]
        data: Payload = {"id": str(command.id), "name": command.name, "type": command.type, "options": nested}
        if command.guild_id:
            data["guild_id"] = str(command.guild_id)
        return data | ({"resolved": resolved} if resolved else {})

    def _options(self, body: Option) -> list[Option]:
        options = body.get("options")
        return list(options) if isinstance(options, list) else []

    def _resolve(self, kind: JsonValue, value: JsonValue, resolved: dict[str, dict[str, JsonValue]]) -> None:
        key = str(value)
        number = int(key) if key.isdigit() else 0
        if kind in (OptionType.USER, OptionType.MENTIONABLE) and (user := self._state.users.get(number)):
            resolved.setdefault("users", {})[key] = self._payloads.user(user)
            if member := self._state.guild.members.get(number):
                permissions = str(self._state.member_permissions(user).value)
                shown = self._payloads.member(member, with_user=False) | {"permissions": permissions}
                resolved.setdefault("members", {})[key] = shown
        elif kind == OptionType.CHANNEL and (channel := self._state.channels.get(number)):
            permissions = str(self._state.bot_permissions(channel).value)
            shown = self._payloads.channel(channel) | {"permissions": permissions}
            resolved.setdefault("channels", {})[key] = shown
        elif kind == OptionType.ATTACHMENT and (file := self._file(number)):
            resolved.setdefault("attachments", {})[key] = self._payloads.attachment(file)

    def _file(self, attachment_id: int) -> Attachment | None:
        return self._state.attachments.get(attachment_id)


def _guess(value: JsonValue) -> OptionType:
    if isinstance(value, bool):
        return OptionType.BOOLEAN
    if isinstance(value, int):
        return OptionType.INTEGER
    return OptionType.NUMBER if isinstance(value, float) else OptionType.STRING


def _check(command: Command, options: Sequence[Option], values: Mapping[str, JsonValue]) -> None:
    known = {str(option["name"]): option for option in options}
    for name, option in known.items():
        if option.get("required") and values.get(name) is None:
            msg = f"The option {name} of /{command.name} is required."
            raise OptionError(msg)
    for name, value in values.items():
        if name not in known:
            msg = f"The command /{command.name} has no option {name}."
            raise OptionError(msg)
        _check_value(name, known[name], value)


def _check_value(name: str, option: Option, value: JsonValue) -> None:
    kind = OptionType(_integer(option["type"]))
    if not _KINDS.get(kind, _is_id)(value):
        msg = f"The option {name} takes a value of type {kind.name}, and {value!r} is none."
        raise OptionError(msg)
    choices = option.get("choices")
    if isinstance(choices, list) and value not in [choice["value"] for choice in choices]:
        msg = f"The option {name} has no choice {value!r}."
        raise OptionError(msg)
    what, size = ("length", len(value)) if isinstance(value, str) else ("value", value)
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    if isinstance(size, int | float) and (
        (isinstance(least, int | float) and size < least) or (isinstance(most, int | float) and size > most)
    ):
        msg = f"The {what} of option {name} must lie between {least} and {most}, and {size} does not."
        raise OptionError(msg)


def _integer(value: JsonValue) -> int:
    assert isinstance(value, int)
    return value


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: JsonValue) -> bool:
    return isinstance(value, str) and value.isdigit()


_KINDS: Mapping[OptionType, Callable[[JsonValue], bool]] = {
    OptionType.STRING: lambda value: isinstance(value, str),
    OptionType.INTEGER: _is_whole,
    OptionType.NUMBER: _is_number,
    OptionType.BOOLEAN: lambda value: isinstance(value, bool),
}

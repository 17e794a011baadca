"""What Discord accepts as an application command."""

import re
from collections.abc import Collection, Mapping
from enum import IntEnum

from veobot.sandbox.discord.form import Fields
from veobot.sandbox.ledger import JsonValue

MAX_NAME = 32
MAX_DESCRIPTION = 100
MAX_OPTIONS = 25
MAX_CHOICES = 25
MAX_CHOICE_TEXT = 100
MAX_TEXT_OPTION = 6000
# Discord's numbers are doubles.
MAX_NUMBER = 2**53
MAX_PERMISSIONS = 2**53
# "Slash commands have a maximum of 8000 characters", localisations aside.
MAX_TOTAL_CHARACTERS = 8000
# Lower case is looked at separately: scripts without case are allowed.
_NAME = re.compile(r"[-_'\w]{1,32}")

CommandBody = dict[str, JsonValue]


class CommandType(IntEnum):
    """How a command is called."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """Discord's option types."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


NESTED = (OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP)
NUMERIC = (OptionType.INTEGER, OptionType.NUMBER)
WITH_CHOICES = (OptionType.STRING, *NUMERIC)


def read_command(fields: Fields) -> CommandBody:
    """Check a command and return it as Discord gives it back; complaints go to the fields' form."""
    kind = fields.choice("type", list(CommandType), default=CommandType.CHAT_INPUT)
    chat_input = kind == CommandType.CHAT_INPUT
    body: CommandBody = {
        "type": kind,
        "name": _read_name(fields, chat_input=chat_input),
        "description": _read_description(fields) if chat_input else _no_description(fields),
        "default_member_permissions": _read_permissions(fields),
        "nsfw": fields.boolean("nsfw") or False,
        "contexts": fields.items("contexts", maximum=3) or None,
        "integration_types": fields.items("integration_types", maximum=2) or [0],
        "dm_permission": fields.body.get("dm_permission", True) is not False,
    }
    body |= _read_localizations(fields)
    if chat_input:
        options = read_options(fields)
        if options:
            body["options"] = options
        if _characters(body) > MAX_TOTAL_CHARACTERS:
            sentence = f"Command exceeds maximum size ({MAX_TOTAL_CHARACTERS})"
            fields.complain("", "APPLICATION_COMMAND_TOO_LARGE", sentence)
    return body


def read_options(fields: Fields, nested: Collection[OptionType] = NESTED) -> list[CommandBody]:
    """Read the options of a command or a subcommand."""
    children = fields.children("options", maximum=MAX_OPTIONS)
    options = [_read_option(child, nested) for child in children]
    names: set[JsonValue] = set()
    optional_seen = False
    for option, child in zip(options, children, strict=True):
        name = option["name"]
        if name in names:
            sentence = "Option names must be unique"
            child.complain("name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", sentence)
        names.add(name)
        if option.get("required") and optional_seen:
            sentence = "Required options must be placed before non-required options"
            child.complain("", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", sentence)
        optional_seen = optional_seen or not option.get("required")
    if len({option["type"] in NESTED for option in options}) > 1:
        sentence = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        fields.complain("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)
    return options


def _read_option(fields: Fields, nested: Collection[OptionType]) -> CommandBody:
    allowed = [kind for kind in OptionType if kind not in NESTED or kind in nested]
    kind = fields.choice("type", allowed, required=True)
    option: CommandBody = {
        "type": kind,
        "name": _read_name(fields, chat_input=True),
        "description": _read_description(fields),
    }
    option |= _read_localizations(fields)
    if kind in NESTED:
        # Groups hold subcommands, and subcommands hold values: nothing nests deeper.
        deeper = [OptionType.SUB_COMMAND] if kind == OptionType.SUB_COMMAND_GROUP else []
        option["options"] = read_options(fields, deeper)
        return option
    required, autocomplete = fields.boolean("required"), fields.boolean("autocomplete")
    option |= {"required": True} if required else {}
    option |= {"autocomplete": True} if autocomplete else {}
    if kind in WITH_CHOICES:
        _read_choices(fields, option)
    if kind == OptionType.STRING:
        _read_bounds(fields, option, "length", MAX_TEXT_OPTION)
    if kind in NUMERIC:
        _read_bounds(fields, option, "value", MAX_NUMBER)
    if kind == OptionType.CHANNEL and (types := fields.items("channel_types", maximum=20)):
        option["channel_types"] = types
    return option


def _read_choices(fields: Fields, option: CommandBody) -> None:
    choices: list[CommandBody] = []
    for child in fields.children("choices", maximum=MAX_CHOICES):
        name = child.text("name", minimum=1, maximum=MAX_CHOICE_TEXT, required=True)
        choices.append({"name": name, "value": _read_choice_value(child, option["type"])})
    if not choices:
        return
    if option.get("autocomplete"):
        sentence = "Cannot have choices and autocomplete at the same time"
        fields.complain("", "APPLICATION_COMMAND_OPTIONS_CHOICES_AND_AUTOCOMPLETE", sentence)
    for key in ("name", "value"):
        if len({choice[key] for choice in choices}) < len(choices):
            sentence = f"Option choice {key}s must be unique"
            fields.complain("choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_DUPLICATE", sentence)
    option["choices"] = choices


def _read_choice_value(fields: Fields, kind: JsonValue) -> JsonValue:
    if not fields.require("value"):
        return None
    value = fields.body.get("value")
    if kind == OptionType.STRING:
        return fields.text("value", maximum=MAX_CHOICE_TEXT)
    if kind == OptionType.INTEGER:
        return fields.integer("value", minimum=-MAX_NUMBER, maximum=MAX_NUMBER)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    fields.complain("value", "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
    return None


def _read_bounds(fields: Fields, option: CommandBody, what: str, maximum: int) -> None:
    low = -maximum if what == "value" else 0
    for name in (f"min_{what}", f"max_{what}"):
        value = fields.body.get(name)
        if value is None:
            continue
        if option["type"] != OptionType.NUMBER:
            value = fields.integer(name, minimum=low, maximum=maximum)
        option[name] = value
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        sentence = "The minimum must not be greater than the maximum"
        fields.complain(f"min_{what}", "APPLICATION_COMMAND_OPTIONS_MIN_GREATER_THAN_MAX", sentence)


def _read_name(fields: Fields, *, chat_input: bool) -> str | None:
    name = fields.text("name", minimum=1, maximum=MAX_NAME, required=True)
    if name and chat_input and (_NAME.fullmatch(name) is None or name != name.lower()):
        fields.complain("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    return name


def _read_description(fields: Fields) -> str | None:
    return fields.text("description", minimum=1, maximum=MAX_DESCRIPTION, required=True)


def _no_description(fields: Fields) -> str:
    if fields.body.get("description"):
        sentence = "Context menu commands cannot have description"
        fields.complain("description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_PROVIDED", sentence)
    return ""


def _read_permissions(fields: Fields) -> str | None:
    permissions = fields.integer("default_member_permissions", minimum=0, maximum=MAX_PERMISSIONS)
    return None if permissions is None else str(permissions)


def _read_localizations(fields: Fields) -> CommandBody:
    """Keep the translations as they are; only their kind is looked at."""
    found: CommandBody = {}
    for name in ("name_localizations", "description_localizations"):
        child = fields.child(name)
        if child is not None:
            found[name] = child.body
    return found


def _characters(body: Mapping[str, JsonValue]) -> int:
    """Count what Discord counts: names, descriptions and values, nested ones included."""
    own = sum(len(str(body.get(key) or "")) for key in ("name", "description", "value"))
    for key in ("options", "choices"):
        nested = body.get(key)
        own += sum(_characters(part) for part in nested) if isinstance(nested, list) else 0
    return own

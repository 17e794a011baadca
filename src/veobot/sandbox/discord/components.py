"""What Discord accepts as a message's or a modal's components, and how it gives them back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import IntEnum

from veobot.sandbox.discord.form import Fields
from veobot.sandbox.ledger import JsonValue

MAX_ROWS = 5
MAX_BUTTONS_PER_ROW = 5
# With the flag IS_COMPONENTS_V2, nested ones included.
MAX_COMPONENTS = 40
MAX_CUSTOM_ID = 100
MAX_LABEL = 80
MAX_BUTTON_URL = 512
MAX_SELECT_OPTIONS = 25
MAX_OPTION_TEXT = 100
MAX_PLACEHOLDER = 150
MAX_DISPLAY_TEXT = 4000
MAX_MODAL_ROWS = 5
MAX_MODAL_TITLE = 45
MAX_INPUT_LENGTH = 4000

Component = Mapping[str, JsonValue]


class ComponentType(IntEnum):
    """Discord's component types."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18


class ButtonStyle(IntEnum):
    """The styles that differ in what a button must have."""

    PRIMARY = 1
    LINK = 5
    PREMIUM = 6


SELECTS = frozenset({ComponentType.STRING_SELECT, *range(ComponentType.USER_SELECT, ComponentType.SECTION)})
IN_A_ROW = SELECTS | {ComponentType.BUTTON}
IN_A_CONTAINER = frozenset(
    {
        ComponentType.ACTION_ROW,
        ComponentType.SECTION,
        ComponentType.TEXT_DISPLAY,
        ComponentType.MEDIA_GALLERY,
        ComponentType.FILE,
        ComponentType.SEPARATOR,
    }
)
# What a version-2 message may have at its top.
TOP_LEVEL_V2 = IN_A_CONTAINER | {ComponentType.CONTAINER}
IN_A_MODAL = frozenset({ComponentType.ACTION_ROW, ComponentType.TEXT_DISPLAY, ComponentType.LABEL})


class ComponentReader:
    """Reads one tree of components: gives each its number and sees that no custom id occurs twice."""

    def __init__(self) -> None:
        self._count = 0
        self._custom_ids: set[str] = set()
        self._in_a_row: Collection[int] = IN_A_ROW
        self._readers: dict[ComponentType, Callable[[Fields], dict[str, JsonValue]]] = {
            ComponentType.ACTION_ROW: self._row,
            ComponentType.BUTTON: self._button,
            ComponentType.TEXT_INPUT: self._text_input,
            ComponentType.SECTION: self._section,
            ComponentType.TEXT_DISPLAY: self._text_display,
            ComponentType.THUMBNAIL: _media_item,
            ComponentType.MEDIA_GALLERY: _gallery,
            ComponentType.FILE: _file,
            ComponentType.SEPARATOR: _separator,
            ComponentType.CONTAINER: self._container,
            ComponentType.LABEL: self._label,
        }

    def read_message(self, message: Fields, *, version_2: bool) -> list[Component]:
        """Read the `components` of a message."""
        if not version_2:
            rows = message.children("components", maximum=MAX_ROWS)
            return [self._read(row, {ComponentType.ACTION_ROW}) for row in rows]
        tops = message.children("components", maximum=MAX_COMPONENTS)
        components = [self._read(top, TOP_LEVEL_V2) for top in tops]
        if self._count > MAX_COMPONENTS:
            sentence = f"The total number of components must be {MAX_COMPONENTS} or fewer."
            message.complain("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", sentence)
        return components

    def read_modal(self, modal: Fields) -> dict[str, JsonValue]:
        """Read the `data` of a modal."""
        modal.require("components")
        self._in_a_row = {ComponentType.TEXT_INPUT}
        tops = modal.children("components", minimum=1, maximum=MAX_MODAL_ROWS)
        return {
            "custom_id": modal.text("custom_id", minimum=1, maximum=MAX_CUSTOM_ID, required=True),
            "title": modal.text("title", minimum=1, maximum=MAX_MODAL_TITLE, required=True),
            "components": [self._read(top, IN_A_MODAL) for top in tops],
        }

    def _read(self, fields: Fields, allowed: Collection[int]) -> Component:
        kind = fields.choice("type", allowed, required=True)
        self._count += 1
        component: dict[str, JsonValue] = {"type": kind, "id": self._count}
        if kind is None:
            return component
        reader = self._select if kind in SELECTS else self._readers[ComponentType(kind)]
        return component | reader(fields)

    def _row(self, fields: Fields) -> dict[str, JsonValue]:
        fields.require("components")
        children = fields.children("components", minimum=1, maximum=MAX_BUTTONS_PER_ROW)
        if len(children) > 1 and any(child.body.get("type") in SELECTS for child in children):
            sentence = "A select menu must be alone in its action row."
            fields.complain("components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", sentence)
        return {"components": [self._read(child, self._in_a_row) for child in children]}

    def _text_display(self, fields: Fields) -> dict[str, JsonValue]:
        return {"content": fields.text("content", minimum=1, maximum=MAX_DISPLAY_TEXT, required=True)}

    def _container(self, fields: Fields) -> dict[str, JsonValue]:
        children = fields.children("components", minimum=1, maximum=MAX_COMPONENTS)
        return {
            "accent_color": fields.integer("accent_color", minimum=0, maximum=0xFFFFFF),
            "spoiler": fields.boolean("spoiler") or False,
            "components": [self._read(child, IN_A_CONTAINER) for child in children],
        }

    def _button(self, fields: Fields) -> dict[str, JsonValue]:
        style = fields.choice("style", range(1, 7), required=True)
        label = fields.text("label", maximum=MAX_LABEL)
        emoji = fields.child("emoji")
        button: dict[str, JsonValue] = {"style": style, "label": label}
        if emoji is not None:
            button["emoji"] = _emoji(emoji)
        if style == ButtonStyle.LINK:
            fields.require("url")
            button["url"] = fields.url("url", maximum=MAX_BUTTON_URL, schemes=("http", "https", "discord"))
            if fields.body.get("custom_id") is not None:
                sentence = "A custom id and url cannot both be specified"
                fields.complain("custom_id", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", sentence)
        elif style != ButtonStyle.PREMIUM:
            button["custom_id"] = self._custom_id(fields)
            if label is None and emoji is None:
                sentence = "A button needs a label or an emoji."
                fields.complain("label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", sentence)
        if fields.boolean("disabled"):
            button["disabled"] = True
        return {name: value for name, value in button.items() if value is not None}

    def _select(self, fields: Fields) -> dict[str, JsonValue]:
        select: dict[str, JsonValue] = {
            "custom_id": self._custom_id(fields),
            "placeholder": fields.text("placeholder", maximum=MAX_PLACEHOLDER),
            "min_values": fields.integer("min_values", minimum=0, maximum=MAX_SELECT_OPTIONS, default=1),
            "max_values": fields.integer("max_values", minimum=1, maximum=MAX_SELECT_OPTIONS, default=1),
            "disabled": fields.boolean("disabled"),
        }
        if fields.body.get("type") == ComponentType.STRING_SELECT:
            fields.require("options")
            options = fields.children("options", minimum=1, maximum=MAX_SELECT_OPTIONS)
            select["options"] = [
                {
                    "label": option.text("label", minimum=1, maximum=MAX_OPTION_TEXT, required=True),
                    "value": option.text("value", minimum=1, maximum=MAX_OPTION_TEXT, required=True),
                    "description": option.text("description", maximum=MAX_OPTION_TEXT) or "",
                    "default": option.boolean("default") or False,
                }
                for option in options
            ]
        return {name: value for name, value in select.items() if value is not None}

    def _text_input(self, fields: Fields) -> dict[str, JsonValue]:
        field: dict[str, JsonValue] = {
            "custom_id": self._custom_id(fields),
            "style": fields.choice("style", (1, 2), required=True),
            "label": fields.text("label", minimum=1, maximum=MAX_MODAL_TITLE),
            "value": fields.text("value", maximum=MAX_INPUT_LENGTH),
            "placeholder": fields.text("placeholder", maximum=100),
            "required": fields.boolean("required"),
            "min_length": fields.integer("min_length", minimum=0, maximum=MAX_INPUT_LENGTH),
            "max_length": fields.integer("max_length", minimum=1, maximum=MAX_INPUT_LENGTH),
        }
        return {name: value for name, value in field.items() if value is not None}

    def _label(self, fields: Fields) -> dict[str, JsonValue]:
        inner = fields.child("component", required=True)
        allowed = SELECTS | {ComponentType.TEXT_INPUT}
        return {
            "label": fields.text("label", minimum=1, maximum=MAX_MODAL_TITLE, required=True),
            "component": self._read(inner, allowed) if inner else None,
        }

    def _section(self, fields: Fields) -> dict[str, JsonValue]:
        children = fields.children("components", minimum=1, maximum=3)
        accessory = fields.child("accessory", required=True)
        beside = {ComponentType.BUTTON, ComponentType.THUMBNAIL}
        return {
            "components": [self._read(child, {ComponentType.TEXT_DISPLAY}) for child in children],
            "accessory": self._read(accessory, beside) if accessory else None,
        }

    def _custom_id(self, fields: Fields) -> str | None:
        custom_id = fields.text("custom_id", minimum=1, maximum=MAX_CUSTOM_ID, required=True)
        if custom_id is None:
            return None
        if custom_id in self._custom_ids:
            sentence = "Component custom id cannot be duplicated"
            fields.complain("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", sentence)
        self._custom_ids.add(custom_id)
        return custom_id


def _media(fields: Fields, name: str) -> dict[str, JsonValue] | None:
    media = fields.child(name, required=True)
    if media is None or not media.require("url"):
        return None
    return {"url": media.url("url", maximum=2048, schemes=("http", "https", "attachment"))}


def _media_item(fields: Fields) -> dict[str, JsonValue]:
    return {
        "media": _media(fields, "media"),
        "description": fields.text("description", maximum=1024),
        "spoiler": fields.boolean("spoiler") or False,
    }


def _emoji(fields: Fields) -> dict[str, JsonValue]:
    emoji: dict[str, JsonValue] = {"name": fields.text("name", maximum=32)}
    custom_id = fields.snowflake("id")
    return emoji if custom_id is None else emoji | {"id": str(custom_id)}


def _gallery(fields: Fields) -> dict[str, JsonValue]:
    return {"items": [_media_item(item) for item in fields.children("items", minimum=1, maximum=10)]}


def _file(fields: Fields) -> dict[str, JsonValue]:
    file = _media(fields, "file")
    return {"file": file, "name": None, "size": None, "spoiler": fields.boolean("spoiler") or False}


def _separator(fields: Fields) -> dict[str, JsonValue]:
    spacing = fields.choice("spacing", (1, 2), default=1)
    return {"divider": fields.body.get("divider", True), "spacing": spacing}


def walk(components: Sequence[Component]) -> Iterator[Component]:
    """Yield every component of a tree, the outer ones first."""
    for component in components:
        yield component
        nested = component.get("components")
        if isinstance(nested, list):
            yield from walk(nested)
        for name in ("accessory", "component"):
            inner = component.get(name)
            if isinstance(inner, Mapping):
                yield from walk([inner])

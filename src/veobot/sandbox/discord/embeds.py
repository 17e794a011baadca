"""What Discord accepts as an embed; limits from the documentation's "Embed Limits"."""

from collections.abc import Mapping

from veobot.sandbox.discord.form import Fields
from veobot.sandbox.ledger import JsonValue

MAX_EMBEDS = 10
MAX_TITLE = 256
MAX_DESCRIPTION = 4096
MAX_FIELDS = 25
MAX_FIELD_NAME = 256
MAX_FIELD_VALUE = 1024
MAX_FOOTER = 2048
MAX_AUTHOR = 256
MAX_URL = 2048
MAX_COLOR = 0xFFFFFF
# All texts of all embeds of one message together.
MAX_TOTAL_CHARACTERS = 6000

Embed = Mapping[str, JsonValue]

# Files of the same message are named by the scheme "attachment".
PICTURE_SCHEMES = ("http", "https", "attachment")


def read_embeds(message: Fields) -> list[Embed]:
    """Read a message's embeds, in the form in which Discord gives them back."""
    embeds = [_read_embed(fields) for fields in message.children("embeds", maximum=MAX_EMBEDS)]
    if sum(_characters(embed) for embed in embeds) > MAX_TOTAL_CHARACTERS:
        sentence = f"Embed size exceeds maximum size of {MAX_TOTAL_CHARACTERS}"
        message.complain("embeds", "MAX_EMBED_SIZE_EXCEEDED", sentence)
    return [embed for embed in embeds if len(embed) > 1]


def _read_embed(fields: Fields) -> dict[str, JsonValue]:
    embed: dict[str, JsonValue] = {
        "type": "rich",
        "title": fields.text("title", maximum=MAX_TITLE) or None,
        "description": fields.text("description", maximum=MAX_DESCRIPTION) or None,
        "url": fields.url("url", maximum=MAX_URL),
        "color": fields.integer("color", minimum=0, maximum=MAX_COLOR),
        "timestamp": fields.text("timestamp", maximum=40),
        "fields": [
            {
                "name": field.text("name", minimum=1, maximum=MAX_FIELD_NAME, required=True),
                "value": field.text("value", minimum=1, maximum=MAX_FIELD_VALUE, required=True),
                "inline": field.boolean("inline") or False,
            }
            for field in fields.children("fields", maximum=MAX_FIELDS)
        ],
        "footer": _read_named(fields.child("footer"), "text", MAX_FOOTER),
        "author": _read_named(fields.child("author"), "name", MAX_AUTHOR),
        "image": _read_picture(fields.child("image")),
        "thumbnail": _read_picture(fields.child("thumbnail")),
    }
    return {name: value for name, value in embed.items() if value not in (None, [])}


def _read_named(fields: Fields | None, name: str, maximum: int) -> dict[str, JsonValue] | None:
    if fields is None:
        return None
    part: dict[str, JsonValue] = {
        name: fields.text(name, minimum=1, maximum=maximum, required=True),
        "url": fields.url("url", maximum=MAX_URL),
        "icon_url": fields.url("icon_url", maximum=MAX_URL, schemes=PICTURE_SCHEMES),
    }
    return {key: value for key, value in part.items() if value is not None}


def _read_picture(fields: Fields | None) -> dict[str, JsonValue] | None:
    if fields is None or not fields.require("url"):
        return None
    return {"url": fields.url("url", maximum=MAX_URL, schemes=PICTURE_SCHEMES)}


def _characters(embed: Embed) -> int:
    """Count what Discord counts: title, description, field names and values, footer and author."""
    texts = [embed.get("title"), embed.get("description")]
    for part, name in (("footer", "text"), ("author", "name")):
        named = embed.get(part)
        if isinstance(named, Mapping):
            texts.append(named.get(name))
    listed = embed.get("fields")
    if isinstance(listed, list):
        for field in listed:
            texts += [field["name"], field["value"]]
    return sum(len(text) for text in texts if isinstance(text, str))

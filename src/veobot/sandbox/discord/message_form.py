"""What Discord accepts as the body of a new or an edited message."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from veobot.sandbox.discord.components import Component, ComponentReader
from veobot.sandbox.discord.embeds import Embed, read_embeds
from veobot.sandbox.discord.form import Fields, Form
from veobot.sandbox.discord.mentions import EVERYTHING, AllowedMentions, read_allowed_mentions
from veobot.sandbox.discord.model import NO_FLAGS, Message, MessageFlag
from veobot.sandbox.discord.uploads import Submission, Upload

MAX_CONTENT = 2000
MAX_ATTACHMENTS = 10
MAX_DESCRIPTION = 1024
MAX_FILENAME = 1024
MAX_NONCE = 25
MAX_FLAGS = 2**31 - 1
# What a bot may set by itself.
SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_COMPONENTS_V2
)


@dataclass(frozen=True, slots=True)
class AttachmentEntry:
    """One entry of `attachments`: an uploaded file by its number, or a kept one by its id."""

    id: int
    filename: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Reference:
    """What a new message replies to."""

    message_id: int
    channel_id: int | None
    fail_if_not_exists: bool


@dataclass(frozen=True, slots=True)
class MessageForm:
    """A checked message body; None means that the request did not mention the field."""

    content: str | None = None
    embeds: list[Embed] | None = None
    components: list[Component] | None = None
    attachments: list[AttachmentEntry] | None = None
    flags: MessageFlag = NO_FLAGS
    allowed_mentions: AllowedMentions = EVERYTHING
    tts: bool = False
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Reference | None = None
    uploads: Mapping[int, Upload] = field(default_factory=dict)


def read_message(
    submission: Submission, *, path: tuple[str, ...] = (), edited: Message | None = None
) -> MessageForm:
    """Check a message's body and return it in typed form.

    Args:
        submission: the JSON and its files.
        path: where in the request the JSON stands.
        edited: for an edit, the message as it stands.

    Raises:
        ApiError: 400 with code 50035 that names everything that is wrong.
    """
    version_2 = edited is not None and MessageFlag.IS_COMPONENTS_V2 in edited.flags
    own_ids = {file.id for file in edited.attachments} if edited else set()
    uploads = submission.uploads
    form = Form()
    fields = Fields(submission.body, form, path)
    flags = MessageFlag(fields.integer("flags", minimum=0, maximum=MAX_FLAGS, default=0) or 0)
    version_2 = version_2 or MessageFlag.IS_COMPONENTS_V2 in flags
    if version_2:
        _refuse_beside_version_2(fields)
    result = MessageForm(
        content=(fields.text("content", maximum=MAX_CONTENT) or "") if fields.has("content") else None,
        embeds=read_embeds(fields) if fields.has("embeds") else None,
        components=(
            ComponentReader().read_message(fields, version_2=version_2) if fields.has("components") else None
        ),
        attachments=_read_attachments(fields, own_ids | uploads.keys()),
        flags=flags & SETTABLE_FLAGS,
        allowed_mentions=read_allowed_mentions(fields),
        tts=fields.boolean("tts") or False,
        nonce=_read_nonce(fields),
        enforce_nonce=fields.boolean("enforce_nonce") or False,
        reference=_read_reference(fields),
        uploads=uploads,
    )
    if len(uploads) > MAX_ATTACHMENTS:
        sentence = f"Must be {MAX_ATTACHMENTS} or fewer in length."
        fields.complain("attachments", "BASE_TYPE_MAX_LENGTH", sentence)
    form.check()
    return result


def _refuse_beside_version_2(fields: Fields) -> None:
    for name in ("content", "embeds", "poll", "sticker_ids"):
        if fields.body.get(name):
            sentence = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            fields.complain(name, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", sentence)


def _read_attachments(fields: Fields, known_ids: Collection[int]) -> list[AttachmentEntry] | None:
    if not fields.has("attachments"):
        return None
    entries = []
    for entry in fields.children("attachments", maximum=MAX_ATTACHMENTS):
        number = entry.snowflake("id", required=True)
        filename = entry.text("filename", minimum=1, maximum=MAX_FILENAME)
        description = entry.text("description", maximum=MAX_DESCRIPTION)
        if number is None:
            continue
        if number in known_ids:
            entries.append(AttachmentEntry(number, filename, description))
        else:
            entry.complain("id", "ATTACHMENT_NOT_FOUND", f"Attachment data with ID {number} was not found.")
    return entries


def _read_nonce(fields: Fields) -> str | int | None:
    nonce = fields.body.get("nonce")
    if isinstance(nonce, int) and not isinstance(nonce, bool):
        return nonce
    return fields.text("nonce", maximum=MAX_NONCE)


def _read_reference(fields: Fields) -> Reference | None:
    reference = fields.child("message_reference")
    if reference is None:
        return None
    message_id = reference.snowflake("message_id", required=True)
    channel_id = reference.snowflake("channel_id")
    fail_if_not_exists = reference.boolean("fail_if_not_exists")
    if message_id is None:
        return None
    return Reference(message_id, channel_id, fail_if_not_exists is not False)

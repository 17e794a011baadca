"""Creating, editing and deleting messages: what changes, and who is pinged."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord import errors
from veobot.sandbox.discord.announcer import Announcer
from veobot.sandbox.discord.form import Form
from veobot.sandbox.discord.gateway import Gateway
from veobot.sandbox.discord.mentions import AllowedMentions, Mentions, mentions_in
from veobot.sandbox.discord.message_form import AttachmentEntry, MessageForm, Reference
from veobot.sandbox.discord.model import (
    NO_FLAGS,
    Attachment,
    Channel,
    Interaction,
    Message,
    MessageFlag,
    MessageType,
    User,
)
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.permissions import Permission
from veobot.sandbox.discord.sessions import Intent
from veobot.sandbox.discord.snowflakes import Snowflakes
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.discord.uploads import FileStore, Upload
from veobot.sandbox.ledger import Ledger

# "Checked for uniqueness in the past few minutes", says the documentation; taken as three.
NONCE_MEMORY = timedelta(minutes=3)
# Edits of messages older than this are limited (30046). The limit itself is not published.
OLD_AFTER = timedelta(hours=1)
MAX_OLD_EDITS = 30
OLD_EDIT_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Origin:
    """How a message comes to be, apart from its content."""

    author: User
    type: MessageType = MessageType.DEFAULT
    interaction: Interaction | None = None
    reply_to: int | None = None
    forced_flags: MessageFlag = NO_FLAGS


class Messages:
    """The messages of one world.

    Every method is atomic on the event loop: it either does all it promises or raises an ApiError.
    """

    def __init__(
        self,
        *,
        state: DiscordState,
        payloads: Payloads,
        snowflakes: Snowflakes,
        clock: SandboxClock,
        ledger: Ledger,
        gateway: Gateway,
        files: FileStore,
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._snowflakes = snowflakes
        self._clock = clock
        self._gateway = gateway
        self._files = files
        self._announcer = Announcer(state, payloads, ledger, gateway)

    def find(self, channel: Channel, message_id: int) -> Message:
        """Return a message that everybody in the channel sees.

        Raises:
            ApiError: 404 with code 10008.
        """
        message = self._state.messages.get(message_id)
        if message is None or message.channel_id != channel.id or message.ephemeral:
            raise errors.unknown_message()
        return message

    def earlier_with_nonce(self, form: MessageForm) -> Message | None:
        """Return the bot's recent message with the same nonce, if the request asks for it to be unique."""
        if not form.enforce_nonce or form.nonce is None:
            return None
        now = self._clock.now()
        self._state.nonces = {k: v for k, v in self._state.nonces.items() if now - v[1] < NONCE_MEMORY}
        message_id, _ = self._state.nonces.get((self._state.bot.id, str(form.nonce)), (0, now))
        return self._state.messages.get(message_id)

    def create(self, channel: Channel, form: MessageForm, origin: Origin) -> Message:
        """Post a message.

        Raises:
            ApiError: if it would be empty, or replies to what is not there.
        """
        _refuse_in_locked(channel)
        reply_to = origin.reply_to or self._reply_target(channel, form.reference)
        loading = MessageFlag.LOADING in origin.forced_flags
        if not loading and not (form.content or form.embeds or form.components or form.uploads):
            raise errors.empty_message()
        message = Message(
            id=self._snowflakes.next(),
            channel_id=channel.id,
            author=origin.author,
            timestamp=self._clock.now(),
            type=MessageType.REPLY if origin.reply_to is None and reply_to else origin.type,
            content=form.content or "",
            embeds=form.embeds or [],
            components=form.components or [],
            flags=form.flags | origin.forced_flags,
            tts=form.tts,
            reply_to=reply_to,
            interaction=origin.interaction.metadata() if origin.interaction else None,
        )
        message.attachments = self._new_attachments(message, form.uploads, form.attachments or [])
        pinged = self._resolve_mentions(message, channel, form.allowed_mentions)
        self._add(channel, message)
        if form.nonce is not None:
            key = (origin.author.id, str(form.nonce))
            self._state.nonces[key] = (message.id, message.timestamp)
        self._announcer.created(message, pinged=pinged, nonce=form.nonce)
        return message

    def edit(self, message: Message, form: MessageForm) -> None:
        """Change what the form mentions; an edit pings nobody.

        Raises:
            ApiError: if nothing would be left, or the thread is archived.
        """
        channel = self._state.channels[message.channel_id]
        if channel.thread and channel.thread.archived:
            raise errors.thread_is_archived()
        kept = _kept_attachments(message, form.attachments)
        left = (
            message.content if form.content is None else form.content,
            message.embeds if form.embeds is None else form.embeds,
            message.components if form.components is None else form.components,
        )
        if not any(left) and not kept and not form.uploads:
            raise errors.empty_message()
        self._count_old_edit(message)
        previous_content = message.content
        message.content, message.embeds, message.components = left
        self._replace_attachments(message, kept, form)
        if MessageFlag.LOADING not in message.flags:
            # The first text of a deferred answer does not make it an edited message.
            message.edited_at = self._clock.now()
        message.flags &= ~MessageFlag.LOADING
        message.flags |= form.flags & (MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2)
        self._resolve_mentions(message, channel, form.allowed_mentions)
        self._announcer.edited(message, previous_content=previous_content)

    def delete(self, message: Message) -> None:
        """Delete a message and its files."""
        channel = self._state.channels[message.channel_id]
        self._forget(message)
        channel.message_ids.remove(message.id)
        self._announcer.deleted(message)

    def forget_channel(self, channel: Channel) -> None:
        """Delete all messages of a channel that is no more; Discord announces none of these."""
        for message_id in channel.message_ids:
            self._forget(self._state.messages[message_id])

    def _add(self, channel: Channel, message: Message) -> None:
        if channel.thread and channel.thread.archived:
            channel.thread.archived = False
            channel.thread.archive_timestamp = self._clock.now()
            data = self._payloads.channel(channel)
            self._gateway.dispatch("THREAD_UPDATE", data, guild_id=self._state.guild.id, intent=Intent.GUILDS)
        self._state.messages[message.id] = message
        channel.message_ids.append(message.id)

    def _reply_target(self, channel: Channel, reference: Reference | None) -> int | None:
        if reference is None:
            return None
        if Permission.READ_MESSAGE_HISTORY not in self._state.bot_permissions(channel):
            raise errors.cannot_reply_without_history()
        target = self._state.messages.get(reference.message_id)
        elsewhere = reference.channel_id not in (None, channel.id)
        if target is not None and target.channel_id == channel.id and not target.ephemeral and not elsewhere:
            return target.id
        if reference.fail_if_not_exists:
            form = Form()
            form.complain(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            form.check()
        return None

    def _replace_attachments(self, message: Message, kept: list[Attachment], form: MessageForm) -> None:
        described = {entry.id: entry.description for entry in form.attachments or []}
        for file in kept:
            file.description = described.get(file.id) or file.description
        kept_ids = {file.id for file in kept}
        self._forget_files([file for file in message.attachments if file.id not in kept_ids])
        message.attachments = kept + self._new_attachments(message, form.uploads, form.attachments or [])

    def _new_attachments(
        self, message: Message, uploads: Mapping[int, Upload], entries: Collection[AttachmentEntry]
    ) -> list[Attachment]:
        described = {entry.id: entry.description for entry in entries}
        files = [
            Attachment(
                id=upload.id,
                channel_id=message.channel_id,
                filename=upload.filename,
                size=upload.size,
                content_type=upload.content_type,
                path=upload.path,
                description=described.get(number) or None,
                ephemeral=message.ephemeral,
            )
            for number, upload in sorted(uploads.items())
        ]
        self._state.attachments.update((file.id, file) for file in files)
        return files

    def _resolve_mentions(self, message: Message, channel: Channel, allowed: AllowedMentions) -> list[int]:
        """Note whom the message mentions, and return whom a new one pings."""
        permissions = self._state.bot_permissions(channel)
        by_bot = message.author.id == self._state.bot.id
        mentions: Mentions = mentions_in(
            message.content,
            allowed,
            known_users=self._state.users.keys(),
            known_roles=self._state.guild.roles.keys() - {self._state.guild.id},
            may_mention_everyone=not by_bot or Permission.MENTION_EVERYONE in permissions,
        )
        user_ids = list(mentions.user_ids)
        replied = self._state.messages.get(message.reply_to or 0)
        # An answer to an interaction is shown as a reply, but is addressed to nobody.
        by_choice = replied is not None and message.interaction is None and allowed.replied_user
        if by_choice and replied is not None and replied.author.id not in user_ids:
            user_ids.append(replied.author.id)
        message.mention_ids = user_ids
        message.mention_role_ids = list(mentions.role_ids)
        message.mention_everyone = mentions.everyone
        # Nobody is notified of what only they see, or of what they wrote themselves.
        return [] if message.ephemeral else [i for i in user_ids if i != message.author.id]

    def _count_old_edit(self, message: Message) -> None:
        if self._clock.now() - message.timestamp < OLD_AFTER:
            return
        if message.old_edits >= MAX_OLD_EDITS:
            raise errors.too_many_old_edits(OLD_EDIT_RETRY_SECONDS)
        message.old_edits += 1

    def _forget(self, message: Message) -> None:
        del self._state.messages[message.id]
        self._forget_files(message.attachments)

    def _forget_files(self, files: Iterable[Attachment]) -> None:
        for file in files:
            if self._state.attachments.pop(file.id, None):
                self._files.discard([file.path])


def _refuse_in_locked(channel: Channel) -> None:
    """Raise if only moderators write in the thread; an archived one that is not locked comes back to life."""
    if channel.thread and channel.thread.locked:
        raise errors.thread_is_archived() if channel.thread.archived else errors.thread_is_locked()


def _kept_attachments(message: Message, entries: Collection[AttachmentEntry] | None) -> list[Attachment]:
    """Return which of its files an edited message keeps: all, or those that the edit lists."""
    if entries is None:
        return list(message.attachments)
    listed = {entry.id for entry in entries}
    return [file for file in message.attachments if file.id in listed]

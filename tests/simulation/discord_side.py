"""Discord as it is: members, channels, messages and tokens, whoever is alive to see it."""

import itertools
from dataclasses import dataclass

from veobot.core.errors import MessageGone, Permanent, TokenExpired, TooLarge, Unreachable
from veobot.core.ports import Deleted, NotAcknowledged, Unknowable
from veobot.core.request import MessageId, Placeholder

from .record import TOKEN_SECONDS, Command, Content, Kind, Message, Record

ANSWER_SECONDS = 3.0
"""A command that nobody answers by then is dead."""
NONCE_SECONDS = 180.0
"""How long Discord remembers a nonce: "the past few minutes"."""

UNKNOWN_CHANNEL, NO_ACCESS, NO_PERMISSION = 10003, 50001, 50013


class AlreadyAnswered(Permanent):
    """Discord takes one answer (40060)."""


class UnknownInteraction(Permanent):
    """Too late (10062)."""


@dataclass(slots=True)
class Channel:
    """What the bot may do here."""

    deleted: bool = False
    hidden: bool = False
    muted: bool = False
    no_files: bool = False
    no_history: bool = False

    @property
    def writable(self) -> bool:
        return not (self.deleted or self.hidden or self.muted)

    @property
    def readable(self) -> bool:
        return not (self.deleted or self.hidden or self.no_history)


@dataclass(frozen=True, slots=True)
class Shown:
    """An outcome on its way: its text, and the file where there is one."""

    failure: str | None
    prompt: str
    user_id: int
    channel_id: int
    """Whom a new message mentions, and where it is sent."""
    file: str | None = None
    """The prefix of the video in the file."""
    link: str | None = None
    size_bytes: int = 0


class Discord:
    """Every method is the effect of one call, at the moment when it takes place."""

    def __init__(self, record: Record, channels: int, limits: dict[int, int]) -> None:
        self._record = record
        self.limits = limits
        """By request: the largest file that Discord really takes, in bytes."""
        self._ids = itertools.count(9000)
        self._files: dict[int, str | None] = {}
        self._nonces: dict[int, tuple[float, int]] = {}
        self.channels = {100 + number: Channel() for number in range(channels)}
        self.dead_tokens: set[int] = set()
        """Tokens that died early, by request."""

    # -- the one answer to a command

    def acknowledge(self, command: Command, now: float, *, committed: bool) -> MessageId:
        self._take_answer(command, now)
        command.acknowledged_at = now
        command.acknowledged_committed = committed
        content = Content(Kind.PROGRESS, command.request_id, command.prompt)
        message = self._new(command.request_id, command.user_id, command.channel_id, content, now)
        message.is_placeholder = True
        command.placeholder_id = message.id
        return MessageId(message.id)

    def refuse(self, command: Command, reason: str, now: float) -> None:
        self._take_answer(command, now)
        command.refused_at = now
        command.refusal = reason

    def _take_answer(self, command: Command, now: float) -> None:
        if command.acknowledged_at is not None or command.refused_at is not None:
            raise AlreadyAnswered
        if now - command.at > ANSWER_SECONDS:
            raise UnknownInteraction

    def find_acknowledgement(
        self, command: Command, now: float, *, token: bool, hint: bool
    ) -> Placeholder | Deleted | NotAcknowledged | Unknowable:
        """Look by the token where there is one, else in the channel's history, which knows no deleted messages."""
        if token and self._token_alive(command, now):
            message = self._placeholder(command)
            if message is not None:
                return Placeholder(MessageId(message.id))
            return NotAcknowledged() if command.acknowledged_at is None else Deleted()
        answered = command.acknowledged_at is not None or command.refused_at is not None
        if token and hint and not answered:
            return NotAcknowledged()  # 10015: such a token never came to life
        channel = self.channels[command.channel_id]
        if not channel.readable:
            return Unknowable()
        message = self._placeholder(command)
        return NotAcknowledged() if message is None else Placeholder(MessageId(message.id))

    def _placeholder(self, command: Command) -> Message | None:
        message = self._record.messages.get(command.placeholder_id or 0)
        return None if message is None or message.deleted_at is not None else message

    def _token_alive(self, command: Command, now: float) -> bool:
        answered = command.acknowledged_at is not None or command.refused_at is not None
        in_time = now - command.at < (TOKEN_SECONDS if answered else ANSWER_SECONDS)
        return in_time and command.request_id not in self.dead_tokens

    # -- channels

    def check_reachable(self, command: Command) -> None:
        channel = self.channels[command.channel_id]
        if channel.deleted:
            raise Unreachable(discord_code=UNKNOWN_CHANNEL)
        if channel.hidden:
            raise Unreachable(discord_code=NO_ACCESS)
        if channel.muted:
            raise Unreachable(discord_code=NO_PERMISSION)

    # -- the placeholder

    def edit_text(self, command: Command, content: Content, now: float, *, token: bool) -> None:
        """Edit the text only: through the token where it is alive, else through the channel."""
        if token and self._token_alive(command, now):
            message = self._editable(command, through_token=True, now=now)
        else:
            message = self._editable(command, through_token=False, now=now)
        self._say(message, content, now)

    def edit_outcome(self, command: Command, shown: Shown, now: float, *, through_token: bool) -> None:
        message = self._editable(command, through_token=through_token, now=now)
        self._check_file(command, shown, through_token=through_token)
        self._files[message.id] = shown.file
        self._say(message, _outcome(command, shown), now)

    def _editable(self, command: Command, *, through_token: bool, now: float) -> Message:
        if through_token and not self._token_alive(command, now):
            raise TokenExpired
        channel = self.channels[command.channel_id]
        if not through_token:
            if channel.deleted:
                raise Unreachable(discord_code=UNKNOWN_CHANNEL)
            if channel.hidden:
                raise Unreachable(discord_code=NO_ACCESS)
        message = self._placeholder(command)
        if message is None:
            raise MessageGone
        return message

    def _check_file(self, command: Command, shown: Shown, *, through_token: bool) -> None:
        if shown.file is None:
            return
        if self.channels[command.channel_id].no_files and not through_token:
            raise Unreachable(discord_code=NO_PERMISSION)
        if shown.size_bytes > self.limits[command.request_id]:
            raise TooLarge

    def _say(self, message: Message, content: Content, now: float) -> None:
        file = self._files.get(message.id)
        if file is not None and content.kind is Kind.OUTCOME:
            content = Content(content.kind, content.request_id, content.prompt, content.failure, file)
        message.contents.append((now, content))

    def shows_video(self, command: Command, now: float, *, token: bool) -> bool:
        if not (token and self._token_alive(command, now)) and not self.channels[command.channel_id].readable:
            return False
        message = self._placeholder(command)
        return message is not None and self._files.get(message.id) is not None

    # -- new messages

    def find_outcome(self, command: Command) -> MessageId | None:
        channel = self.channels[command.channel_id]
        if not channel.readable:
            return None
        for message in self._record.messages.values():
            mine = message.request_id == command.request_id and not message.is_placeholder
            if mine and message.deleted_at is None:
                return MessageId(message.id)
        return None

    def post_outcome(self, command: Command, shown: Shown, now: float) -> MessageId:
        self.check_reachable(command)
        self._check_file(command, shown, through_token=False)
        earlier = self._nonces.get(command.request_id)
        if earlier is not None and now - earlier[0] < NONCE_SECONDS:
            return MessageId(earlier[1])
        content = _outcome(command, shown)
        message = self._new(command.request_id, shown.user_id, shown.channel_id, content, now)
        self._files[message.id] = shown.file
        self._nonces[command.request_id] = (now, message.id)
        return MessageId(message.id)

    def _new(self, request_id: int, user_id: int, channel_id: int, content: Content, now: float) -> Message:
        message = Message(
            id=next(self._ids),
            channel_id=channel_id,
            user_id=user_id,
            request_id=request_id,
            at=now,
            is_placeholder=False,
            contents=[(now, content)],
        )
        self._record.messages[message.id] = message
        return message

    # -- what humans do

    def delete_placeholder(self, command: Command, now: float) -> None:
        message = self._placeholder(command)
        if message is not None:
            message.deleted_at = now

    def delete_channel(self, channel_id: int, now: float) -> None:
        self.channels[channel_id].deleted = True
        for message in self._record.messages.values():
            if message.channel_id == channel_id and message.deleted_at is None:
                message.deleted_at = now


def _outcome(command: Command, shown: Shown) -> Content:
    return Content(
        Kind.OUTCOME,
        command.request_id,
        shown.prompt,
        failure=shown.failure,
        video=shown.file or shown.link,
        link=shown.link is not None,
    )

"""What the ledger says of each request: who asked, what was paid, what the member was told and where."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from veobot.sandbox.ledger import Entry, JsonValue

# What tells a reason from a report on the way: each of the bot's reasons ends in the advice to try again.
_REASON = re.compile(r"/veo` again", re.IGNORECASE)

_VIDEO_SUFFIX = ".mp4"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A visible message that carries a request's video, or the reason why there is none.

    Attributes:
        interaction_id: whose answer the message is; None for a message of its own.
        mentions: the users who were notified.
        url: where the video is; None for a reason.
        description: the video's, as screen readers read it.
    """

    seq: int
    message_id: str
    kind: Literal["video", "reason"]
    channel_id: str
    interaction_id: str | None
    reply_to: str | None
    mentions: tuple[str, ...]
    ephemeral: bool
    text: str
    url: str | None
    size_bytes: int
    description: str


@dataclass(slots=True)
class Account:
    """One request, as the ledger knows it.

    Attributes:
        asked: the member's command.
        placeholder_id: the message that acknowledged it, if one did.
        text: what that message says now.
        told: for each message that ever carried the outcome, how it did so first.
        standing: those of them that carry it still.
    """

    asked: Entry
    placeholder_id: str | None = None
    text: str = ""
    text_seq: int = 0
    submissions: list[Entry] = field(default_factory=list)
    finished: list[Entry] = field(default_factory=list)
    polls: list[Entry] = field(default_factory=list)
    told: dict[str, Outcome] = field(default_factory=dict)
    standing: dict[str, Outcome] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The interaction's id."""
        return self.asked.text("id")

    @property
    def user_id(self) -> str:
        """Who asked."""
        return self.asked.text("user_id")

    @property
    def channel_id(self) -> str:
        """Where."""
        return self.asked.text("channel_id")

    @property
    def prompt(self) -> str:
        """What for."""
        return self.asked.text("prompt")

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that the member sees; the first, if there are several."""
        return next(iter(self.standing.values()), None)

    @property
    def operations(self) -> set[str]:
        """Vertex's names of what was paid for this request."""
        return {entry.text("operation") for entry in self.submissions}


class Accounts:
    """Reads the ledger entry by entry and keeps one account for each request, in the order they were asked."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._by_id: dict[str, Account] = {}
        self._owner_of_message: dict[str, Account] = {}
        for entry in entries:
            self.read(entry)

    def all(self) -> list[Account]:
        """Return the accounts, oldest command first."""
        return list(self._by_id.values())

    def find(self, prompt: str) -> Account | None:
        """Return the account of the request with this prompt; None before it was asked."""
        return next((account for account in self._by_id.values() if account.prompt == prompt), None)

    def read(self, entry: Entry) -> None:
        """Book one more entry."""
        match entry.kind:
            case "interaction" if isinstance(entry.fields.get("prompt"), str):
                # A command that is dispatched twice stays one request.
                self._by_id.setdefault(entry.text("id"), Account(entry))
            case "acknowledged":
                self._acknowledged(entry)
            case "submission":
                self._submitted(entry)
            case "poll" | "finished":
                self._operation(entry)
            case "message" | "edit":
                self._said(entry)
            case "delete":
                for account in self._by_id.values():
                    account.standing.pop(entry.text("message_id"), None)
            case _:
                pass

    def _acknowledged(self, entry: Entry) -> None:
        account = self._by_id.get(entry.text("interaction_id"))
        message_id = entry.fields.get("message_id")
        if account is not None and isinstance(message_id, str):
            account.placeholder_id = message_id
            self._owner_of_message[message_id] = account

    def _submitted(self, entry: Entry) -> None:
        labels = entry.fields.get("labels")
        label = labels.get("request_id") if isinstance(labels, Mapping) else None
        account = self._by_id.get(str(label)) or self.find(str(entry.fields.get("prompt")))
        if account is not None:
            account.submissions.append(entry)

    def _operation(self, entry: Entry) -> None:
        operation = entry.fields.get("operation")
        for account in self._by_id.values():
            if operation in account.operations:
                (account.polls if entry.kind == "poll" else account.finished).append(entry)

    def _said(self, entry: Entry) -> None:
        outcome = _read_outcome(entry)
        owner = self._by_id.get(str(entry.fields.get("interaction_id")))
        if owner is not None:
            owner.placeholder_id = owner.placeholder_id or entry.text("message_id")
            self._owner_of_message[entry.text("message_id")] = owner
            owner.text, owner.text_seq = _text(entry), entry.seq
        if outcome is None:
            for told in self._by_id.values():
                told.standing.pop(entry.text("message_id"), None)
            return
        account = self._meant(outcome) or owner or self._answered(outcome)
        if account is not None:
            account.told.setdefault(outcome.message_id, outcome)
            account.standing[outcome.message_id] = outcome

    def _meant(self, outcome: Outcome) -> Account | None:
        """Return whose outcome this is by what it says, whoever it was sent to."""
        for said in (outcome.description, outcome.text):  # what is shown counts more than what is said of it
            by_prompt = (account for account in self._by_id.values() if account.prompt in said)
            by_id = (account for account in self._by_id.values() if account.id in said)
            if account := next(by_prompt, None) or next(by_id, None):
                return account
        return None

    def _answered(self, outcome: Outcome) -> Account | None:
        return self._owner_of_message.get(outcome.reply_to or "")


def _read_outcome(entry: Entry) -> Outcome | None:
    """Return the outcome that a message carries; None if it carries none."""
    files = entry.fields.get("attachments")
    videos = [
        file
        for file in (files if isinstance(files, Sequence) else ())
        if isinstance(file, Mapping) and str(file.get("filename")).endswith(_VIDEO_SUFFIX)
    ]
    text = _text(entry)
    if not videos and not _REASON.search(text):
        return None
    video: Mapping[str, JsonValue] = videos[0] if videos else {}
    size, mentions = video.get("size"), entry.fields.get("mentions")
    return Outcome(
        seq=entry.seq,
        message_id=entry.text("message_id"),
        kind="video" if videos else "reason",
        channel_id=entry.text("channel_id"),
        interaction_id=_optional(entry, "interaction_id"),
        reply_to=_optional(entry, "reply_to"),
        mentions=tuple(str(user) for user in mentions) if isinstance(mentions, Sequence) else (),
        ephemeral=entry.fields.get("ephemeral") is True,
        text=text,
        url=str(video["url"]) if videos else None,
        size_bytes=size if isinstance(size, int) else 0,
        description=str(video.get("description") or ""),
    )


def _optional(entry: Entry, name: str) -> str | None:
    value = entry.fields.get(name)
    return value if isinstance(value, str) else None


def _text(entry: Entry) -> str:
    """Return everything that a message says, its embeds included."""
    parts = [str(entry.fields.get("content") or "")]
    embeds = entry.fields.get("embeds")
    for embed in embeds if isinstance(embeds, Sequence) else ():
        if isinstance(embed, Mapping):
            parts += [str(embed[name]) for name in ("title", "description") if embed.get(name)]
    return "\n".join(part for part in parts if part)

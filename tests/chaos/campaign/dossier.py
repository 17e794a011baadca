"""What the ledger says of each request: asked, acknowledged, paid, and every state of every message about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from veobot.sandbox.ledger import Entry

_SMALL_LINE_ID = re.compile(r"^-# .*\brequest (\d{15,20})$", re.IGNORECASE | re.MULTILINE)
_PROGRESS = ("🕓", "🎬", "🔎")
_POINTERS = ("✅ Finished: [see", "🏁 Ended: [see")
_REASON = re.compile(r"/veo` again")
_LINK = re.compile(r"\[watch it here\]\((\S+)\)")


class Says(Enum):
    """What a message says at one time."""

    PROGRESS = "progress"
    POINTER = "a pointer"
    VIDEO = "the video"
    REASON = "a reason"
    NOTHING_KNOWN = "something unknown"


def says(entry: Entry) -> Says:
    """Read one state of a message."""
    content = str(entry.fields["content"])
    if content.startswith(_POINTERS):
        return Says.POINTER
    if files_of(entry) or _LINK.search(content):
        return Says.VIDEO
    if _REASON.search(content):
        return Says.REASON
    return Says.PROGRESS if content.startswith(_PROGRESS) else Says.NOTHING_KNOWN


def files_of(entry: Entry) -> list[Mapping[str, object]]:
    """Return the files that a message carries."""
    files = entry.fields["attachments"]
    return [file for file in files if isinstance(file, Mapping)] if isinstance(files, Sequence) else []


def link_of(entry: Entry) -> str | None:
    """Return the address of the video that a message links to."""
    found = _LINK.search(str(entry.fields["content"]))
    return found[1].replace("%28", "(").replace("%29", ")") if found else None


def shows_progress(entry: Entry) -> bool:
    """Whether a message's text is about something under way, whatever file it carries."""
    return str(entry.fields["content"]).startswith(_PROGRESS)


@dataclass(slots=True)
class Dossier:
    """One command.

    Attributes:
        acknowledged: the accepted answer that everybody can see; None where there was none.
        submissions: each was charged for.
        finished: by operation.
        messages: each visible message about it, with all its states, oldest first.
        deletions: of those messages.
    """

    asked: Entry
    acknowledged: Entry | None = None
    submissions: list[Entry] = field(default_factory=list)
    finished: dict[str, Entry] = field(default_factory=dict)
    messages: dict[str, list[Entry]] = field(default_factory=dict)
    deletions: list[Entry] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The interaction's id."""
        return self.asked.text("id")

    @property
    def prompt(self) -> str:
        """What was asked for."""
        return self.asked.text("prompt")

    @property
    def user_id(self) -> str:
        """Who asked."""
        return self.asked.text("user_id")

    @property
    def channel_id(self) -> str:
        """Where."""
        return self.asked.text("channel_id")

    @property
    def placeholder_id(self) -> str | None:
        """The message by which it was acknowledged."""
        return None if self.acknowledged is None else self.acknowledged.text("message_id")

    @property
    def told(self) -> list[Entry]:
        """For each message that ever was the outcome, its first state that was."""
        firsts = (
            next((entry for entry in states if says(entry) in {Says.VIDEO, Says.REASON}), None)
            for states in self.messages.values()
        )
        return [entry for entry in firsts if entry is not None]

    @property
    def entries(self) -> list[Entry]:
        """Everything the ledger has about it, in order."""
        states = [entry for message in self.messages.values() for entry in message]
        own = [self.asked, *([self.acknowledged] if self.acknowledged else []), *self.submissions]
        own += self.deletions
        return sorted([*own, *self.finished.values(), *states], key=lambda entry: entry.seq)


class Archive:
    """All dossiers, by the request's id, and what belongs to none."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.by_id: dict[str, Dossier] = {}
        self.strays: list[Entry] = []
        """Paid videos and messages of the bot's that belong to no command: there must be none."""
        self._owner_of_message: dict[str, Dossier] = {}
        self._owner_of_operation: dict[str, Dossier] = {}
        for entry in entries:
            self._read(entry)

    def _read(self, entry: Entry) -> None:
        match entry.kind:
            case "interaction" if isinstance(entry.fields["prompt"], str):
                self.by_id.setdefault(entry.text("id"), Dossier(entry))
            case "acknowledged" if entry.fields["message_id"] and not entry.fields["ephemeral"]:
                dossier = self.by_id.get(entry.text("interaction_id"))
                if dossier is not None:
                    dossier.acknowledged = entry
            case "submission":
                self._paid(entry)
            case "finished":
                if owner := self._owner_of_operation.get(entry.text("operation")):
                    owner.finished[entry.text("operation")] = entry
            case "message" | "edit" if not entry.fields["ephemeral"]:
                self._shown(entry)
            case "delete":
                if owner := self._owner_of_message.get(entry.text("message_id")):
                    owner.deletions.append(entry)
            case _:
                pass

    def _paid(self, entry: Entry) -> None:
        """By the prefix that the video goes to, not by its prompt: that is judged."""
        parts = str(entry.fields["storage_uri"]).split("/")
        owner = next((self.by_id[part] for part in parts if part in self.by_id), None)
        if owner is None:
            self.strays.append(entry)
            return
        owner.submissions.append(entry)
        self._owner_of_operation[entry.text("operation")] = owner

    def _shown(self, entry: Entry) -> None:
        message_id = entry.text("message_id")
        owner = self._owner_of_message.get(message_id) or self.by_id.get(str(entry.fields["interaction_id"]))
        if owner is None and (named := _SMALL_LINE_ID.search(str(entry.fields["content"]))):
            owner = self.by_id.get(named[1])
        if owner is None:
            self.strays.append(entry)
            return
        self._owner_of_message[message_id] = owner
        owner.messages.setdefault(message_id, []).append(entry)

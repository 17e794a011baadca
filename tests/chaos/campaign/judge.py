"""What the ledger and the database prove. What the bot says of itself is not asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from chaos.campaign.dossier import Archive, Dossier, Says, files_of, link_of, says, shows_progress
from chaos.campaign.memory import Row
from chaos.campaign.mishaps import CLOCK_TOLERANCE, Closing, Mishaps
from veobot.sandbox.ledger import Entry

MICRO_USD = 1_000_000

_AFTER_A_DELETION = {"withdrawn", "unacknowledged"}
"""How a request may be closed whose placeholder is gone, alone or with its channel: also before the bot knew of it."""


class Broken(Enum):
    """What can be wrong with one request; the value follows its number."""

    LOST = "was acknowledged, and its member was told nothing"
    UNSTORED = "was acknowledged, and is not in the database"
    TOLD_TWICE = "was told by more than one message"
    CHANGED = "was told something, and then something else"
    OVERWRITTEN = "was told, and what stands there now is something else"
    PAID_TWICE = "was paid twice without an excuse"
    UNCOUNTED = "cost more than the budget was charged"
    PAID_UNPROMISED = "was paid for, though its member was never shown that it was accepted"
    TOLD_UNPROMISED = "was told, though its member was never shown that it was accepted"
    WRONG_MEMBER = "was told to somebody else"
    WRONG_PLACE = "was told in another place"
    WRONG_PROMPT = "was paid, told or stored with another prompt"
    WRONG_VIDEO = "was told with a file that is not the video made for it"
    UNCLOSED = "is still owed something in the database"
    WRONG_CLOSURE = "was closed for a reason that the world does not know"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    dossier: Dossier
    broken: Broken
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is judged.

    Attributes:
        wrong_videos: what looking at the delivered files found, by message.
        submit_timeout, generation_deadline: the bot's settings, which say until when a lost answer is waited for.
    """

    entries: Sequence[Entry]
    requests: Sequence[Row]
    submissions: Sequence[Row]
    mishaps: Mishaps
    wrong_videos: Mapping[str, str]
    submit_timeout: timedelta
    generation_deadline: timedelta


@dataclass(slots=True)
class Verdict:
    """The judgement of one campaign's requests."""

    asked: int = 0
    acknowledged: int = 0
    told_video: int = 0
    told_reason: int = 0
    undeliverable: int = 0
    withdrawn: int = 0
    findings: list[Finding] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Requests paid twice, each with its excuse."""
    strays: list[Entry] = field(default_factory=list)

    def count(self, *kinds: Broken) -> int:
        """Return how many requests have one of these faults."""
        return len({finding.dossier.id for finding in self.findings if finding.broken in kinds})


def judge(evidence: Evidence) -> Verdict:
    """Judge every command that the world has seen."""
    archive = Archive(evidence.entries)
    rows = {str(row["id"]): row for row in evidence.requests}
    verdict = Verdict(asked=len(archive.by_id), strays=archive.strays)
    for dossier in archive.by_id.values():
        _Case(dossier, rows.get(dossier.id), evidence, verdict).judge()
    return verdict


class _Case:
    """One request before the judge."""

    def __init__(self, dossier: Dossier, row: Row | None, evidence: Evidence, verdict: Verdict) -> None:
        self._dossier = dossier
        self._row = row
        self._evidence = evidence
        self._verdict = verdict

    def judge(self) -> None:
        """Look at everything, promised or not."""
        if self._dossier.acknowledged is not None:
            self._promised()
        else:
            self._unpromised()
        self._stored()
        self._paid()
        for told in self._dossier.told:
            self._addressed(told)
        self._as_it_stands()

    def _find(self, broken: Broken, detail: str = "") -> None:
        self._verdict.findings.append(Finding(self._dossier, broken, detail))

    # -- told exactly once

    def _promised(self) -> None:
        self._verdict.acknowledged += 1
        told = self._dossier.told
        if self._row is None:
            self._find(Broken.UNSTORED)
        if len(told) > 1:
            self._find(Broken.TOLD_TWICE, ", ".join(str(entry.seq) for entry in told))
        if told:
            self._verdict.told_video += says(told[0]) is Says.VIDEO
            self._verdict.told_reason += says(told[0]) is Says.REASON
        elif self._closure == "undeliverable" and self._closed_where_it_could_not_tell:
            self._verdict.undeliverable += 1
        elif self._closure in _AFTER_A_DELETION and self._placeholder_is_gone:
            self._verdict.withdrawn += 1
        else:
            self._find(Broken.LOST, f"closed as {self._closure}")

    def _unpromised(self) -> None:
        if any(not self._could_not_be_read_before(entry) for entry in self._dossier.submissions):
            self._find(Broken.PAID_UNPROMISED)
        if any(not self._could_not_be_read_before(entry) for entry in self._dossier.told):
            self._find(Broken.TOLD_UNPROMISED)

    @property
    def _closure(self) -> object:
        return None if self._row is None else self._row["closure"]

    @property
    def _closings(self) -> list[Closing]:
        """When its channel was closed to the bot."""
        return [c for c in self._evidence.mishaps.closings if c.channel_id == self._dossier.channel_id]

    @property
    def _closed_where_it_could_not_tell(self) -> bool:
        """Whether the row was closed while its channel was closed, or as soon after as the bot may learn of it."""
        closed_at = self._closed_at
        return closed_at is not None and any(c.explains(closed_at) for c in self._closings)

    def _could_not_be_read_before(self, entry: Entry) -> bool:
        """Whether the bot may have looked for its placeholder in a closed channel: it then believes the best."""
        return any(c.overlaps(self._dossier.asked.at, entry.at) for c in self._closings)

    @property
    def _placeholder_is_gone(self) -> bool:
        if self._dossier.placeholder_id in self._evidence.mishaps.deleted_messages:
            return True
        closed_at = self._closed_at
        return closed_at is not None and any(c.deleted and c.began_before(closed_at) for c in self._closings)

    @property
    def _closed_at(self) -> datetime | None:
        closed_at = None if self._row is None else self._row["closed_at"]
        return None if closed_at is None else moment(closed_at)

    # -- what the rows say

    def _stored(self) -> None:
        row, dossier = self._row, self._dossier
        if row is None:
            return
        if row["closed_at"] is None:
            self._find(Broken.UNCLOSED, f"status {row['status']}")
        if str(row["prompt"]) != dossier.prompt:
            self._find(Broken.WRONG_PROMPT, f"stored as {row['prompt']!r}")
        if (str(row["user_id"]), str(row["channel_id"])) != (dossier.user_id, dossier.channel_id):
            self._find(Broken.WRONG_MEMBER, "stored for another member or channel")
        match row["closure"]:
            case "delivered":
                fits = bool(dossier.told)
            case "undeliverable":
                fits = self._closed_where_it_could_not_tell
            case "withdrawn":
                fits = self._placeholder_is_gone
            case "unacknowledged":
                fits = dossier.acknowledged is None or self._placeholder_is_gone
            case closure:
                fits = closure is None
        if not fits:
            self._find(Broken.WRONG_CLOSURE, str(row["closure"]))

    # -- paid once

    def _paid(self) -> None:
        paid = self._dossier.submissions
        for entry in paid:
            if entry.fields["prompt"] != self._dossier.prompt:
                self._find(Broken.WRONG_PROMPT, f"paid as {entry.fields['prompt']!r}")
        self._counted(paid)
        if len(paid) < 2:
            return
        excuse = self._excuse(*paid) if len(paid) == 2 else None
        if excuse is None:
            self._find(Broken.PAID_TWICE, f"{len(paid)} submissions")
        else:
            self._verdict.excused.append(f"{self._dossier.id}: {excuse}")

    def _counted(self, paid: Sequence[Entry]) -> None:
        """What Vertex charges for, which is what it finished, must be in the budget."""
        ends = self._dossier.finished
        billed = [
            e for e in paid if (end := ends.get(e.text("operation"))) and end.fields["result"] == "done"
        ]
        cost = sum(round(float(str(entry.fields["cost_usd"])) * MICRO_USD) for entry in billed)
        charged = 0 if self._row is None else self._row["charged_micro_usd"]
        if isinstance(charged, int) and charged < cost:
            self._find(Broken.UNCOUNTED, f"{charged} of {cost} micro-USD")

    def _excuse(self, first: Entry, second: Entry) -> str | None:
        """Return why the second was right: the first's answer was lost, its time was over, and no video came in it."""
        rows = [r for r in self._evidence.submissions if str(r["request_id"]) == self._dossier.id]
        row = next((r for r in rows if r["attempt"] == 1), None)
        if row is None or row["operation"] is not None:
            return None
        waited = self._evidence.submit_timeout + self._evidence.generation_deadline
        deadline = moment(row["intended_at"]) + waited
        if second.at < deadline - CLOCK_TOLERANCE:
            return None
        finished = self._dossier.finished.get(first.text("operation"))
        if finished is None:
            return "its first answer was lost, and that video never finished"
        if finished.fields["result"] != "done" or not finished.fields["object"]:
            return f"its first answer was lost, and that video ended without a file ({finished.fields['result']})"
        if _is_empty(first):
            return "its first answer was lost, and that video's file is empty"
        if finished.at >= deadline - CLOCK_TOLERANCE:
            return f"its first answer was lost, and that video came at {finished.at:%T}, after {deadline:%T}"
        return None

    # -- told right

    def _addressed(self, told: Entry) -> None:
        dossier = self._dossier
        content = str(told.fields["content"])
        if told.fields["channel_id"] != dossier.channel_id:
            self._find(Broken.WRONG_PLACE, f"channel {told.fields['channel_id']}")
        if told.kind == "message" and told.fields["interaction_id"] is None:
            mentions = told.fields["mentions"]
            pinged = {str(user) for user in mentions} if isinstance(mentions, Sequence) else set()
            replies = told.fields["reply_to"] in {dossier.placeholder_id, None}
            if f"<@{dossier.user_id}>" not in content or pinged - {dossier.user_id} or not replies:
                self._find(Broken.WRONG_MEMBER, f"message {told.seq}")
        elif told.fields["interaction_id"] != dossier.id:
            self._find(Broken.WRONG_MEMBER, f"message {told.seq}")
        if says(told) is Says.VIDEO:
            self._video(told, content)

    def _video(self, told: Entry, content: str) -> None:
        dossier = self._dossier
        files, link = files_of(told), link_of(told)
        if dossier.prompt not in content:
            self._find(Broken.WRONG_PROMPT, f"told in message {told.seq}")
        if any(dossier.prompt not in str(file["description"]) for file in files):
            self._find(Broken.WRONG_PROMPT, f"described in message {told.seq}")
        if len(files) + (link is not None) != 1:
            self._find(Broken.WRONG_VIDEO, f"{len(files)} files")
        if (problem := self._evidence.wrong_videos.get(told.text("message_id"))) is not None:
            self._find(Broken.WRONG_VIDEO, problem)

    def _as_it_stands(self) -> None:
        """The outcome's message still says the outcome, and the same one."""
        for told in self._dossier.told:
            states = self._dossier.messages[told.text("message_id")]
            kinds = {says(entry) for entry in states if entry.seq >= told.seq and not shows_progress(entry)}
            if len(kinds) > 1:
                self._find(Broken.CHANGED, " → ".join(sorted(kind.value for kind in kinds)))
            if shows_progress(states[-1]) or says(states[-1]) is not says(told):
                self._find(Broken.OVERWRITTEN, f"entry {states[-1].seq}")


def _is_empty(submission: Entry) -> bool:
    """Whether the prompt asked the sandbox for a file without content."""
    return "empty" in str(submission.fields["prompt"])


def moment(milliseconds: object) -> datetime:
    """Return a time as the rows have it."""
    assert isinstance(milliseconds, int)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

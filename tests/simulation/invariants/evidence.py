"""A record, sorted by request: read once, so that every invariant looks only at what concerns it.

Nothing here comes from the bot's code but the names of its states. Its bounds are stated anew: who judges does not ask
the judged how long it may take.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from simulation.record import (
    BEGINNING,
    Call,
    Change,
    Command,
    Generation,
    Kind,
    Life,
    Message,
    Record,
    Settings,
)

Row = Mapping[str, object]

OUTCOMES = frozenset({"completed", "failed", "timeout", "cancelled"})
"""The states in which all that is left is to tell the member."""
OPEN = frozenset({"intended", "accepted"})
"""The states of a submission that may be running."""

LATE_SECONDS = 5.0
"""What is on its way when its caller stops waiting takes effect at most this much later; and so long may an owner go on
unaware that it is one no more."""
CLOCK_SECONDS = 20.0
"""How far two processes' clocks may lie apart where a schedule corrects them."""
RETRY_SECONDS = 60.0
"""The longest that a transaction which failed waits until it is tried again."""
NONCE_SECONDS = 180.0
"""As long as Discord remembers a nonce here, it gives back the earlier message."""
ROUNDING_SECONDS = 0.01
"""Rows keep whole milliseconds."""

_EPOCH_SECONDS = BEGINNING.timestamp()


def whole(row: Row, column: str) -> int:
    """Return a number that the row must have."""
    value = row[column]
    assert isinstance(value, int), f"{column} is {value!r}"
    return value


def seconds(row: Row, column: str) -> float | None:
    """Return a time of a row, in seconds since the beginning."""
    value = row[column]
    return value / 1000 - _EPOCH_SECONDS if isinstance(value, int) else None


def epoch_milliseconds(at: float) -> int:
    """Return what a row holds for a time, given in seconds since the beginning."""
    return int((at + _EPOCH_SECONDS) * 1000)


def owner_of(life: int) -> str:
    """Return the name under which a process owns requests."""
    return f"life-{life}"


@dataclass(slots=True)
class Intent:
    """One commit that announces a submission, and how things stood just before it."""

    request_id: int
    attempt: int
    at: float
    life: int
    request: Row | None
    """The request's row."""
    first: Row | None
    """The row of its first submission."""
    first_intended_at: float
    """As of when that was announced last."""
    others: tuple[int, ...]
    """Other requests whose submission might be running by what the rows said."""


@dataclass(slots=True)
class Story:
    """All that concerns one request."""

    id: int
    command: Command | None = None
    row: Row | None = None
    submissions: dict[int, Row] = field(default_factory=dict)
    """By attempt, as they are at the end."""
    calls: list[Call] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    """Of its row."""
    intents: list[Intent] = field(default_factory=list)
    events: list[tuple[int, str]] = field(default_factory=list)
    """Its transitions: epoch and event."""
    created_at: float = 0.0
    outcome_at: float | None = None
    """When its row first had an outcome."""
    before_outcome: Row | None = None
    """Its row just before that."""
    closed_at: float | None = None
    closed_by: int = 0
    deleted: bool = False

    @property
    def closure(self) -> object:
        return None if self.row is None else self.row["closure"]

    @property
    def failure(self) -> object:
        return None if self.row is None else self.row["failure"]

    @property
    def promised(self) -> bool:
        """Whether the member was shown that the command was accepted."""
        return self.command is not None and self.command.acknowledged_at is not None

    @property
    def cancelled_at(self) -> float | None:
        """When somebody's wish to cancel it was recorded."""
        return next((c.at for c in self.changes if c.new and c.new["cancel_requested_at"] is not None), None)

    def row_at(self, at: float) -> Row | None:
        """Return the row as it was at the end of this moment."""
        found: Row | None = None
        for change in self.changes:
            if change.at > at:
                break
            found = change.new
        return found

    def called(self, *names: str) -> Iterator[Call]:
        """Return the calls of these names, in order."""
        return (call for call in self.calls if call.name in names)

    def outcomes(self) -> Iterator[tuple[Message, float, float]]:
        """Return each message that says an outcome: from when on, and until when."""
        for message in self.messages:
            since = next((at for at, content in message.contents if content.kind is Kind.OUTCOME), None)
            if since is None:
                continue
            after = (at for at, content in message.contents if at >= since and content.kind is Kind.POINTER)
            until = next(after, float("inf"))
            yield (
                message,
                since,
                until if message.deleted_at is None else min(until, message.deleted_at),
            )


class Evidence:
    """A record and what follows from it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.settings: Settings = record.settings
        self.clock_slack = CLOCK_SECONDS if "clock" in record.faults else ROUNDING_SECONDS
        self.window = record.settings.submit_timeout + record.settings.generation_deadline
        """After a submission was announced: when its video is no longer expected, at the latest."""
        self._stories: dict[int, Story] = {}
        self._sort()
        self.stories: list[Story] = list(self._stories.values())

    def _story(self, request_id: int) -> Story:
        story = self._stories.get(request_id)
        if story is None:
            story = self._stories[request_id] = Story(request_id)
        return story

    def story(self, request_id: int) -> Story:
        """Return all about one request."""
        return self._story(request_id)

    def _sort(self) -> None:
        record = self.record
        for command in record.commands.values():
            story = self._story(command.request_id)
            story.command = command
            story.created_at = command.at
        self._sort_changes()
        for row in record.rows:
            self._story(whole(row, "id")).row = row
        for row in record.submission_rows:
            self._story(whole(row, "request_id")).submissions[whole(row, "attempt")] = row
        for call in record.calls:
            if call.request_id:
                self._story(call.request_id).calls.append(call)
        for generation in record.generations:
            self._story(generation.request_id).generations.append(generation)
        for message in record.messages.values():
            self._story(message.request_id).messages.append(message)
        for row in record.transitions:
            self._story(whole(row, "request_id")).events.append((whole(row, "epoch"), str(row["event"])))

    def _sort_changes(self) -> None:
        rows: dict[int, Row] = {}
        submissions: dict[tuple[int, int], Row] = {}
        intended: dict[tuple[int, int], float] = {}
        for change in self.record.changes:
            if change.table == "requests":
                self._note_request(change, rows)
                continue
            key = (whole(change.row, "request_id"), whole(change.row, "attempt"))
            if _announces(change):
                others = self._running(key[0], change.at, rows, submissions, intended)
                self._story(key[0]).intents.append(
                    Intent(
                        key[0],
                        key[1],
                        change.at,
                        change.life,
                        rows.get(key[0]),
                        submissions.get((key[0], 1)),
                        intended.get((key[0], 1), 0.0),
                        others,
                    )
                )
                intended[key] = _intended_at(change)
            if change.new is None:
                submissions.pop(key, None)
                self._story(key[0]).submissions[key[1]] = change.row
            else:
                submissions[key] = change.new

    def _note_request(self, change: Change, rows: dict[int, Row]) -> None:
        story = self._story(whole(change.row, "id"))
        story.changes.append(change)
        new = change.new
        if new is None:
            story.deleted = True
            rows.pop(story.id, None)
            return
        rows[story.id] = new
        if story.outcome_at is None and new["status"] in OUTCOMES:
            story.outcome_at, story.before_outcome = change.at, change.old
        if story.closed_at is None and new["closed_at"] is not None:
            story.closed_at, story.closed_by = change.at, change.life

    def _running(
        self,
        request_id: int,
        at: float,
        rows: Mapping[int, Row],
        submissions: Mapping[tuple[int, int], Row],
        intended: Mapping[tuple[int, int], float],
    ) -> tuple[int, ...]:
        """Return the other requests of which the rows say that a submission may be running."""
        found = set[int]()
        for (other, attempt), submission in submissions.items():
            if other == request_id or submission["state"] not in OPEN:
                continue
            row = rows.get(other)
            if row is None or row["status"] in OUTCOMES:
                continue
            if self.deadline(submission, intended.get((other, attempt), 0.0)) > at + self.clock_slack:
                found.add(other)
        return tuple(sorted(found))

    def deadline(self, submission: Row, intended_at: float) -> float:
        """Return until when a submission's video is waited for."""
        accepted_at = seconds(submission, "accepted_at")
        if accepted_at is not None:
            return accepted_at + self.settings.generation_deadline
        return intended_at + self.window

    def deadline_of(self, generation: Generation) -> float | None:
        """Return until when this generation's video is waited for; None where no row knows of it."""
        story = self._story(generation.request_id)
        submission = story.submissions.get(generation.attempt)
        announced = [
            i.at for i in story.intents if i.attempt == generation.attempt and i.at <= generation.begun_at
        ]
        if submission is None or not announced:
            return None
        # A name that was recorded late gives its submission no more time.
        return min(announced[-1] + self.window, self.deadline(submission, announced[-1]))

    def stretches(self, life: Life, since: float, until: float) -> Iterator[tuple[float, float]]:
        """Return when this process was up and running between two times: its pauses are left out."""
        if life.ready_at is None:
            return
        ends = (
            end for end in (life.ended_at, life.stopping_at, until, self.record.ended_at) if end is not None
        )
        begin, until = max(since, life.ready_at), min(ends)
        for paused, woken in life.pauses:
            if begin < min(paused, until):
                yield begin, min(paused, until)
            begin = max(begin, woken)
        if begin < until:
            yield begin, until

    def database_failed(self, since: float, until: float) -> bool:
        """Whether a transaction may have failed between two times, or waited for its next try after a failure."""
        return any(
            begin <= until and since <= end + RETRY_SECONDS for begin, end in self.record.database_away
        )

    def unknown_to_the_bot(self, message: Message) -> bool:
        """Whether it is a new message that was sent once more since nobody could know of it."""
        others = (m for m in self.story(message.request_id).messages if m.at > message.at)
        return any(self.sent_again_blindly(message, other) for other in others)

    def sent_again_blindly(self, one: Message, other: Message) -> bool:
        """Whether the later message came when the nonce was forgotten, after a search of a history that was closed."""
        if one.is_placeholder or other.is_placeholder:
            return False
        first, second = sorted((one, other), key=lambda message: message.at)
        searches = [
            call.landed_at
            for call in self.story(first.request_id).called("find_outcome")
            if call.landed_at is not None and first.at <= call.landed_at <= second.at
        ]
        blind = self.record.unreadable.get(second.channel_id, ())
        looked_in_vain = bool(searches) and any(begin <= searches[-1] <= end for begin, end in blind)
        return second.at - first.at >= NONCE_SECONDS and looked_in_vain

    def happened(self, fault: str) -> bool:
        """Whether this kind of fault was in the schedule and came about."""
        return fault in self.record.faults


def _intended_at(change: Change) -> float:
    """Return the time that an announcement names, which is earlier where its process was stopped before the commit.

    The call that it announces follows soon after that time, or not at all.
    """
    named = None if change.new is None else seconds(change.new, "intended_at")
    return change.at if named is None else min(change.at, named)


def _announces(change: Change) -> bool:
    new, old = change.new, change.old
    return new is not None and new["state"] == "intended" and (old is None or old["state"] != "intended")

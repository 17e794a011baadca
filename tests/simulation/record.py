"""All that happened in one schedule, as the world saw it: what the invariants judge by.

The bot's own word counts for nothing here, but for its log (which may hold no secret) and its rows.
Times are seconds since the schedule's beginning (`BEGINNING`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
"""When every schedule begins."""
TOKEN_SECONDS = 15 * 60.0
"""How long the token of an answered command lives."""
NEGATIVE_PROMPT = "canary negative prompt"
"""What no member wants to see."""
LOST_AFTER_SECONDS = 30.0
"""How long the bucket keeps a video that it then loses."""


@dataclass(slots=True)
class Command:
    """One `/veo`, as a member typed it."""

    request_id: int
    user_id: int
    channel_id: int
    prompt: str
    token: str
    at: float
    dispatches: int = 0
    """How often Discord told a process of it."""
    acknowledged_at: float | None = None
    """When the member was shown that it was accepted; None where that never happened."""
    acknowledged_committed: bool = True
    """Whether its row was there at that moment."""
    refused_at: float | None = None
    """When the member was told that it was not accepted."""
    refusal: str = ""
    placeholder_id: int | None = None
    token_died_at: float | None = None
    """When its token died before its time."""


@dataclass(slots=True)
class Life:
    """One process, from its start to its end."""

    number: int
    started_at: float
    ready_at: float | None = None
    """When it began to take commands."""
    resumed: tuple[int, ...] = ()
    """The requests that it claimed at its start, oldest first."""
    ended_at: float | None = None
    how: str = ""
    """`killed`, `left` (after SIGTERM), or what it fell over."""
    stopping_at: float | None = None
    """When it got its SIGTERM."""
    pauses: list[tuple[float, float]] = field(default_factory=list)
    tasks_left: tuple[str, ...] = ()
    """At the very end, once everything is closed: tasks still there that serve no purpose any more."""
    slots_taken: int = 0
    """At the very end: slots and places in line that nobody will ever give back."""
    files_open: int = 0
    """At the very end: downloaded videos that nobody removed."""

    def alive(self, at: float) -> bool:
        return self.started_at <= at and (self.ended_at is None or at < self.ended_at)


@dataclass(slots=True)
class Call:
    """One call of a port of the world: Discord, Vertex or the bucket. The store's are not among them."""

    name: str
    """The port's method, such as `submit` or `post_outcome`."""
    life: int
    request_id: int
    begun_at: float
    row_epoch: int | None
    """The epoch that the request's row had when the call was begun; None where there was no row."""
    row_owner: str | None
    """Whose the row was then: `life-3`."""
    row_owned_since: float
    """Since when."""
    landed_at: float | None = None
    """When its effect took place; None where it never did."""
    answered_at: float | None = None
    """When the caller got an answer, or gave up waiting; None where it had died before."""
    end: str = ""
    """How it ended for the caller: `ok`, or the error's class."""
    fault: str = ""
    """What the schedule did to it; empty for an ordinary one."""

    @property
    def owner(self) -> str:
        """The name of the process that made the call."""
        return f"life-{self.life}"


class Result(StrEnum):
    """What Vertex makes of a submission."""

    VIDEO = "video"
    FILTERED = "filtered"
    FAILED = "failed"
    NEVER = "never"
    """It runs for ever."""
    FORGOTTEN = "forgotten"
    """The video is made, and the operation's name is unknown to Vertex from the start."""
    EXPIRED = "expired"
    """The video is made, and from then on Vertex no longer knows the operation."""
    EMPTY = "empty"
    """The operation ends well, and the object has no bytes."""


MADE = frozenset({Result.VIDEO, Result.FORGOTTEN, Result.EXPIRED})
"""What brings a video."""


@dataclass(slots=True)
class Generation:
    """A submission that Vertex accepted: the truth about it."""

    request_id: int
    attempt: int
    prefix: str
    operation: str
    prompt: str
    negative_prompt: str
    life: int
    begun_at: float
    """When the call was begun."""
    landed_at: float
    """When Vertex accepted it."""
    ends_at: float
    result: Result
    lost: bool = False
    """Whether the bucket loses the video half a minute after it was made."""

    def paid(self, at: float) -> bool:
        """Whether Google charges for it, as of now: for what has become a video."""
        return (self.result in MADE or self.result is Result.EMPTY) and self.ends_at <= at

    def running(self, at: float) -> bool:
        return self.landed_at <= at < self.ends_at


class Kind(StrEnum):
    """What a message says."""

    PROGRESS = "progress"
    OUTCOME = "outcome"
    POINTER = "pointer"


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says at a moment."""

    kind: Kind
    request_id: int
    prompt: str = ""
    failure: str | None = None
    """Of an outcome without a video."""
    video: str | None = None
    """The prefix under which the video was made that an outcome shows, as a file or a link."""
    link: bool = False


@dataclass(slots=True)
class Message:
    """One message of the bot's in a channel."""

    id: int
    channel_id: int
    user_id: int
    """Whose command it answers, or whom it mentions."""
    request_id: int
    at: float
    is_placeholder: bool
    contents: list[tuple[float, Content]]
    """What it has said, with the time; the last is what it says now."""
    deleted_at: float | None = None

    @property
    def says(self) -> Content:
        return self.contents[-1][1]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a row, by triggers that know nothing of the code: before and after.

    `old` is None for an insert, `new` for a delete. Columns as the table has them; `interaction_token` and `prompt`
    are left out, and `has_token` (0 or 1) stands for the former. Times in rows are milliseconds since 1970.
    """

    seq: int
    at: float
    life: int
    table: str
    """`requests` or `submissions`."""
    old: Mapping[str, object] | None
    new: Mapping[str, object] | None

    @property
    def row(self) -> Mapping[str, object]:
        """What there is of the row."""
        row = self.new if self.new is not None else self.old
        assert row is not None
        return row


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of a process's log."""

    at: float
    life: int
    level: str
    event: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the bot was told, as far as the invariants count on it. Seconds."""

    slots: int
    quota: int
    """Requests a member has in 24 hours."""
    price_micro_usd: int
    submit_timeout: float
    generation_deadline: float
    poll_interval: float
    request_expiry: float


@dataclass(slots=True)
class Record:
    """Everything that happened."""

    settings: Settings
    commands: dict[int, Command] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    messages: dict[int, Message] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)
    """The table `requests` as it is at the end; `interaction_token` included."""
    submission_rows: list[dict[str, object]] = field(default_factory=list)
    transitions: list[dict[str, object]] = field(default_factory=list)
    unreachable: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """By channel: from when to when the bot could not write there (deleted, or without permission)."""
    unreadable: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """By channel: from when to when the bot could not read the history there."""
    database_away: list[tuple[float, float]] = field(default_factory=list)
    """From when to when transactions failed: it was locked, its disk full, or gone. A commit that took place and was
    reported as failed is a moment."""
    calm_since: float = 0.0
    """When the last fault, crash, pause and command was over, and a process was up for good."""
    ended_at: float = 0.0
    loop_errors: list[str] = field(default_factory=list)
    """Exceptions that nobody retrieved."""
    overlapping: bool = False
    """Whether two processes were alive at the same time."""
    faults: frozenset[str] = frozenset()
    """The kinds of what went wrong, such as `crash`, `pause`, `lost_after`, `outage`."""

    def life(self, number: int) -> Life:
        return self.lives[number - 1]

    def row(self, request_id: int) -> dict[str, object] | None:
        return next((row for row in self.rows if row["id"] == request_id), None)

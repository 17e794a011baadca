"""What happens in one schedule: who asks when, and what goes wrong. All of it is data.

Each fault is a value of its own, so that a failing schedule can be shrunk by leaving faults out; everything else
(latencies, how long a video takes) follows from the seed and the call's own name, and stays when faults go.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

MINUTE = 60.0
HOUR = 3600.0


class How(StrEnum):
    """How a call of Discord, Vertex or the bucket goes wrong."""

    REFUSED = "refused"
    """429: surely not done."""
    NOT_SENT = "not_sent"
    """No connection: surely not done."""
    LOST_BEFORE = "lost_before"
    """The connection dropped, or 5xx, and nothing was done."""
    LOST_AFTER = "lost_after"
    """The same, and it was done."""
    HANGS = "hangs"
    """Done, and the answer comes later than anybody waits for."""
    LATE = "late"
    """The connection dropped, and it is done some seconds later."""
    MALFORMED = "malformed"
    """Done, and the answer makes no sense."""
    OPERATOR = "operator"
    """401 or 403: credentials or permissions are wrong."""
    BROKEN = "broken"
    """Done, and the adapter falls over an answer that nobody expected."""
    SLOW = "slow"
    """Done, after some seconds."""


Point = int | str
"""The n-th point that a process passes; or by name, `submit: sent#2` for the second of these, which outlives a change
of the code."""


@dataclass(frozen=True, slots=True)
class Crash:
    """SIGKILL of the `life`-th process at a point: before or after an await or a commit."""

    life: int
    point: Point
    down_seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL of the `life`-th process, so many seconds after its start."""

    life: int
    seconds: float
    down_seconds: float


@dataclass(frozen=True, slots=True)
class Terminate:
    """SIGTERM to the `life`-th process, so many seconds after its start."""

    life: int
    seconds: float
    down_seconds: float


@dataclass(frozen=True, slots=True)
class TerminateAt:
    """SIGTERM to the `life`-th process at a point."""

    life: int
    point: Point
    down_seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP of the `life`-th process at a point, and SIGCONT; meanwhile another may start."""

    life: int
    point: Point
    seconds: float
    successor_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """A second process starts on the same store while the `life`-th runs on, which gets its SIGTERM later."""

    life: int
    seconds: float
    overlap_seconds: float


@dataclass(frozen=True, slots=True)
class Spoil:
    """The `nth` call of this method goes wrong, counted over all processes."""

    call: str
    nth: int
    how: How
    seconds: float


@dataclass(frozen=True, slots=True)
class SpoilCommit:
    """The `nth` commit of this method of the store takes place and is reported as failed, as by a disk at its fsync.

    Counted over all processes.
    """

    method: str
    nth: int


@dataclass(frozen=True, slots=True)
class Outage:
    """All calls of Discord or Google go wrong for a while; or the database is busy, its disk full, or it is gone."""

    whom: str
    """`discord`, `google`, `busy`, `full` (nothing new fits), or `gone` (nothing can be read either)."""
    at: float
    seconds: float
    how: How = How.NOT_SENT


@dataclass(frozen=True, slots=True)
class Replay:
    """Discord dispatches the command once more."""

    command: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Late:
    """Discord dispatches the command late."""

    command: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TokenDies:
    """The interaction's token dies before its 15 minutes."""

    command: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PlaceholderDeleted:
    """A human deletes the message by which the command was acknowledged."""

    command: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Cancels:
    """The member wishes to cancel the request; with `drop` also where Vertex may be at work on it."""

    command: int
    seconds: float
    drop: bool


@dataclass(frozen=True, slots=True)
class ChannelChanges:
    """What the bot may do in a channel changes, for a while or for good."""

    channel: int
    what: str
    """`deleted`, `hidden`, `muted` (may not send), `no_files`, `no_history`."""
    at: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Makes:
    """What Vertex makes of a request's submission, other than a video in time."""

    command: int
    attempt: int
    result: str
    """`filtered`, `failed`, `never`, `forgotten`, `expired`, `empty`, `slow`, `refused`, or `lost` by the bucket."""


@dataclass(frozen=True, slots=True)
class Size:
    """The video is larger than Discord takes; `honest` is whether Discord had said so."""

    command: int
    honest: bool


@dataclass(frozen=True, slots=True)
class ClockJumps:
    """The process's idea of Discord's time is corrected by some seconds."""

    life: int
    at: float
    seconds: float


AtPoint = Crash | TerminateAt | Pause
"""What comes at a point."""

Fault = (
    Crash
    | Kill
    | Terminate
    | TerminateAt
    | Pause
    | Overlap
    | Spoil
    | SpoilCommit
    | Outage
    | Replay
    | Late
    | TokenDies
    | PlaceholderDeleted
    | Cancels
    | ChannelChanges
    | Makes
    | Size
    | ClockJumps
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A member types `/veo`."""

    at: float
    member: int
    channel: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule."""

    seed: int
    asks: tuple[Ask, ...]
    faults: tuple[Fault, ...] = field(default=())
    slots: int = 2
    quota: int = 5
    interval_seconds: float = 60.0
    """Between two polls, and between two edits that show progress."""

    def fraction(self, *key: object) -> float:
        """Return a number in [0, 1) that depends on the seed and the key alone."""
        digest = blake2b(repr((self.seed, key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2**64


DISCORD_CALLS = (
    "acknowledge",
    "refuse",
    "find_acknowledgement",
    "check_reachable",
    "show_progress",
    "edit_outcome",
    "repeat_outcome_text",
    "shows_video",
    "find_outcome",
    "post_outcome",
    "point_to_outcome",
)
GOOGLE_CALLS = ("prepare", "submit", "poll", "find", "stat", "download", "signed_link")
COMMITS = (
    "admit",
    "claim_incomplete",
    "record_placeholder",
    "record_intent",
    "record_operation",
    "record_refusal",
    "start_generating",
    "record_outcome",
    "begin_delivery",
    "record_outcome_message",
    "close",
    "assume_acknowledged",
)
"""The store's methods that write for one request, and the claim."""

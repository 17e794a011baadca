"""What the core needs of the world. Adapters elsewhere fulfil these; the simulation plays them.

Every remote call returns, or raises one of `Retryable`, `Permanent`, `Ambiguous` (see `errors`).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from .admission import Refusal, Unavailable, Usage, UsageWindow
from .failures import Failure
from .progress import Progress
from .request import (
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from .status import Closure, DeliveryRoute, Status, SubmissionState


class Clock(Protocol):
    """Time, by Discord's clock, and waiting."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of the process's own time."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for `event`, at most `seconds`; return whether it is set."""


class EventLog(Protocol):
    """Named events with fields. Never a prompt, a token or a signed address among them."""

    def info(self, event: str, **fields: object) -> object:
        """Say what happened."""

    def warning(self, event: str, **fields: object) -> object:
        """Say what someone should look at."""

    def error(self, event: str, **fields: object) -> object:
        """Say what is wrong and what mends it."""

    def exception(self, event: str, **fields: object) -> object:
        """Say what went wrong unexpectedly, with the stack of the exception in hand."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ends, and what that means for quota and money."""

    status: Status
    failure: Failure | None
    detail: str
    charged_micro_usd: int
    counts_toward_quota: bool


@dataclass(frozen=True, slots=True)
class SubmissionEnd:
    """What became of a submission."""

    attempt: int
    state: SubmissionState
    video_uri: VideoUri | None = None
    video_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that this version cannot read."""

    id: RequestId
    reason: str
    fix: str
    """What the operator can do about it."""


class CancelAnswer(Enum):
    """What became of the wish to cancel a request."""

    TAKEN = auto()
    """It will end as cancelled."""
    RUNNING = auto()
    """Vertex may be at work on it, and cannot be stopped."""
    OVER = auto()
    """It has its outcome already."""


class RequestStore(Protocol):
    """The rows. Each method is one transaction; each raises `StoreUnavailable` where there is no database.

    A *decision* names the request as it was read (its status, epoch) and raises `Superseded` where the row has moved
    on. A *fact* is recorded under any epoch. Every method that changes a row appends to `transitions`.
    """

    async def admit(
        self, request: VideoRequest, window: UsageWindow, decide: Callable[[Usage], Refusal | None]
    ) -> Refusal | None:
        """Insert a new request if `decide` finds no reason against it, all in one transaction.

        `decide` is called inside the transaction with what is already used. Raises `AlreadyKnown` where a request of
        this id exists (a replayed command), before `decide` is asked.
        """

    async def get(self, request_id: RequestId) -> VideoRequest:
        """Read one request with its submissions. Raises KeyError, `RowUnreadable`."""

    async def claim_incomplete(self, owner: str, now: datetime) -> Sequence[VideoRequest | UnreadableRow]:
        """Make `owner` the owner of every incomplete request of other owners, in ONE statement, raising each epoch.

        Returns them with their submissions, oldest first; among them, as they are, those that an earlier call claimed
        for this owner and that are incomplete still: it may have been reported as failed. Rows that this version
        cannot read are not claimed, and come back as `UnreadableRow`.
        """

    async def record_placeholder(
        self, request_id: RequestId, placeholder: Placeholder, now: datetime
    ) -> None:
        """Record the fact that Discord shows this placeholder. An earlier one is kept."""

    async def assume_acknowledged(self, request: VideoRequest, now: datetime) -> None:
        """Decide to go on as if acknowledged, since nothing can be looked up."""

    async def record_intent(
        self, request: VideoRequest, attempt: int, prefix: str, now: datetime
    ) -> Submission:
        """Decide to submit now: open submission `attempt`, or open the same refused one again.

        Expects status pending and the request's epoch, and that no other submission was opened meanwhile.
        """

    async def request_cancel(self, request_id: RequestId, now: datetime, *, drop: bool) -> CancelAnswer:
        """Record the fact that nobody wants the request any more. Raises KeyError.

        Only while it has no outcome; and where Vertex may be at work, only with `drop`: that cannot be stopped and is
        paid, and its video is thrown away. From this commit on every decision about the request but to cancel it is
        superseded, whoever carries it.
        """

    async def record_refusal(self, submission: Submission, now: datetime) -> None:
        """Record the fact that this submission was surely not accepted; it may be made again."""

    async def record_operation(
        self, request: VideoRequest, submission: Submission, operation: OperationName, now: datetime
    ) -> None:
        """Record the fact that Vertex accepted: the name, where none is recorded yet (under any epoch).

        In the same transaction decide pending → generating, where the epoch is still the request's; else only the
        fact is kept.
        """

    async def start_generating(self, request: VideoRequest, now: datetime) -> None:
        """Decide pending → generating for a request whose operation is recorded."""

    async def end_submission(self, submission: Submission, end: SubmissionEnd, now: datetime) -> None:
        """Record the fact of how an open submission ended, while another goes on."""

    async def record_outcome(
        self, request: VideoRequest, outcome: Outcome, ends: Sequence[SubmissionEnd], now: datetime
    ) -> None:
        """Decide how the request ends, and record how its submissions ended, in one transaction."""

    async def begin_delivery(self, request: VideoRequest, route: DeliveryRoute, now: datetime) -> None:
        """Decide to deliver now, by this route. A change of route keeps the first start."""

    async def record_outcome_message(
        self, request: VideoRequest, message_id: MessageId, now: datetime
    ) -> None:
        """Decide that this new message carries the outcome."""

    async def close(
        self, request: VideoRequest, closure: Closure, now: datetime, outcome: Outcome | None = None
    ) -> None:
        """Decide that nothing more is owed, and erase the interaction's token.

        `outcome` replaces status, failure, charge and quota where closing itself is the end of the request
        (unacknowledged) or turns a completed one into a failed one (undeliverable).
        """

    async def recent_generation_seconds(
        self, options: VideoOptions, before: datetime, limit: int
    ) -> Sequence[float]:
        """Return how long the latest `limit` videos of this model, resolution and duration took that ended before."""

    async def oldest_token(self) -> datetime | None:
        """Return when the oldest request was asked that still has its token; None where none has."""

    async def erase_expired_tokens(self, asked_before: datetime) -> int:
        """Erase the dead tokens of requests asked before this moment; return how many. A fact: under any epoch."""

    async def delete_closed(self, closed_before: datetime, limit: int) -> int:
        """Delete at most `limit` requests closed before this moment, with all that belongs to them."""


class Running:
    """Vertex is still at work."""


@dataclass(frozen=True, slots=True)
class Finished:
    """There is a video at `uri`."""

    uri: VideoUri


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """Vertex ended the operation without a video."""

    failure: Failure
    detail: str
    """The provider's own text and support codes, for the operator."""


class Gone:
    """Vertex does not know this operation (any longer)."""


PollAnswer = Running | Finished | Unsuccessful | Gone


class VideoGenerator(Protocol):
    """Makes videos."""

    async def prepare(self, options: VideoOptions) -> None:
        """Do all that can be done before a submission (a client, an access token): only the POST is ambiguous."""

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        """Ask for one video under the submission's prefix; make the call exactly once.

        Raises `Retryable` (429: `failure` is PROVIDER_BUSY; no connection: PROVIDER_UNAVAILABLE), `OperatorNeeded`
        (401, 403), `SubmissionRefused` (400, retired model) or `Ambiguous` (the connection dropped, timed out, 5xx, or
        an answer nobody understands).
        """

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        """Ask how an operation is doing. Raises `Retryable` (incl. `OperatorNeeded`), for it is free to repeat."""


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """A video in the bucket."""

    uri: VideoUri
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SignedLink:
    """An address under which anyone can fetch the video until `expires_at`."""

    url: str
    expires_at: datetime


class VideoBucket(Protocol):
    """Where Vertex puts the videos. All calls are reads: they raise `Retryable` or `OperatorNeeded`."""

    async def find(self, prefix: str) -> StoredVideo | None:
        """Return the video under this prefix, if there is one yet (the first by name, of more than 0 bytes)."""

    async def stat(self, uri: VideoUri) -> StoredVideo:
        """Return what is stored there. Raises `VideoMissing`."""

    def download(self, uri: VideoUri, size_bytes: int | None) -> AbstractAsyncContextManager[Path]:
        """Provide the video as a temporary file, streamed to disk, removed at the end. Raises `VideoMissing`.

        `size_bytes` is what it was found with: whatever else comes in its place is `Retryable`, and no video.
        """

    async def signed_link(self, uri: VideoUri, lifetime: timedelta, now: datetime) -> SignedLink:
        """Sign a link to the video. Raises `VideoMissing` for an address that names none."""


class NotAcknowledged:
    """The member was never shown that the command was accepted."""


class Deleted:
    """The member was shown that the command was accepted, and somebody deleted the message since."""


class Unknowable:
    """Neither the token nor the channel's history can be asked."""


@dataclass(frozen=True, slots=True)
class OutcomeVideo:
    """The video as the member gets it: a file, or a link where Discord takes no file of this size."""

    path: Path | None
    link: SignedLink | None


class Messenger(Protocol):
    """Discord, as far as telling the member goes. Every send and edit pings nobody unless it says so.

    Raises `Retryable` (429, surely not done), `Ambiguous` (a dropped connection, a timeout, 5xx), and of `Permanent`:
    `TokenExpired`, `MessageGone`, `Unreachable`, `TooLarge`, `MessageRefused`.
    """

    async def find_acknowledgement(
        self, request: VideoRequest
    ) -> Placeholder | Deleted | NotAcknowledged | Unknowable:
        """Look the placeholder up: by the token, or by the channel's history once the token is dead.

        A history does not tell a deleted message from one that never was: `Deleted` comes by the token only.
        """

    async def check_reachable(self, request: VideoRequest) -> None:
        """Raise `Unreachable` if REST proves that the bot cannot write in the channel."""

    async def show_progress(self, request: VideoRequest, progress: Progress) -> None:
        """Edit the placeholder's text; never its attachments."""

    async def edit_outcome(
        self, request: VideoRequest, video: OutcomeVideo | None, *, through_token: bool
    ) -> None:
        """Make the placeholder the outcome (idempotent), through the interaction's token or the channel."""

    async def repeat_outcome_text(self, request: VideoRequest, video: OutcomeVideo | None) -> None:
        """Edit the text of an outcome delivered by edit once more, leaving its attachments; the last edit wins."""

    async def shows_video(self, request: VideoRequest) -> bool:
        """Whether the placeholder carries a file, from an edit whose answer was lost; False where it cannot be read."""

    async def find_outcome(self, request: VideoRequest) -> MessageId | None:
        """Look in the channel's history, from the delivery's start, for the message that carries the outcome.

        Returns None too where the bot may not read the history.
        """

    async def post_outcome(self, request: VideoRequest, video: OutcomeVideo | None) -> MessageId:
        """Post the outcome as a new message that replies to the placeholder, under a nonce derived from the request.

        A video mentions the member and pings; so does a failure, except an expired request's.
        """

    async def point_to_outcome(self, request: VideoRequest, message_id: MessageId) -> None:
        """Edit the placeholder so that it points to the message that carries the outcome."""


class Reply(Protocol):
    """The one answer that Discord takes to a command, within 3 s of it. Raises none of the core's errors."""

    def accepted(self) -> None:
        """Learn that the request is committed: from now on nothing may tell the member that the command failed."""

    async def acknowledge(self, request: VideoRequest, first: Progress) -> Placeholder | None:
        """Show the member that the command was accepted; None where it is not known which message that became."""

    async def refuse(self, request: VideoRequest, reason: Refusal | Unavailable) -> None:
        """Tell the member, and nobody else, why there will be no video."""


class WorkQueue(Protocol):
    """Decides who carries a request, and when. Submitting one that is already carried does nothing."""

    def submit(self, request_id: RequestId, epoch: int) -> None:
        """Have this request carried under this epoch."""

    async def join(self, request_ids: Sequence[RequestId]) -> None:
        """Wait until none of these is being carried any longer."""

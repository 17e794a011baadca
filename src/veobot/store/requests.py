"""The core's `RequestStore` on a database: each method is one transaction. Retention first looks for work."""

from collections.abc import Callable, Sequence
from datetime import datetime

from veobot.core.admission import Refusal, Usage, UsageWindow
from veobot.core.errors import RowUnreadable
from veobot.core.ports import CancelAnswer, Outcome, RequestStore, SubmissionEnd, UnreadableRow
from veobot.core.request import (
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    VideoOptions,
    VideoRequest,
)
from veobot.core.status import Closure, DeliveryRoute

from . import admission, claims, decisions, facts, queries, retention
from .database import Database, Lock


class SqlRequestStore(RequestStore):
    """The rows, in SQLite or PostgreSQL. Times are kept to the millisecond."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(
        self, request: VideoRequest, window: UsageWindow, decide: Callable[[Usage], Refusal | None]
    ) -> Refusal | None:
        """Insert a new request if `decide` finds no reason against it. Raises `AlreadyKnown`.

        `decide` may be asked again, should another program have written in between; it must only decide.
        """
        return await self._database.write(
            lambda c: admission.admit(c, request, window, decide), lock=Lock.ADMISSION
        )

    async def get(self, request_id: RequestId) -> VideoRequest:
        """Read one request with its submissions. Raises KeyError, `RowUnreadable`."""
        return await self._database.read(lambda c: queries.get(c, request_id))

    async def claim_incomplete(self, owner: str, now: datetime) -> Sequence[VideoRequest | UnreadableRow]:
        """Make `owner` the owner of every incomplete request of other owners; return all it took over, oldest first."""
        return await self._database.write(lambda c: claims.claim_incomplete(c, owner, now))

    async def claim(self, request_id: RequestId, owner: str, now: datetime) -> int | None:
        """Make `owner` the owner of one request; return the epoch to carry it under. See `claim_each`.

        None where it is closed, or there is none. Raises `RowUnreadable`.
        """
        for row in await self.claim_each([request_id], owner, now):
            if isinstance(row, UnreadableRow):
                raise RowUnreadable(row.reason, fix=row.fix)
            return row.epoch
        return None

    async def claim_each(
        self, request_ids: Sequence[RequestId], owner: str, now: datetime
    ) -> Sequence[VideoRequest | UnreadableRow]:
        """Make `owner` the owner of these requests, in as few statements as of one; return them, oldest first.

        Nobody's request (owner "") keeps its epoch; any other owner's, this one's included, gets the next, which stops
        whoever carries it now. Closed ones are left out; those that this version cannot read stay as they are.
        """
        return await self._database.write(lambda c: claims.claim(c, request_ids, owner, now))

    async def record_placeholder(
        self, request_id: RequestId, placeholder: Placeholder, now: datetime
    ) -> None:
        """Record the fact that Discord shows this placeholder. Raises KeyError."""
        await self._database.write(lambda c: facts.record_placeholder(c, request_id, placeholder, now))

    async def assume_acknowledged(self, request: VideoRequest, now: datetime) -> None:
        """Decide to go on as if acknowledged. Raises `Superseded`."""
        await self._database.write(lambda c: decisions.assume_acknowledged(c, request, now))

    async def record_intent(
        self, request: VideoRequest, attempt: int, prefix: str, now: datetime
    ) -> Submission:
        """Decide to submit now. Raises `Superseded`, also where any submission has changed since the read."""
        return await self._database.write(lambda c: decisions.record_intent(c, request, attempt, prefix, now))

    async def request_cancel(self, request_id: RequestId, now: datetime, *, drop: bool) -> CancelAnswer:
        """Record the fact that nobody wants the request any more. Raises KeyError."""
        return await self._database.write(lambda c: facts.request_cancel(c, request_id, now, drop=drop))

    async def record_refusal(self, submission: Submission, now: datetime) -> None:
        """Record the fact that this very call was surely not accepted."""
        await self._database.write(lambda c: facts.record_refusal(c, submission, now))

    async def record_operation(
        self, request: VideoRequest, submission: Submission, operation: OperationName, now: datetime
    ) -> None:
        """Record the fact that Vertex accepted, and decide pending → generating under the request's epoch."""
        await self._database.write(lambda c: facts.record_operation(c, request, submission, operation, now))

    async def start_generating(self, request: VideoRequest, now: datetime) -> None:
        """Decide pending → generating for an accepted or adopted submission. Raises `Superseded`."""
        await self._database.write(lambda c: decisions.start_generating(c, request, now))

    async def end_submission(self, submission: Submission, end: SubmissionEnd, now: datetime) -> None:
        """Record the fact of how a submission ended, also after the request itself has."""
        await self._database.write(lambda c: facts.end_submission(c, submission, end, now))

    async def record_outcome(
        self, request: VideoRequest, outcome: Outcome, ends: Sequence[SubmissionEnd], now: datetime
    ) -> None:
        """Decide how the request ends. Raises `Superseded`, also where one of `ends` has become another end."""
        await self._database.write(lambda c: decisions.record_outcome(c, request, outcome, ends, now))

    async def begin_delivery(self, request: VideoRequest, route: DeliveryRoute, now: datetime) -> None:
        """Decide to deliver now, by this route. Raises `Superseded`."""
        await self._database.write(lambda c: decisions.begin_delivery(c, request, route, now))

    async def record_outcome_message(
        self, request: VideoRequest, message_id: MessageId, now: datetime
    ) -> None:
        """Decide that this new message carries the outcome. Raises `Superseded`, also where another does."""
        await self._database.write(lambda c: decisions.record_outcome_message(c, request, message_id, now))

    async def close(
        self, request: VideoRequest, closure: Closure, now: datetime, outcome: Outcome | None = None
    ) -> None:
        """Decide that nothing more is owed. Raises `Superseded`."""
        await self._database.write(lambda c: decisions.close(c, request, closure, now, outcome))

    async def recent_generation_seconds(
        self, options: VideoOptions, before: datetime, limit: int
    ) -> Sequence[float]:
        """Return how long the latest videos of this kind took that were ready before this moment."""
        return await self._database.read(
            lambda c: queries.recent_generation_seconds(c, options, before, limit)
        )

    async def oldest_token(self) -> datetime | None:
        """Return when the oldest request was asked that still has its token; None where none has."""
        return await self._database.read(retention.oldest_token)

    async def erase_expired_tokens(self, asked_before: datetime) -> int:
        """Erase the tokens of requests asked before this moment; return how many."""
        return await self._database.write(lambda c: retention.erase_expired_tokens(c, asked_before))

    async def delete_closed(self, closed_before: datetime, limit: int) -> int:
        """Delete at most `limit` requests closed before this moment."""
        if not await self._database.read(lambda c: retention.any_long_closed(c, closed_before)):
            return 0
        return await self._database.write(lambda c: retention.delete_closed(c, closed_before, limit))

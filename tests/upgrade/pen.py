"""Writes requests into a database as the bot does, step by step, at times that never differ."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from veobot.core.admission import UsageWindow
from veobot.core.failures import Failure
from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.outcomes import abandon_open, completed, failed, unacknowledged, undeliverable
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import (
    ChannelId,
    GuildId,
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    UserId,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

WRITTEN = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""When the bot of every dump was killed."""

OPTIONS = VideoOptions(
    model=DEFAULT_MODEL_ID,
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=48213,
    person_generation="allow_adult",
)
PRICE_MICRO_USD = 400_000
"""Of 4 s of the fast model at 720p with sound."""
PORTRAIT = replace(
    OPTIONS, aspect_ratio=AspectRatio.PORTRAIT, resolution=Resolution.P1080, duration_seconds=8, audio=False
)
UPLOAD_LIMIT_BYTES = 10 * 2**20

_EVERYTHING = UsageWindow(WRITTEN, WRITTEN)
_DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)

_END_OF_SUBMISSION: Mapping[Failure, SubmissionState] = {
    Failure.FILTERED: SubmissionState.FAILED,
    Failure.PROVIDER_ERROR: SubmissionState.FAILED,
    Failure.MODEL_RETIRED: SubmissionState.FAILED,
    Failure.REJECTED: SubmissionState.FAILED,
}
"""What Google ended; other failures give up what is still open."""


class Pen:
    """Writes requests. `owner` is the process that they are written by."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.store = SqlRequestStore(database)
        self.owner = "first"
        self._asked = 0

    async def ask(
        self, name: str, minutes_ago: float, *, options: VideoOptions = OPTIONS, shown: bool = True
    ) -> "Asked":
        """Write a request whose prompt is its `name`; acknowledged, unless its member was not `shown` that it was."""
        self._asked += 1
        created_at = WRITTEN - timedelta(minutes=minutes_ago)
        milliseconds = (created_at - _DISCORD_EPOCH) // timedelta(milliseconds=1)
        request = VideoRequest(
            id=RequestId((milliseconds << 22) + self._asked),
            user_id=UserId(1_100_000_000_000_000_001),
            guild_id=GuildId(1_100_000_000_000_000_002),
            channel_id=ChannelId(1_100_000_000_000_000_003),
            application_id=1_100_000_000_000_000_004,
            interaction_token=f"token-{self._asked}",
            upload_limit_bytes=UPLOAD_LIMIT_BYTES,
            prompt=name,
            options=options,
            created_at=created_at,
            owner=self.owner,
            charged_micro_usd=PRICE_MICRO_USD,
        )
        await self.store.admit(request, _EVERYTHING, lambda _: None)
        asked = Asked(self.store, request)
        if shown:
            await asked.acknowledge()
        return asked

    async def start_again(self, owner: str, *, minutes_ago: float) -> None:
        """Let another process claim what is incomplete."""
        await self.store.claim_incomplete(owner, WRITTEN - timedelta(minutes=minutes_ago))
        self.owner = owner

    async def change(self, asked: "Asked", table: str, values: str) -> None:
        """Leave words in a row that no code of today's writes."""
        key = {"requests": "id", "submissions": "request_id"}[table]
        statement = text(f"UPDATE {table} SET {values} WHERE {key} = :id")  # noqa: S608 -- the script's own words
        await self.database.write(lambda connection: connection.execute(statement, {"id": asked.id}))


class Asked:
    """One request being written. Each step comes some seconds after the one before."""

    def __init__(self, store: SqlRequestStore, request: VideoRequest) -> None:
        self.id = request.id
        self._store = store
        self._now = request.created_at

    async def read(self) -> VideoRequest:
        """Return the request as it stands."""
        return await self._store.get(self.id)

    async def acknowledge(self, *, ephemeral: bool = False) -> None:
        """Discord showed the placeholder."""
        placeholder = Placeholder(MessageId(self.id + 2**22), ephemeral=ephemeral)
        await self._store.record_placeholder(self.id, placeholder, self._after(1))

    async def assume_acknowledged(self) -> None:
        """Nobody could tell whether Discord showed a placeholder."""
        await self._store.assume_acknowledged(await self.read(), self._after(1))

    async def intend(self, attempt: int = 1, *, after_seconds: float = 1) -> None:
        """A submission is about to be made, or was and its answer got lost."""
        prefix = f"veo/{self.id}/{attempt}/"
        await self._store.record_intent(await self.read(), attempt, prefix, self._after(after_seconds))

    async def refuse(self) -> None:
        """The latest submission was surely not accepted."""
        request = await self.read()
        await self._store.record_refusal(request.submissions[-1], self._after(1))

    async def accept(self, *, as_read: VideoRequest | None = None) -> None:
        """Vertex accepted the latest submission; `as_read` is the request as a process knew it that had lost it."""
        request = await self.read()
        submission = request.submissions[-1]
        operation = OperationName(
            f"projects/my-project-123/locations/{request.options.location}/publishers/google"
            f"/models/{request.options.model}/operations/{self.id}-{submission.attempt}"
        )
        await self._store.record_operation(as_read or request, submission, operation, self._after(2))

    async def complete(self, *, size_bytes: int = 2**20, after_seconds: float = 40) -> None:
        """The latest submission's video is there."""
        request = await self.read()
        attempt = request.submissions[-1].attempt
        uri = VideoUri(f"gs://my-videos/veo/{self.id}/{attempt}/1234567890/sample_0.mp4")
        end = SubmissionEnd(attempt, SubmissionState.SUCCEEDED, uri, size_bytes)
        ends = abandon_open(request, [end])
        await self._store.record_outcome(request, completed(request, ends), ends, self._after(after_seconds))

    async def fail(self, failure: Failure) -> None:
        """The request ended without its video."""
        request = await self.read()
        state = _END_OF_SUBMISSION.get(failure)
        ended = [SubmissionEnd(s.attempt, state) for s in request.open_submissions] if state else []
        ends = abandon_open(request, ended)
        outcome = failed(request, failure, "Support codes: 58061214" if state else "", ends)
        await self._store.record_outcome(request, outcome, ends, self._after(30))

    async def call_off(self, *, drop: bool) -> None:
        """Nobody wants it any more; with `drop` also where Vertex may be at work on it."""
        await self._store.request_cancel(self.id, self._after(1), drop=drop)

    async def cancel(self) -> None:
        """The request was called off."""
        outcome = Outcome(Status.CANCELLED, None, "", 0, counts_toward_quota=False)
        await self._store.record_outcome(await self.read(), outcome, (), self._after(1))

    async def begin(self, route: DeliveryRoute, *, after_seconds: float = 1) -> None:
        """The outcome's delivery began."""
        await self._store.begin_delivery(await self.read(), route, self._after(after_seconds))

    async def post(self) -> None:
        """A new message carries the outcome."""
        message_id = MessageId(self.id + 2**23)
        await self._store.record_outcome_message(await self.read(), message_id, self._after(2))

    async def close(self, closure: Closure) -> None:
        """Nothing more is owed."""
        request = await self.read()
        outcome = None
        if closure is Closure.UNACKNOWLEDGED:
            outcome = unacknowledged()
        elif closure is Closure.UNDELIVERABLE and request.status is Status.COMPLETED:
            outcome = undeliverable(request, "Discord answered 404, code 10003: Unknown Channel")
        await self._store.close(request, closure, self._after(1), outcome)

    def _after(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        assert self._now <= WRITTEN, "the bot was dead by then"
        return self._now

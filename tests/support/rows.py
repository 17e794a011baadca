"""Requests as tests need them, and a store to put them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from veobot.core.admission import UsageWindow
from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import (
    ChannelId,
    GuildId,
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    UserId,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from veobot.core.status import Status, SubmissionState
from veobot.store.database import Database
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

NOON = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
EVERYTHING = UsageWindow(NOON - DAY, NOON - DAY)
OPTIONS = VideoOptions(
    model=DEFAULT_MODEL_ID,
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=2**32 - 1,
    person_generation="allow_adult",
)
COMPLETED = Outcome(Status.COMPLETED, None, "", 400_000, counts_toward_quota=True)
VIDEO = SubmissionEnd(1, SubmissionState.SUCCEEDED, VideoUri("gs://bucket/veo/1/1/video.mp4"), 12_345)
PLACEHOLDER = Placeholder(MessageId(50), ephemeral=True)
OPERATION = OperationName("projects/p/locations/us-central1/operations/1")


def a_request(
    number: int = 1,
    *,
    created_at: datetime = NOON,
    user_id: int = 7,
    owner: str = "first",
    charged_micro_usd: int = OPTIONS.price_micro_usd,
    counts_toward_quota: bool = True,
    options: VideoOptions = OPTIONS,
) -> VideoRequest:
    """A request as a command makes it. `number` makes its id."""
    return VideoRequest(
        id=RequestId(1_442_087_312_345_678_900 + number),
        user_id=UserId(user_id),
        guild_id=GuildId(2**63 - 1),
        channel_id=ChannelId(30),
        application_id=40,
        interaction_token="token",
        upload_limit_bytes=10 * 2**20,
        prompt="Ein roter Fuchs 🦊\nim Schnee",
        options=options,
        created_at=created_at,
        owner=owner,
        charged_micro_usd=charged_micro_usd,
        counts_toward_quota=counts_toward_quota,
    )


FIRST = a_request()


async def admitted(store: SqlRequestStore, request: VideoRequest = FIRST) -> VideoRequest:
    """Store a request that nothing speaks against."""
    assert await store.admit(request, EVERYTHING, lambda _: None) is None
    return await store.get(request.id)


async def intended(store: SqlRequestStore, request: VideoRequest = FIRST) -> tuple[VideoRequest, Submission]:
    """Store a request whose first submission is about to be made, or was made and its answer lost."""
    request = await admitted(store, request)
    submission = await store.record_intent(request, 1, f"veo/{request.id}/1/", NOON)
    return await store.get(request.id), submission


async def generating(store: SqlRequestStore, request: VideoRequest = FIRST) -> VideoRequest:
    """Store a request that Vertex is at work on."""
    request, submission = await intended(store, request)
    await store.record_operation(request, submission, OPERATION, NOON)
    return await store.get(request.id)


async def completed(
    store: SqlRequestStore, request: VideoRequest = FIRST, *, after_seconds: int = 60
) -> VideoRequest:
    """Store a request whose video is there and not yet delivered."""
    request = await generating(store, request)
    await store.record_outcome(request, COMPLETED, [VIDEO], NOON + after_seconds * SECOND)
    return await store.get(request.id)


async def all_of(database: Database, request: VideoRequest) -> list[tuple[object, ...]]:
    """Return every value that belongs to a request, just as it is stored."""
    parts = (
        "SELECT * FROM requests WHERE id = :id",
        "SELECT * FROM submissions WHERE request_id = :id",
        "SELECT * FROM transitions WHERE request_id = :id",
    )
    return await database.read(
        lambda c: [tuple(row) for part in parts for row in c.execute(text(part), {"id": request.id})]
    )


@contextmanager
def recorded_statements(database: Database | Engine) -> Iterator[list[str]]:
    """Record the SQL that is sent by way of SQLAlchemy: not the words that begin and end a transaction."""
    assert isinstance(database, SqliteDatabase | PostgresDatabase | Engine)
    engine = database if isinstance(database, Engine) else database.engine
    if isinstance(engine, AsyncEngine):
        engine = engine.sync_engine
    statements: list[str] = []

    def record(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", record)

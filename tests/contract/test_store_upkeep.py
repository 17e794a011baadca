"""Forecast, retention, and what the operator sees."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from support.rows import (
    DAY,
    NOON,
    OPTIONS,
    SECOND,
    VIDEO,
    a_request,
    admitted,
    completed,
    generating,
    intended,
)
from veobot.core.models import Resolution
from veobot.core.ports import SubmissionEnd, UnreadableRow
from veobot.core.request import RequestId, UserId, VideoRequest, VideoUri
from veobot.core.status import Closure, Status, SubmissionState
from veobot.store.database import Database
from veobot.store.inspection import STUCK_AFTER, RequestFilter, RequestSummary, list_requests, show_request
from veobot.store.requests import SqlRequestStore

# -- how long videos take


async def test_the_latest_videos_of_the_same_kind_tell_how_long_one_takes(store: SqlRequestStore) -> None:
    for number, seconds in enumerate((50, 60, 70)):
        await completed(store, a_request(number), after_seconds=seconds)
    await completed(store, a_request(4, options=replace(OPTIONS, duration_seconds=8)), after_seconds=200)
    sharper = replace(OPTIONS, resolution=Resolution.P1080)
    await completed(store, a_request(5, options=sharper), after_seconds=300)
    await completed(store, a_request(6, options=replace(OPTIONS, model="other")), after_seconds=400)
    await generating(store, a_request(7))
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 10) == [70, 60, 50]
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 2) == [70, 60]
    assert await store.recent_generation_seconds(sharper, NOON + 2 * DAY, 2) == [300]
    assert await store.recent_generation_seconds(OPTIONS, NOON + 65 * SECOND, 10) == [60, 50]


async def test_a_video_that_a_restart_fell_into_tells_nothing(store: SqlRequestStore) -> None:
    request = await generating(store)
    await store.claim_incomplete("second", NOON + 10 * SECOND)
    request = await store.get(request.id)
    end = SubmissionEnd(1, SubmissionState.SUCCEEDED, VideoUri("gs://bucket/video.mp4"), 5)
    await store.end_submission(request.submissions[0], end, NOON + DAY)
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 10) == []


async def test_a_restart_while_it_waited_does_no_harm(store: SqlRequestStore) -> None:
    await admitted(store, a_request(1))
    [request] = await store.claim_incomplete("second", NOON - SECOND)
    assert isinstance(request, VideoRequest)
    # Adopted: nobody knows when it began.
    submission = await store.record_intent(request, 1, "veo/1/1/", NOON)
    await store.end_submission(submission, VIDEO, NOON + 30 * SECOND)
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 10) == []
    other = await completed(store, a_request(2), after_seconds=45)
    assert other.epoch == 1
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 10) == [45]


# -- what is forgotten


async def test_dead_tokens_are_erased_under_any_epoch(database: Database, store: SqlRequestStore) -> None:
    old = await generating(store, a_request(1, created_at=NOON - SECOND))
    young = await admitted(store, a_request(2, created_at=NOON))
    await store.claim_incomplete("second", NOON)
    assert await store.erase_expired_tokens(asked_before=NOON) == 1
    assert (await store.get(old.id)).interaction_token is None
    assert (await store.get(young.id)).interaction_token == "token"
    assert (await show_request(database, old.id)).transitions[-1].event == "token erased"
    assert await store.erase_expired_tokens(asked_before=NOON) == 0


async def test_the_oldest_token_is_that_of_the_oldest_incomplete_request_that_has_one(
    store: SqlRequestStore,
) -> None:
    assert await store.oldest_token() is None
    closed = await completed(store, a_request(1, created_at=NOON - 2 * SECOND))
    await store.close(closed, Closure.DELIVERED, NOON)
    await admitted(store, a_request(2, created_at=NOON - SECOND))
    await admitted(store, a_request(3, created_at=NOON))
    assert await store.oldest_token() == NOON - SECOND
    await store.erase_expired_tokens(asked_before=NOON)
    assert await store.oldest_token() == NOON


async def request_ids(database: Database, table: str) -> list[int]:
    query = text(f"SELECT DISTINCT request_id FROM {table} ORDER BY request_id")  # noqa: S608 - the test's own
    return await database.read(lambda c: list(c.scalars(query)))


async def test_closed_requests_are_deleted_with_all_that_belongs_to_them(
    database: Database, store: SqlRequestStore
) -> None:
    for number in range(4):
        request = await completed(store, a_request(number))
        await store.close(request, Closure.DELIVERED, NOON + number * SECOND)
    kept = await completed(store, a_request(9, created_at=NOON - 40 * DAY))

    assert await store.delete_closed(NOON + 3 * SECOND, limit=2) == 2
    assert await store.delete_closed(NOON + 3 * SECOND, limit=2) == 1
    assert await store.delete_closed(NOON + 3 * SECOND, limit=2) == 0

    left = [row.id for row in await list_requests(database, RequestFilter())]
    assert left == [kept.id, a_request(3).id]
    for table in ("submissions", "transitions"):
        assert await request_ids(database, table) == sorted(left)


# -- what the operator sees


async def test_requests_are_listed_oldest_first_and_filtered(
    database: Database, store: SqlRequestStore
) -> None:
    waiting = await admitted(store, a_request(1, created_at=NOON + 2 * SECOND))
    running = await generating(store, a_request(2, user_id=8, created_at=NOON + SECOND))
    closed = await completed(store, a_request(3))
    await store.close(closed, Closure.DELIVERED, NOON + DAY)

    async def listed(which: RequestFilter) -> list[RequestId]:
        return [row.id for row in await list_requests(database, which)]

    assert await listed(RequestFilter()) == [closed.id, running.id, waiting.id]
    assert await listed(RequestFilter(incomplete_only=True)) == [running.id, waiting.id]
    assert await listed(RequestFilter(user_id=UserId(8))) == [running.id]
    assert await listed(RequestFilter(status="completed")) == [closed.id]
    assert await listed(RequestFilter(limit=1)) == [waiting.id]
    [summary] = await list_requests(database, RequestFilter(status="completed"))
    assert isinstance(summary, RequestSummary)
    assert (summary.closure, summary.closed_at, summary.last_moved_at) == (
        "delivered",
        NOON + DAY,
        NOON + DAY,
    )


async def test_a_row_with_a_time_that_does_not_exist_is_listed_by_its_name_beside_all_others(
    database: Database, store: SqlRequestStore
) -> None:
    whole = [await admitted(store, a_request(number)) for number in (1, 2)]
    damaged = await admitted(store, a_request(3))
    statement = text("UPDATE requests SET created_at = 9000000000000000 WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    *others, unreadable = await list_requests(database, RequestFilter())
    assert [row.id for row in others] == [request.id for request in whole]
    assert isinstance(unreadable, UnreadableRow)
    assert unreadable.id == damaged.id
    assert unreadable.reason.startswith("created_at holds ")


async def test_a_request_is_stuck_when_nothing_moved_for_an_hour(
    database: Database, store: SqlRequestStore
) -> None:
    stuck = await generating(store, a_request(1))
    closed = await completed(store, a_request(2))
    await store.close(closed, Closure.DELIVERED, NOON)
    millisecond = timedelta(milliseconds=1)

    async def stuck_at(moment: timedelta) -> list[RequestId]:
        which = RequestFilter(stuck_at=NOON + moment)
        return [row.id for row in await list_requests(database, which)]

    assert await stuck_at(STUCK_AFTER - millisecond) == []
    assert await stuck_at(STUCK_AFTER) == [stuck.id]
    await store.claim_incomplete("second", NOON + STUCK_AFTER)
    assert await stuck_at(STUCK_AFTER) == []


async def test_a_request_is_shown_with_its_submissions_and_history(
    database: Database, store: SqlRequestStore
) -> None:
    request, submission = await intended(store)
    await store.record_refusal(submission, NOON + SECOND)
    history = await show_request(database, request.id)
    assert isinstance(history.request, VideoRequest)
    assert history.request.status is Status.PENDING
    assert [s.state for s in history.request.submissions] == [SubmissionState.REFUSED]
    assert [(m.event, m.detail) for m in history.transitions] == [
        ("admitted", ""),
        ("submission intended", "attempt 1"),
        ("submission refused", "attempt 1"),
    ]
    with pytest.raises(KeyError):
        await show_request(database, RequestId(1))

"""Start-up claims every incomplete request in one statement, and one bad row never hides the others."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, insert, text

from support.rows import (
    NOON,
    PLACEHOLDER,
    SECOND,
    a_request,
    admitted,
    completed,
    generating,
    intended,
    recorded_statements,
)
from veobot.core.errors import RowUnreadable, StoreUnavailable
from veobot.core.ports import UnreadableRow
from veobot.core.request import MessageId, VideoRequest
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState
from veobot.store.database import Database
from veobot.store.inspection import RequestFilter, RequestSummary, list_requests, show_request
from veobot.store.requests import SqliteRequestStore
from veobot.store.rows import row_from_request
from veobot.store.schema import requests, submissions

T = TypeVar("T")

MANY = 10_000


async def test_every_incomplete_request_is_claimed_oldest_first(store: SqliteRequestStore) -> None:
    waiting = await admitted(store, a_request(1, created_at=NOON + 3 * SECOND))
    lost, _ = await intended(store, a_request(2, created_at=NOON + 2 * SECOND))
    running = await generating(store, a_request(3, created_at=NOON - timedelta(days=3)))
    undelivered = await completed(store, a_request(4, created_at=NOON + SECOND))
    closed = await completed(store, a_request(5))
    await store.close(closed, Closure.DELIVERED, NOON)

    claimed = await store.claim_incomplete("second", NOON)

    assert [row.id for row in claimed] == [running.id, undelivered.id, lost.id, waiting.id]
    for row in claimed:
        assert isinstance(row, VideoRequest)
        assert (row.owner, row.epoch, row.resumed) == ("second", 2, True)
        assert await store.get(row.id) == row
    assert (await store.get(closed.id)).epoch == 1


async def test_requests_of_the_same_moment_are_claimed_in_the_order_of_their_ids(
    store: SqliteRequestStore,
) -> None:
    for number in (3, 1, 2):
        await admitted(store, a_request(number))
    claimed = await store.claim_incomplete("second", NOON)
    assert [row.id for row in claimed] == [a_request(number).id for number in (1, 2, 3)]


async def test_an_owner_claims_nothing_of_its_own(store: SqliteRequestStore) -> None:
    request = await admitted(store)
    assert await store.claim_incomplete("first", NOON) == []
    assert await store.get(request.id) == request
    assert len(await store.claim_incomplete("second", NOON)) == 1


async def test_what_an_earlier_claim_took_over_is_returned_again_and_left_as_it_is(
    database: Database, store: SqliteRequestStore
) -> None:
    oldest = await admitted(store, a_request(1, created_at=NOON))
    closed = await completed(store, a_request(2, created_at=NOON + SECOND))
    youngest = await admitted(store, a_request(3, created_at=NOON + 4 * SECOND))
    assert len(await store.claim_incomplete("second", NOON)) == 3
    own = replace(a_request(4, created_at=NOON + 2 * SECOND), owner="second")
    other = a_request(5, created_at=NOON + 3 * SECOND)
    for request in (own, other):
        await admitted(store, request)
    await store.close(await store.get(closed.id), Closure.DELIVERED, NOON)
    before = [await all_of(database, request) for request in (oldest, youngest, own)]

    claimed = await store.claim_incomplete("second", NOON + SECOND)

    assert [row.id for row in claimed] == [oldest.id, other.id, youngest.id]
    for row in claimed:
        assert isinstance(row, VideoRequest)
        assert (row.owner, row.epoch) == ("second", 2)
        assert await store.get(row.id) == row
    assert [await all_of(database, request) for request in (oldest, youngest, own)] == before


class LossyDatabase(Database):
    """Reports each commit as failed that took place, as a disk can that fails at the very end."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        await super().write(work)
        raise StoreUnavailable


async def test_a_claim_that_was_reported_as_failed_is_taken_up_by_the_next(
    database: Database, store: SqliteRequestStore
) -> None:
    request = await admitted(store)
    lossy = LossyDatabase(database.path, sleep=asyncio.sleep)
    with pytest.raises(StoreUnavailable):
        await SqliteRequestStore(lossy).claim_incomplete("second", NOON)
    lossy.close()
    [claimed] = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert (claimed.id, claimed.owner, claimed.epoch) == (request.id, "second", 2)
    moves = (await show_request(database, request.id)).transitions
    assert [move.event for move in moves] == ["admitted", "claimed"]


async def test_damage_to_what_an_earlier_claim_took_over_is_named_and_hides_no_other(
    database: Database, store: SqliteRequestStore
) -> None:
    damaged = await admitted(store, a_request(1))
    fine = await admitted(store, a_request(2))
    await store.claim_incomplete("second", NOON)
    statement = text("UPDATE requests SET prompt = x'00' WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    unreadable, claimed = await store.claim_incomplete("second", NOON)
    assert isinstance(unreadable, UnreadableRow)
    assert (unreadable.id, claimed.id) == (damaged.id, fine.id)


async def test_a_claim_is_recorded(database: Database, store: SqliteRequestStore) -> None:
    request = await admitted(store)
    await store.claim_incomplete("second", NOON + SECOND)
    last = (await show_request(database, request.id)).transitions[-1]
    assert (last.at, last.epoch, last.event, last.detail) == (NOON + SECOND, 2, "claimed", "second")


async def test_ten_thousand_requests_are_claimed_in_as_many_statements_as_one(
    database: Database, store: SqliteRequestStore
) -> None:
    await admitted(store, a_request(0))
    with recorded_statements(database.engine) as of_one:
        assert len(await store.claim_incomplete("second", NOON)) == 1

    def insert_many(connection: Connection) -> None:
        connection.execute(insert(requests), [row_from_request(a_request(n)) for n in range(1, MANY)])

    await database.write(insert_many)
    with recorded_statements(database.engine) as of_many:
        assert len(await store.claim_incomplete("third", NOON)) == MANY
    assert of_many == of_one
    assert sum(statement.startswith("UPDATE") for statement in of_many) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE requests SET status = 'paused' WHERE id = :id",
        "UPDATE requests SET aspect_ratio = '1:1' WHERE id = :id",
        "UPDATE requests SET resolution = '8k' WHERE id = :id",
        "UPDATE requests SET status = 'failed', failure = 'bored' WHERE id = :id",
        "UPDATE requests SET delivery_route = 'pigeon', delivery_started_at = 1 WHERE id = :id",
        "UPDATE submissions SET state = 'dreamt' WHERE request_id = :id",
    ],
)
async def test_a_row_of_a_newer_version_is_left_alone_and_hides_no_other(
    database: Database, store: SqliteRequestStore, damage: str
) -> None:
    await admitted(store, a_request(1))
    newer = await generating(store, a_request(2))
    await admitted(store, a_request(3))
    await database.write(lambda c: c.execute(text(damage), {"id": newer.id}))

    first, unreadable, third = await store.claim_incomplete("second", NOON)

    assert isinstance(first, VideoRequest)
    assert isinstance(third, VideoRequest)
    assert isinstance(unreadable, UnreadableRow)
    assert unreadable.id == newer.id
    assert "which this version of veobot does not know" in unreadable.reason
    with pytest.raises(RowUnreadable) as raised:
        await store.get(newer.id)
    assert raised.value.fix == "Run the version that wrote it, or a newer one"
    listed = await list_requests(database, RequestFilter(incomplete_only=True))
    owners = [(row.owner, row.epoch) for row in listed if isinstance(row, RequestSummary)]
    assert owners == [("second", 2), ("first", 1), ("second", 2)]
    assert isinstance((await show_request(database, newer.id)).request, UnreadableRow)


@pytest.mark.parametrize(
    "damage",
    [
        "created_at = 'yesterday'",
        "created_at = 9000000000000000",
        "prompt = x'00'",
        "user_id = 'me'",
        "prompt = CAST(x'ff46756368' AS TEXT)",
    ],
)
async def test_a_damaged_row_hides_no_other(
    database: Database, store: SqliteRequestStore, damage: str
) -> None:
    await admitted(store, a_request(1))
    damaged = await admitted(store, a_request(2))
    statement = f"UPDATE requests SET {damage} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    before = await all_of(database, damaged)
    rows = await store.claim_incomplete("second", NOON)
    assert sorted(type(row).__name__ for row in rows) == ["UnreadableRow", "VideoRequest"]
    [unreadable] = [row for row in rows if isinstance(row, UnreadableRow)]
    assert unreadable.id == damaged.id
    assert "Fuchs" not in unreadable.reason
    with pytest.raises(RowUnreadable) as raised:
        await store.get(damaged.id)
    assert f"what a backup has in {damage.split(maxsplit=1)[0]}" in raised.value.fix
    assert "version" not in raised.value.fix
    assert await all_of(database, damaged) == before


KEPT_WHOLE = {"id", "epoch", "closed_at", "closure"} | {"request_id", "attempt", "operation"}
"""The columns of an incomplete request and of its submissions in which the schema itself lets no damage be."""


@pytest.mark.parametrize("column", sorted(set(requests.c.keys()) - KEPT_WHOLE))
async def test_a_request_with_damage_in_any_column_is_not_claimed_at_any_start(
    database: Database, store: SqliteRequestStore, column: str
) -> None:
    request = await posted(store)
    statement = f"UPDATE requests SET {column} = x'00' WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": request.id}))
    await is_left_alone_at_any_start(database, store, request)


@pytest.mark.parametrize("column", sorted(set(submissions.c.keys()) - KEPT_WHOLE))
async def test_a_request_with_damage_in_any_column_of_a_submission_is_not_claimed_at_any_start(
    database: Database, store: SqliteRequestStore, column: str
) -> None:
    request = await posted(store)
    statement = f"UPDATE submissions SET {column} = x'00' WHERE request_id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": request.id}))
    await is_left_alone_at_any_start(database, store, request)


async def posted(store: SqliteRequestStore) -> VideoRequest:
    """Store a request that has something in every column that an incomplete one can have something in."""
    request = await completed(store)
    await store.record_placeholder(request.id, PLACEHOLDER, NOON)
    await store.begin_delivery(request, DeliveryRoute.POST, NOON)
    await store.record_outcome_message(await store.get(request.id), MessageId(60), NOON)
    return await store.get(request.id)


async def is_left_alone_at_any_start(
    database: Database, store: SqliteRequestStore, request: VideoRequest
) -> None:
    before = await all_of(database, request)
    for owner in ("second", "third"):
        [unreadable] = await store.claim_incomplete(owner, NOON)
        assert isinstance(unreadable, UnreadableRow)
        assert unreadable.reason.endswith("the row is damaged")
    assert await all_of(database, request) == before


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


async def test_what_is_known_of_submissions_is_claimed_with_them(store: SqliteRequestStore) -> None:
    request, submission = await intended(store)
    await store.record_refusal(submission, NOON)
    request = await store.get(request.id)
    await store.record_intent(request, 1, submission.prefix, NOON + SECOND)
    [claimed] = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert claimed.status is Status.PENDING
    assert [s.state for s in claimed.submissions] == [SubmissionState.INTENDED]
    assert claimed.submissions[0].intended_at == NOON + SECOND

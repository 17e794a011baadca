"""Start-up claims every incomplete request in one statement, and one bad row never hides the others."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, insert, text

from support.rows import (
    NOON,
    SECOND,
    a_request,
    admitted,
    all_of,
    completed,
    generating,
    intended,
    recorded_statements,
)
from veobot.core.errors import RowUnreadable, StoreUnavailable
from veobot.core.ports import UnreadableRow
from veobot.core.request import VideoRequest
from veobot.core.status import Closure, Status, SubmissionState
from veobot.store.database import Database, Lock
from veobot.store.inspection import RequestFilter, RequestSummary, list_requests, show_request
from veobot.store.requests import SqlRequestStore
from veobot.store.rows import row_from_request
from veobot.store.schema import requests

T = TypeVar("T")

MANY = 10_000


async def test_every_incomplete_request_is_claimed_oldest_first(store: SqlRequestStore) -> None:
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
    store: SqlRequestStore,
) -> None:
    for number in (3, 1, 2):
        await admitted(store, a_request(number))
    claimed = await store.claim_incomplete("second", NOON)
    assert [row.id for row in claimed] == [a_request(number).id for number in (1, 2, 3)]


async def test_an_owner_claims_nothing_of_its_own(store: SqlRequestStore) -> None:
    request = await admitted(store)
    assert await store.claim_incomplete("first", NOON) == []
    assert await store.get(request.id) == request
    assert len(await store.claim_incomplete("second", NOON)) == 1


async def test_what_an_earlier_claim_took_over_is_returned_again_and_left_as_it_is(
    database: Database, store: SqlRequestStore
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
    """Reports each commit as failed that took place, as a disk or a connection can that fails at the very end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        await self._database.write(work, lock=lock)
        raise StoreUnavailable

    async def leave(self) -> None:
        await self._database.leave()


async def test_a_claim_that_was_reported_as_failed_is_taken_up_by_the_next(
    database: Database, store: SqlRequestStore
) -> None:
    request = await admitted(store)
    with pytest.raises(StoreUnavailable):
        await SqlRequestStore(LossyDatabase(database)).claim_incomplete("second", NOON)
    [claimed] = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert (claimed.id, claimed.owner, claimed.epoch) == (request.id, "second", 2)
    moves = (await show_request(database, request.id)).transitions
    assert [move.event for move in moves] == ["admitted", "claimed"]


async def test_a_claim_is_recorded(database: Database, store: SqlRequestStore) -> None:
    request = await admitted(store)
    await store.claim_incomplete("second", NOON + SECOND)
    last = (await show_request(database, request.id)).transitions[-1]
    assert (last.at, last.epoch, last.event, last.detail) == (NOON + SECOND, 2, "claimed", "second")


async def test_ten_thousand_requests_are_claimed_in_as_many_statements_as_one(
    database: Database, store: SqlRequestStore
) -> None:
    await admitted(store, a_request(0))
    with recorded_statements(database) as of_one:
        assert len(await store.claim_incomplete("second", NOON)) == 1

    def insert_many(connection: Connection) -> None:
        connection.execute(insert(requests), [row_from_request(a_request(n)) for n in range(1, MANY)])

    await database.write(insert_many)
    with recorded_statements(database) as of_many:
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
    database: Database, store: SqlRequestStore, damage: str
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


async def test_what_is_known_of_submissions_is_claimed_with_them(store: SqlRequestStore) -> None:
    request, submission = await intended(store)
    await store.record_refusal(submission, NOON)
    request = await store.get(request.id)
    await store.record_intent(request, 1, submission.prefix, NOON + SECOND)
    [claimed] = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert claimed.status is Status.PENDING
    assert [s.state for s in claimed.submissions] == [SubmissionState.INTENDED]
    assert claimed.submissions[0].intended_at == NOON + SECOND


async def test_a_row_with_a_time_that_does_not_exist_is_left_alone_and_hides_no_other(
    database: Database, store: SqlRequestStore
) -> None:
    whole = await admitted(store, a_request(2))
    damaged = await admitted(store, a_request(1))
    statement = text("UPDATE requests SET created_at = 9000000000000000 WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    before = await all_of(database, damaged)
    claimed, unreadable = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert isinstance(unreadable, UnreadableRow)
    assert (claimed.id, unreadable.id) == (whole.id, damaged.id)
    assert unreadable.reason.startswith("created_at holds ")
    assert await all_of(database, damaged) == before

"""One request is claimed by whoever is to carry it: each time under another epoch, but for the first."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from support.rows import (
    COMPLETED,
    NOON,
    SECOND,
    VIDEO,
    a_request,
    admitted,
    all_of,
    completed,
    generating,
    recorded_statements,
)
from veobot.core.errors import RowUnreadable, Superseded
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId
from veobot.core.status import Closure, Status
from veobot.store.database import Database
from veobot.store.inspection import show_request
from veobot.store.requests import SqlRequestStore

NOBODYS = a_request(owner="")


async def test_a_request_that_nobody_has_carried_keeps_its_epoch(store: SqlRequestStore) -> None:
    request = await admitted(store, NOBODYS)
    assert await store.claim(request.id, "first", NOON) == 1
    claimed = await store.get(request.id)
    assert claimed == replace(request, owner="first")
    assert not claimed.resumed


@pytest.mark.parametrize("claimant", ["first", "second"])
async def test_whoever_carried_a_request_before_is_superseded_even_under_the_same_name(
    store: SqlRequestStore, claimant: str
) -> None:
    earlier = await generating(store)
    assert await store.claim(earlier.id, claimant, NOON) == 2
    claimed = await store.get(earlier.id)
    assert claimed == replace(earlier, owner=claimant, epoch=2)
    assert claimed.resumed
    with pytest.raises(Superseded):
        await store.record_outcome(earlier, COMPLETED, [VIDEO], NOON)
    await store.record_outcome(claimed, COMPLETED, [VIDEO], NOON)
    assert (await store.get(earlier.id)).status is Status.COMPLETED


async def test_a_claim_leaves_all_other_requests_as_they_are(
    database: Database, store: SqlRequestStore
) -> None:
    request, other = await generating(store, a_request(1)), await generating(store, a_request(2))
    before = await all_of(database, other)
    await store.claim(request.id, "second", NOON)
    assert await all_of(database, other) == before


async def test_a_claim_is_recorded(database: Database, store: SqlRequestStore) -> None:
    request = await admitted(store, NOBODYS)
    await store.claim(request.id, "first", NOON + SECOND)
    await store.claim(request.id, "second", NOON + 2 * SECOND)
    moves = (await show_request(database, request.id)).transitions
    assert [(move.at, move.epoch, move.event, move.detail) for move in moves[1:]] == [
        (NOON + SECOND, 1, "claimed", "first"),
        (NOON + 2 * SECOND, 2, "claimed", "second"),
    ]


async def test_there_is_nothing_to_carry_in_a_closed_request_or_in_none(
    database: Database, store: SqlRequestStore
) -> None:
    request = await completed(store)
    await store.close(request, Closure.DELIVERED, NOON)
    before = await all_of(database, request)
    assert await store.claim(request.id, "second", NOON) is None
    assert await store.claim(RequestId(1), "second", NOON) is None
    assert await all_of(database, request) == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE requests SET status = 'paused' WHERE id = :id",
        "UPDATE requests SET created_at = 9000000000000000 WHERE id = :id",
        "UPDATE submissions SET state = 'dreamt' WHERE request_id = :id",
    ],
)
async def test_a_row_that_this_version_cannot_read_is_left_as_it_is(
    database: Database, store: SqlRequestStore, damage: str
) -> None:
    request = await generating(store)
    await database.write(lambda c: c.execute(text(damage), {"id": request.id}))
    before = await all_of(database, request)
    with pytest.raises(RowUnreadable):
        await store.claim(request.id, "second", NOON)
    assert await all_of(database, request) == before


async def test_a_closed_row_of_a_newer_version_needs_no_reading(
    database: Database, store: SqlRequestStore
) -> None:
    request = await completed(store)
    statement = text("UPDATE requests SET failure = 'bored' WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": request.id}))
    await store.close(request, Closure.DELIVERED, NOON)
    assert await store.claim(request.id, "second", NOON) is None


async def test_a_hundred_requests_are_claimed_in_as_many_statements_as_one(
    database: Database, store: SqlRequestStore
) -> None:
    one, *others = [await admitted(store, a_request(number)) for number in range(101)]
    with recorded_statements(database) as of_one:
        await store.claim(one.id, "second", NOON)
    with recorded_statements(database) as of_many:
        claimed = await store.claim_each([request.id for request in others], "second", NOON)
    assert of_many == of_one
    assert len(of_one) == 4
    assert claimed == [replace(request, owner="second", epoch=2) for request in others]


async def test_of_many_each_gets_the_epoch_that_it_gets_alone(
    database: Database, store: SqlRequestStore
) -> None:
    nobodys = await admitted(store, a_request(4, owner=""))
    others = await generating(store, a_request(2, created_at=NOON + SECOND))
    own = await completed(store, a_request(3, created_at=NOON + 2 * SECOND, owner="second"))
    newer, closed = await generating(store, a_request(1)), await completed(store, a_request(5))
    damage = text("UPDATE requests SET status = 'paused' WHERE id = :id")
    await database.write(lambda c: c.execute(damage, {"id": newer.id}))
    await store.close(closed, Closure.DELIVERED, NOON)
    left_alone = [await all_of(database, request) for request in (newer, closed)]

    wanted = [request.id for request in (own, closed, others, nobodys, newer)]
    unreadable, *claimed = await store.claim_each([*wanted, RequestId(1), nobodys.id], "second", NOON)

    assert isinstance(unreadable, UnreadableRow)
    assert unreadable.id == newer.id
    assert claimed == [
        replace(nobodys, owner="second"),
        replace(others, owner="second", epoch=2),
        replace(own, epoch=2),
    ]
    for request in claimed:
        assert await store.get(request.id) == request
        move = (await show_request(database, request.id)).transitions[-1]
        assert (move.event, move.epoch, move.detail) == ("claimed", request.epoch, "second")
    assert [await all_of(database, request) for request in (newer, closed)] == left_alone


async def test_to_claim_none_claims_none(store: SqlRequestStore) -> None:
    request = await admitted(store)
    assert await store.claim_each([], "second", NOON) == []
    assert await store.get(request.id) == request

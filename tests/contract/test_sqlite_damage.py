"""SQLite keeps whatever a column is given. One damaged row never hides the others, and is left as it is."""

from datetime import datetime

import pytest
from sqlalchemy import text

from support.rows import (
    DAY,
    EVERYTHING,
    NOON,
    OPTIONS,
    PLACEHOLDER,
    SECOND,
    a_request,
    admitted,
    all_of,
    completed,
    recorded_statements,
)
from veobot.core.admission import Usage
from veobot.core.errors import RowUnreadable
from veobot.core.ports import UnreadableRow
from veobot.core.request import MessageId, VideoRequest
from veobot.core.status import DeliveryRoute
from veobot.store.inspection import RequestFilter, list_requests
from veobot.store.own_requests import SqlMemberRecords
from veobot.store.requests import SqlRequestStore
from veobot.store.schema import requests, submissions
from veobot.store.sqlite import SqliteDatabase


@pytest.fixture
def database(sqlite_database: SqliteDatabase) -> SqliteDatabase:
    return sqlite_database


DAMAGED_TIMES = [
    "created_at = 'yesterday'",
    "created_at = x'00'",
    "created_at = created_at + 0.5",
    "created_at = 9e300",
]
DAMAGED_CHARGES = ["charged_micro_usd = 'much'", "charged_micro_usd = x'00'", "charged_micro_usd = 0.5"]


@pytest.mark.parametrize("damage", DAMAGED_TIMES + DAMAGED_CHARGES)
async def test_a_damaged_row_lets_everybody_in_and_counts_as_far_as_it_can_be_read(
    database: SqliteDatabase, store: SqlRequestStore, damage: str
) -> None:
    damaged = await admitted(store, a_request(1, created_at=NOON - 2 * SECOND))
    whole = await admitted(store, a_request(2, created_at=NOON - SECOND))
    statement = f"UPDATE requests SET {damage} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    seen: list[tuple[list[datetime], int, list[tuple[datetime, int]]]] = []

    def look(usage: Usage) -> None:
        seen.append((list(usage.member_requests), usage.spent_micro_usd, list(usage.charges())))

    assert await store.admit(a_request(3), EVERYTHING, look) is None
    known = [damaged.created_at] if damage in DAMAGED_CHARGES else []
    price = whole.charged_micro_usd
    assert seen == [([*known, whole.created_at], price, [(whole.created_at, price)])]
    assert await store.get(a_request(3).id) == a_request(3)


async def test_damage_to_what_an_earlier_claim_took_over_is_named_and_hides_no_other(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    damaged = await admitted(store, a_request(1))
    fine = await admitted(store, a_request(2))
    await store.claim_incomplete("second", NOON)
    statement = text("UPDATE requests SET prompt = x'00' WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    unreadable, claimed = await store.claim_incomplete("second", NOON)
    assert isinstance(unreadable, UnreadableRow)
    assert (unreadable.id, claimed.id) == (damaged.id, fine.id)


@pytest.mark.parametrize(
    "damage",
    [
        "created_at = 'yesterday'",
        "created_at = 9000000000000000",
        "prompt = x'00'",
        "negative_prompt = x'00'",
        "user_id = 'me'",
        "prompt = CAST(x'ff46756368' AS TEXT)",
    ],
)
async def test_a_damaged_row_hides_no_other(
    database: SqliteDatabase, store: SqlRequestStore, damage: str
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
    database: SqliteDatabase, store: SqlRequestStore, column: str
) -> None:
    request = await posted(store)
    statement = f"UPDATE requests SET {column} = x'00' WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": request.id}))
    await is_left_alone_at_any_start(database, store, request)


@pytest.mark.parametrize("column", sorted(set(submissions.c.keys()) - KEPT_WHOLE))
async def test_a_request_with_damage_in_any_column_of_a_submission_is_not_claimed_at_any_start(
    database: SqliteDatabase, store: SqlRequestStore, column: str
) -> None:
    request = await posted(store)
    statement = f"UPDATE submissions SET {column} = x'00' WHERE request_id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": request.id}))
    await is_left_alone_at_any_start(database, store, request)


async def posted(store: SqlRequestStore) -> VideoRequest:
    """Store a request that has something in every column that an incomplete one can have something in."""
    request = await completed(store)
    await store.record_placeholder(request.id, PLACEHOLDER, NOON)
    await store.begin_delivery(request, DeliveryRoute.POST, NOON)
    await store.record_outcome_message(await store.get(request.id), MessageId(60), NOON)
    return await store.get(request.id)


async def is_left_alone_at_any_start(
    database: SqliteDatabase, store: SqlRequestStore, request: VideoRequest
) -> None:
    before = await all_of(database, request)
    for owner in ("second", "third"):
        [unreadable] = await store.claim_incomplete(owner, NOON)
        assert isinstance(unreadable, UnreadableRow)
        assert unreadable.reason.endswith("the row is damaged")
    assert await all_of(database, request) == before


@pytest.mark.parametrize("damage", ["accepted_at = 'yesterday'", "ended_at = x'00'", "ended_at = 0.5"])
async def test_a_video_whose_times_are_damaged_tells_nothing(
    database: SqliteDatabase, store: SqlRequestStore, damage: str
) -> None:
    await completed(store, a_request(1), after_seconds=45)
    damaged = await completed(store, a_request(2))
    statement = f"UPDATE submissions SET {damage} WHERE request_id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    assert await store.recent_generation_seconds(OPTIONS, NOON + 2 * DAY, 10) == [45]


@pytest.mark.parametrize(
    ("damage", "column"),
    [
        ("created_at = 'yesterday'", "created_at"),
        ("created_at = 9000000000000000", "created_at"),
        ("user_id = 'me'", "user_id"),
        ("status = x'ff'", "status"),
    ],
)
async def test_a_damaged_row_is_listed_by_its_name_beside_all_others(
    database: SqliteDatabase, store: SqlRequestStore, damage: str, column: str
) -> None:
    whole = [await admitted(store, a_request(number)) for number in (1, 2)]
    damaged = await admitted(store, a_request(3))
    statement = f"UPDATE requests SET {damage} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    for which in (RequestFilter(), RequestFilter(incomplete_only=True)):
        *others, unreadable = await list_requests(database, which)
        assert [row.id for row in others] == [request.id for request in whole]
        assert isinstance(unreadable, UnreadableRow)
        assert unreadable.id == damaged.id
        assert unreadable.reason.startswith(f"{column} holds ")


@pytest.mark.parametrize("column", ["prompt", "status", "seed", "interaction_token", "closure"])
async def test_a_damaged_row_is_named_in_its_members_history_and_hides_no_other(
    database: SqliteDatabase, store: SqlRequestStore, column: str
) -> None:
    whole = [await admitted(store, a_request(number)) for number in (1, 3)]
    damaged = await admitted(store, a_request(2))
    # A closure without a time is forbidden; it is another damage than one of the column's kind.
    closed = ", closed_at = 0, interaction_token = NULL, status = 'failed'" if column == "closure" else ""
    statement = f"UPDATE requests SET {column} = x'00'{closed} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    newest, unreadable, oldest = (await SqlMemberRecords(database).page(damaged.user_id, None, 5)).requests
    assert [newest, oldest] == whole[::-1]
    assert isinstance(unreadable, UnreadableRow)
    assert unreadable.id == damaged.id


@pytest.mark.parametrize("damage", DAMAGED_TIMES)
async def test_a_damaged_time_hides_nothing_else_of_its_members_history(
    database: SqliteDatabase, store: SqlRequestStore, damage: str
) -> None:
    whole = [await admitted(store, a_request(number)) for number in (1, 3)]
    damaged = await admitted(store, a_request(2))
    statement = f"UPDATE requests SET {damage} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    assert list((await SqlMemberRecords(database).page(damaged.user_id, None, 5)).requests) == whole[::-1]


@pytest.mark.parametrize("damage", DAMAGED_TIMES + DAMAGED_CHARGES)
async def test_a_damaged_row_lets_its_member_look_up_the_quota(
    database: SqliteDatabase, store: SqlRequestStore, damage: str
) -> None:
    damaged = await admitted(store, a_request(1, created_at=NOON - 2 * SECOND))
    whole = await admitted(store, a_request(2, created_at=NOON - SECOND))
    statement = f"UPDATE requests SET {damage} WHERE id = :id"  # noqa: S608 - the test's own
    await database.write(lambda c: c.execute(text(statement), {"id": damaged.id}))
    usage = await SqlMemberRecords(database).usage(whole.user_id, NOON - DAY)
    known = [damaged.created_at] if damage in DAMAGED_CHARGES else []
    assert list(usage.requests) == [*known, whole.created_at]
    assert usage.charged_micro_usd == whole.charged_micro_usd


async def test_a_members_history_and_quota_are_read_by_the_quotas_index(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    await admitted(store)
    records = SqlMemberRecords(database)
    with recorded_statements(database) as statements:
        await records.page(a_request().user_id, None, 5)
        await records.usage(a_request().user_id, NOON - DAY)
    read = [s for s in statements if "FROM requests" in s]
    assert len([s for s in read if "user_id = ?" in s]) == 5
    for statement in read:
        values = (None,) * statement.count("?")
        plan = await database.read(
            lambda c, s=statement, v=values: str(c.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", v).all())  # type: ignore[misc]
        )
        assert "SCAN requests" not in plan, plan
        if "user_id = ?" in statement:
            assert "USING INDEX requests_quota (user_id=? AND created_at" in plan, plan

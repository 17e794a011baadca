"""What a member may look up: what was used, counted as admission counts it, and the history in both directions."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import text

from support.rows import (
    DAY,
    NOON,
    SECOND,
    a_request,
    admitted,
    completed,
    generating,
    recorded_statements,
)
from veobot.core.admission import Usage, UsageWindow
from veobot.core.outcomes import unacknowledged
from veobot.core.own_requests import Cut, Direction, Position, RecordedPage
from veobot.core.ports import UnreadableRow
from veobot.core.request import UserId, VideoRequest
from veobot.core.status import Closure
from veobot.store.database import Database
from veobot.store.own_requests import SqlMemberRecords
from veobot.store.requests import SqlRequestStore

MIRA, JONAS = UserId(7), UserId(8)
SIZE = 2
PRICE = a_request().charged_micro_usd


@pytest.fixture
def records(database: Database) -> SqlMemberRecords:
    return SqlMemberRecords(database)


async def asked(store: SqlRequestStore, *numbers: int, user_id: int = MIRA) -> list[VideoRequest]:
    """Store requests, each a second after the one with the number before."""
    return [
        await admitted(store, a_request(n, created_at=NOON + n * SECOND, user_id=user_id)) for n in numbers
    ]


def numbers(page: RecordedPage) -> list[int]:
    return [request.id - a_request(0).id for request in page.requests]


async def walked(records: SqlMemberRecords, direction: Direction, cut: Cut | None) -> list[list[int]]:
    """Turn pages in one direction until there is none; return what was on each."""
    seen: list[list[int]] = []
    while True:
        page = await records.page(MIRA, cut, SIZE)
        seen.append(numbers(page))
        cut = page.older if direction is Direction.BEFORE else page.newer
        if cut is None:
            return seen


# -- what was used


async def test_what_a_member_used_is_what_admission_counts(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await admitted(store, a_request(1, created_at=NOON - DAY))
    await admitted(store, a_request(2, created_at=NOON - 2 * SECOND))
    await admitted(store, a_request(3, created_at=NOON - 3 * SECOND))
    await admitted(store, a_request(4, created_at=NOON - SECOND, user_id=JONAS))
    await admitted(store, a_request(5, created_at=NOON - SECOND, counts_toward_quota=False))
    counted: list[Sequence[datetime]] = []

    def look(usage: Usage) -> None:
        counted.append(usage.member_requests)

    usage = await records.usage(MIRA, NOON - DAY)
    await store.admit(a_request(9), UsageWindow(NOON - DAY, NOON - DAY), look)
    assert counted == [usage.requests]
    assert list(usage.requests) == [NOON - 3 * SECOND, NOON - 2 * SECOND]
    assert usage.charged_micro_usd == 3 * PRICE, "what does not count toward the quota may still have cost"


async def test_who_has_asked_for_nothing_has_used_nothing(records: SqlMemberRecords) -> None:
    usage = await records.usage(MIRA, NOON - DAY)
    assert (list(usage.requests), usage.charged_micro_usd) == ([], 0)


# -- the history


async def test_the_history_is_walked_from_the_newest_to_the_oldest_and_back(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await asked(store, 3, 1, 5, 2, 4)
    assert await walked(records, Direction.BEFORE, None) == [[5, 4], [3, 2], [1]]
    oldest = Cut(Direction.BEFORE, Position(NOON + 2 * SECOND, a_request(2).id))
    assert await walked(records, Direction.AFTER, oldest) == [[1], [3, 2], [5, 4]]


async def test_the_newest_page_is_whole_also_where_newer_ones_would_not_fill_it(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await asked(store, 1, 2, 3)
    page = await records.page(MIRA, Cut(Direction.AFTER, Position(NOON + 2 * SECOND, a_request(2).id)), SIZE)
    assert numbers(page) == [3, 2]
    assert page.newer is None
    assert page.older is not None


async def test_requests_of_one_moment_are_each_shown_once(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    for number in range(5):
        await admitted(store, a_request(number))
    assert await walked(records, Direction.BEFORE, None) == [[4, 3], [2, 1], [0]]
    oldest = Cut(Direction.BEFORE, Position(NOON, a_request(1).id))
    assert await walked(records, Direction.AFTER, oldest) == [[0], [2, 1], [4, 3]]


async def test_a_page_shows_a_request_as_it_is_with_its_video(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    done = await completed(store, a_request(1, created_at=NOON))
    running = await generating(store, a_request(2, created_at=NOON + SECOND))
    assert list((await records.page(MIRA, None, SIZE)).requests) == [running, done]


async def test_a_position_of_another_member_s_shows_what_is_one_s_own_and_nothing_else(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await asked(store, 1, 3, 5)
    await asked(store, 2, 4, 6, user_id=JONAS)
    theirs = Position(NOON + 4 * SECOND, a_request(4).id)
    assert numbers(await records.page(MIRA, Cut(Direction.BEFORE, theirs), SIZE)) == [3, 1]
    assert numbers(await records.page(MIRA, Cut(Direction.AFTER, theirs), SIZE)) == [5, 3]
    assert numbers(await records.page(JONAS, None, SIZE)) == [6, 4]


async def test_where_nothing_is_left_at_a_position_the_newest_page_is_shown(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await asked(store, 1, 2, 3)
    before_all = Cut(Direction.BEFORE, Position(NOON - DAY, a_request(0).id))
    page = await records.page(MIRA, before_all, SIZE)
    assert numbers(page) == [3, 2]
    assert page.newer is None


async def test_an_empty_history_is_an_empty_page(records: SqlMemberRecords) -> None:
    assert await records.page(MIRA, None, SIZE) == RecordedPage((), None, None)


async def test_what_was_never_acknowledged_is_left_out(
    store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    _, unseen, _ = await asked(store, 1, 2, 3)
    await store.close(unseen, Closure.UNACKNOWLEDGED, NOON, unacknowledged())
    page = await records.page(MIRA, None, SIZE)
    assert numbers(page) == [3, 1]
    assert page.older is None


async def test_a_row_of_a_newer_version_is_named_and_hides_no_other(
    database: Database, store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    _, strange, _ = await asked(store, 1, 2, 3)
    statement = text("UPDATE requests SET status = 'paused' WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": strange.id}))
    page = await records.page(MIRA, None, 3)
    assert numbers(page) == [3, 2, 1]
    assert [type(row) for row in page.requests] == [VideoRequest, UnreadableRow, VideoRequest]
    assert await walked(records, Direction.BEFORE, None) == [[3, 2], [1]]


async def test_a_time_that_does_not_exist_has_no_place_in_the_history_and_hides_no_other(
    database: Database, store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    early, late, *_ = await asked(store, 1, 2, 3, 4, 5)
    for damaged, created_at in ((early, -9_000_000_000_000_000), (late, 9_000_000_000_000_000)):
        statement = text("UPDATE requests SET created_at = :at WHERE id = :id")
        values = {"at": created_at, "id": damaged.id}
        await database.write(lambda c, s=statement, v=values: c.execute(s, v))  # type: ignore[misc]
    assert await walked(records, Direction.BEFORE, None) == [[5, 4], [3]]


async def test_a_page_takes_four_statements_however_long_the_history_is(
    database: Database, store: SqlRequestStore, records: SqlMemberRecords
) -> None:
    await asked(store, *range(12))
    await records.page(MIRA, None, SIZE)
    with recorded_statements(database) as statements:
        await records.page(MIRA, Cut(Direction.BEFORE, Position(NOON + 6 * SECOND, a_request(6).id)), SIZE)
    assert len(statements) == 4

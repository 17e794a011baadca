"""A decision names the status and the epoch it was made on; a fact is taken from anybody."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, StatementError

from support.rows import (
    COMPLETED,
    NOON,
    OPERATION,
    PLACEHOLDER,
    SECOND,
    VIDEO,
    a_request,
    admitted,
    completed,
    generating,
    intended,
)
from veobot.core.errors import Superseded
from veobot.core.failures import Failure
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import (
    Delivery,
    MessageId,
    Placeholder,
    RequestId,
    VideoRequest,
)
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState
from veobot.store.database import Database, Lock
from veobot.store.errors import ImpossibleTransition
from veobot.store.inspection import show_request
from veobot.store.requests import SqlRequestStore

T = TypeVar("T")

LATER = NOON + 90 * SECOND
EXPIRED = Outcome(Status.TIMEOUT, Failure.EXPIRED, "too old", 0, counts_toward_quota=False)
LOST = Outcome(Status.FAILED, Failure.ANSWER_LOST, "", 800_000, counts_toward_quota=False)
UNDELIVERABLE = Outcome(Status.FAILED, Failure.UNREACHABLE, "50001", 400_000, counts_toward_quota=True)
ABANDONED = SubmissionEnd(1, SubmissionState.ABANDONED)

# -- the happy life


class CountingDatabase(Database):
    """Counts the transactions that write."""

    def __init__(self, database: Database) -> None:
        self.writes = 0
        self._database = database

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        self.writes += 1
        return await self._database.write(work, lock=lock)

    async def leave(self) -> None:
        await self._database.leave()


async def test_a_happy_request_takes_seven_transactions(database: Database) -> None:
    counting = CountingDatabase(database)
    store = SqlRequestStore(counting)
    request = await admitted(store)
    await store.record_placeholder(request.id, PLACEHOLDER, NOON)
    request = await store.get(request.id)
    submission = await store.record_intent(request, 1, "veo/1/1/", NOON)
    await store.record_operation(request, submission, OPERATION, NOON + SECOND)
    await store.record_outcome(await store.get(request.id), COMPLETED, [VIDEO], NOON + 60 * SECOND)
    await store.begin_delivery(await store.get(request.id), DeliveryRoute.EDIT, NOON + 61 * SECOND)
    await store.close(await store.get(request.id), Closure.DELIVERED, LATER)
    assert counting.writes == 7
    request = await store.get(request.id)
    assert (request.status, request.closed_at, request.closure) == (
        Status.COMPLETED,
        LATER,
        Closure.DELIVERED,
    )
    assert request.placeholder == PLACEHOLDER
    assert request.acknowledged_at == NOON
    assert request.outcome_at == NOON + 60 * SECOND
    assert request.delivery == Delivery(DeliveryRoute.EDIT, NOON + 61 * SECOND)
    [submission] = request.submissions
    assert submission.state is SubmissionState.SUCCEEDED
    assert (submission.operation, submission.accepted_at) == (OPERATION, NOON + SECOND)
    assert (submission.video_uri, submission.video_size_bytes) == (VIDEO.video_uri, VIDEO.video_size_bytes)
    history = await show_request(database, request.id)
    assert [move.event for move in history.transitions] == [
        "admitted",
        "acknowledged",
        "submission intended",
        "submission accepted",
        "generating",
        "outcome",
        "delivery begun",
        "closed",
    ]


async def test_the_token_is_erased_at_close(store: SqlRequestStore) -> None:
    request = await completed(store)
    assert request.interaction_token == "token"
    await store.close(request, Closure.DELIVERED, LATER)
    assert (await store.get(request.id)).interaction_token is None


async def test_an_outcome_settles_the_charge_and_the_quota(store: SqlRequestStore) -> None:
    request = await admitted(store)
    await store.record_outcome(request, EXPIRED, [], LATER)
    request = await store.get(request.id)
    assert (request.status, request.failure, request.failure_detail) == (
        Status.TIMEOUT,
        Failure.EXPIRED,
        "too old",
    )
    assert (request.charged_micro_usd, request.counts_toward_quota) == (0, False)


# -- stale decisions

Decision = Callable[[SqlRequestStore, VideoRequest], Awaitable[object]]

DECISIONS_OF_PENDING: dict[str, Decision] = {
    "acknowledge": lambda store, request: store.assume_acknowledged(request, LATER),
    "intend": lambda store, request: store.record_intent(request, 2, "veo/1/2/", LATER),
    "start": lambda store, request: store.start_generating(request, LATER),
    "end": lambda store, request: store.record_outcome(request, EXPIRED, [], LATER),
    "close": lambda store, request: store.close(request, Closure.UNACKNOWLEDGED, LATER, EXPIRED),
}
DECISIONS_OF_COMPLETED: dict[str, Decision] = {
    "acknowledge": lambda store, request: store.assume_acknowledged(request, LATER),
    "end": lambda store, request: store.record_outcome(request, UNDELIVERABLE, [], LATER),
    "deliver": lambda store, request: store.begin_delivery(request, DeliveryRoute.POST, LATER),
    "post": lambda store, request: store.record_outcome_message(request, MessageId(9), LATER),
    "close": lambda store, request: store.close(request, Closure.DELIVERED, LATER),
    "give up": lambda store, request: store.close(request, Closure.UNDELIVERABLE, LATER, UNDELIVERABLE),
}


@pytest.mark.parametrize("name", DECISIONS_OF_PENDING)
async def test_nothing_about_a_pending_request_is_decided_under_a_stale_epoch(
    store: SqlRequestStore, name: str
) -> None:
    stale, _ = await intended(store)
    await store.claim_incomplete("second", NOON)
    before = await store.get(stale.id)
    with pytest.raises(Superseded):
        await DECISIONS_OF_PENDING[name](store, stale)
    assert await store.get(stale.id) == before


@pytest.mark.parametrize("name", DECISIONS_OF_COMPLETED)
async def test_nothing_about_a_completed_request_is_decided_under_a_stale_epoch(
    store: SqlRequestStore, name: str
) -> None:
    stale = await completed(store)
    await store.begin_delivery(stale, DeliveryRoute.EDIT, NOON)
    await store.claim_incomplete("second", NOON)
    before = await store.get(stale.id)
    with pytest.raises(Superseded):
        await DECISIONS_OF_COMPLETED[name](store, stale)
    assert await store.get(stale.id) == before


@pytest.mark.parametrize("name", DECISIONS_OF_COMPLETED)
async def test_nothing_is_decided_about_a_closed_request(store: SqlRequestStore, name: str) -> None:
    request = await completed(store)
    await store.begin_delivery(request, DeliveryRoute.EDIT, NOON)
    await store.close(request, Closure.WITHDRAWN, NOON)
    before = await store.get(request.id)
    with pytest.raises(Superseded):
        await DECISIONS_OF_COMPLETED[name](store, request)
    assert await store.get(request.id) == before


async def test_a_decision_on_a_status_that_has_moved_on_is_superseded(store: SqlRequestStore) -> None:
    pending, submission = await intended(store)
    await store.record_operation(pending, submission, OPERATION, NOON)
    with pytest.raises(Superseded):
        await store.record_outcome(pending, EXPIRED, [ABANDONED], LATER)
    assert (await store.get(pending.id)).status is Status.GENERATING


async def test_moves_that_do_not_exist_are_refused(store: SqlRequestStore) -> None:
    request = await generating(store)
    with pytest.raises(ImpossibleTransition, match="generating"):
        await store.close(request, Closure.DELIVERED, LATER)
    with pytest.raises(ImpossibleTransition, match="generating"):
        await store.begin_delivery(request, DeliveryRoute.EDIT, LATER)
    await store.record_outcome(request, LOST, [ABANDONED], LATER)
    request = await store.get(request.id)
    with pytest.raises(ImpossibleTransition, match="from failed to completed"):
        await store.record_outcome(request, COMPLETED, [], LATER)


# -- acknowledgement and delivery


async def test_the_first_placeholder_is_kept(store: SqlRequestStore) -> None:
    request = await admitted(store)
    await store.record_placeholder(request.id, PLACEHOLDER, NOON)
    await store.record_placeholder(request.id, Placeholder(MessageId(51)), LATER)
    request = await store.get(request.id)
    assert (request.placeholder, request.acknowledged_at) == (PLACEHOLDER, NOON)


async def test_a_placeholder_is_recorded_under_any_epoch(store: SqlRequestStore) -> None:
    request = await admitted(store)
    await store.claim_incomplete("second", NOON)
    await store.assume_acknowledged(await store.get(request.id), NOON)
    await store.record_placeholder(request.id, PLACEHOLDER, LATER)
    request = await store.get(request.id)
    assert (request.placeholder, request.acknowledged_at) == (PLACEHOLDER, NOON)


async def test_a_placeholder_of_no_request_is_an_error(store: SqlRequestStore) -> None:
    with pytest.raises(KeyError):
        await store.record_placeholder(RequestId(1), PLACEHOLDER, NOON)


async def test_a_change_of_route_keeps_the_first_start(store: SqlRequestStore) -> None:
    request = await completed(store)
    await store.begin_delivery(request, DeliveryRoute.EDIT, NOON)
    await store.begin_delivery(request, DeliveryRoute.POST, LATER)
    assert (await store.get(request.id)).delivery == Delivery(DeliveryRoute.POST, NOON)


async def test_only_one_message_carries_the_outcome(store: SqlRequestStore) -> None:
    request = await completed(store)
    with pytest.raises(Superseded):
        await store.record_outcome_message(request, MessageId(9), LATER)
    await store.begin_delivery(request, DeliveryRoute.POST, NOON)
    await store.record_outcome_message(request, MessageId(9), LATER)
    await store.record_outcome_message(request, MessageId(9), LATER)
    with pytest.raises(Superseded):
        await store.record_outcome_message(request, MessageId(10), LATER)
    assert (await store.get(request.id)).delivery == Delivery(DeliveryRoute.POST, NOON, MessageId(9))


async def test_an_undeliverable_video_stays_with_its_submission(store: SqlRequestStore) -> None:
    request = await completed(store)
    await store.close(request, Closure.UNDELIVERABLE, LATER, UNDELIVERABLE)
    request = await store.get(request.id)
    assert (request.status, request.failure) == (Status.FAILED, Failure.UNREACHABLE)
    assert (request.charged_micro_usd, request.counts_toward_quota) == (400_000, True)
    assert request.video is not None
    assert request.video.video_uri == VIDEO.video_uri


# -- what must never happen, whoever writes the statement


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE requests SET failure_detail = 'x' WHERE closed_at IS NOT NULL",
            "a closed request never changes",
        ),
        ("UPDATE requests SET epoch = 0 WHERE closed_at IS NULL", "an epoch never falls|requests_epoch"),
        ("UPDATE requests SET closed_at = 1 WHERE closed_at IS NULL", "requests_"),
        ("DELETE FROM requests WHERE closed_at IS NULL", "an incomplete request is never deleted"),
        ("UPDATE transitions SET event = 'x'", "append-only"),
        ("DELETE FROM transitions", "append-only"),
    ],
)
async def test_the_database_itself_refuses(
    database: Database, store: SqlRequestStore, statement: str, message: str
) -> None:
    await store.close(await completed(store, a_request(1)), Closure.DELIVERED, LATER)
    await completed(store, a_request(2))
    with pytest.raises(IntegrityError, match=message):
        await database.write(lambda c: c.execute(text(statement)))


async def test_late_facts_leave_a_closed_request_as_it_is(store: SqlRequestStore) -> None:
    request = await completed(store)
    await store.close(request, Closure.DELIVERED, LATER)
    closed = await store.get(request.id)
    await store.record_placeholder(request.id, PLACEHOLDER, LATER)
    await store.record_operation(request, request.submissions[0], OPERATION, LATER)
    await store.record_refusal(request.submissions[0], LATER)
    assert await store.get(request.id) == closed


async def test_times_are_kept_to_the_millisecond(store: SqlRequestStore) -> None:
    exact = NOON + timedelta(microseconds=999)
    request = await admitted(store, a_request(created_at=exact))
    assert request.created_at == NOON
    with pytest.raises(StatementError, match="aware datetime"):
        await store.assume_acknowledged(request, exact.replace(tzinfo=None))

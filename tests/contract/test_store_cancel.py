"""Whoever wishes to cancel is heard until there is an outcome, and whatever was decided before is decided anew."""

from dataclasses import replace

import pytest

from support.rows import (
    COMPLETED,
    NOON,
    OPERATION,
    SECOND,
    VIDEO,
    a_request,
    admitted,
    completed,
    generating,
    intended,
)
from veobot.core.errors import Superseded
from veobot.core.outcomes import abandon_open, cancelled
from veobot.core.ports import CancelAnswer
from veobot.core.request import RequestId
from veobot.core.status import Closure, DeliveryRoute, Status
from veobot.store.database import Database
from veobot.store.inspection import show_request
from veobot.store.requests import SqlRequestStore

LATER = NOON + SECOND


async def test_a_waiting_request_is_cancelled_before_anything_is_paid(
    database: Database, store: SqlRequestStore
) -> None:
    request = await admitted(store)
    assert await store.request_cancel(request.id, LATER, drop=False) is CancelAnswer.TAKEN
    with pytest.raises(Superseded):
        await store.record_intent(request, 1, "veo/1/1/", LATER)
    request = await store.get(request.id)
    assert request.cancel_requested_at == LATER
    await store.record_outcome(request, cancelled(request, ()), (), LATER)
    request = await store.get(request.id)
    assert (request.status, request.charged_micro_usd, request.counts_toward_quota) == (
        Status.CANCELLED,
        0,
        False,
    )
    await store.begin_delivery(request, DeliveryRoute.EDIT, LATER)
    await store.close(await store.get(request.id), Closure.DELIVERED, LATER)
    events = [move.event for move in (await show_request(database, request.id)).transitions]
    assert events == ["admitted", "cancel requested", "outcome", "delivery begun", "closed"]


async def test_a_request_that_vertex_may_be_at_work_on_is_cancelled_only_to_be_dropped(
    store: SqlRequestStore,
) -> None:
    unanswered, _ = await intended(store, a_request(1))
    running = await generating(store, a_request(2))
    for request in (unanswered, running):
        assert await store.request_cancel(request.id, LATER, drop=False) is CancelAnswer.RUNNING
        assert (await store.get(request.id)).cancel_requested_at is None
        assert await store.request_cancel(request.id, LATER, drop=True) is CancelAnswer.TAKEN
        dropped = await store.get(request.id)
        ends = abandon_open(dropped, ())
        await store.record_outcome(dropped, cancelled(dropped, ends), ends, LATER)
        told = await store.get(request.id)
        assert (told.charged_micro_usd, told.counts_toward_quota) == (told.options.price_micro_usd, True)


async def test_a_video_that_comes_after_it_was_to_be_dropped_is_no_outcome(store: SqlRequestStore) -> None:
    request = await generating(store)
    await store.request_cancel(request.id, LATER, drop=True)
    with pytest.raises(Superseded):
        await store.record_outcome(request, COMPLETED, [VIDEO], LATER)


async def test_a_submission_that_was_surely_refused_has_cost_nothing(store: SqlRequestStore) -> None:
    request, submission = await intended(store)
    await store.record_refusal(submission, NOON)
    assert await store.request_cancel(request.id, LATER, drop=False) is CancelAnswer.TAKEN
    request = await store.get(request.id)
    outcome = cancelled(request, ())
    assert (outcome.charged_micro_usd, outcome.counts_toward_quota) == (0, False)


async def test_an_operation_that_a_stopped_process_reports_is_kept_all_the_same(
    store: SqlRequestStore,
) -> None:
    request, submission = await intended(store)
    await store.request_cancel(request.id, LATER, drop=True)
    await store.record_operation(request, submission, OPERATION, LATER)
    [submission] = (await store.get(request.id)).submissions
    assert submission.operation == OPERATION


async def test_a_request_that_has_its_outcome_is_past_cancelling(store: SqlRequestStore) -> None:
    told = await completed(store)
    for drop in (True, False):
        assert await store.request_cancel(told.id, LATER, drop=drop) is CancelAnswer.OVER
    await store.close(told, Closure.DELIVERED, NOON)
    assert await store.request_cancel(told.id, LATER, drop=True) is CancelAnswer.OVER
    with pytest.raises(KeyError):
        await store.request_cancel(RequestId(404), LATER, drop=True)


async def test_whoever_asks_twice_has_asked_when_they_first_did(store: SqlRequestStore) -> None:
    request = await admitted(store)
    for at in (NOON, LATER):
        assert await store.request_cancel(request.id, at, drop=False) is CancelAnswer.TAKEN
    assert (await store.get(request.id)).cancel_requested_at == NOON


async def test_a_request_taken_over_is_still_to_be_cancelled(store: SqlRequestStore) -> None:
    request = await admitted(store, replace(a_request(), owner="first"))
    await store.request_cancel(request.id, NOON, drop=False)
    [claimed] = await store.claim_incomplete("second", LATER)
    assert getattr(claimed, "cancel_requested_at", None) == NOON

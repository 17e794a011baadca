"""What is known of a submission: intended before the call, accepted once, ended once, and never thrown away."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from support.rows import (
    COMPLETED,
    NOON,
    OPERATION,
    SECOND,
    VIDEO,
    admitted,
    completed,
    generating,
    intended,
)
from veobot.core.errors import Superseded
from veobot.core.failures import Failure
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import OperationName, VideoUri
from veobot.core.status import Closure, Status, SubmissionState
from veobot.store.database import Database
from veobot.store.errors import ImpossibleTransition
from veobot.store.inspection import show_request
from veobot.store.requests import SqlRequestStore

LATER = NOON + 90 * SECOND
LOST = Outcome(Status.FAILED, Failure.ANSWER_LOST, "", 800_000, counts_toward_quota=False)
ABANDONED = SubmissionEnd(1, SubmissionState.ABANDONED)


async def test_a_refused_submission_is_made_again_under_its_attempt(store: SqlRequestStore) -> None:
    request, submission = await intended(store)
    await store.record_refusal(submission, NOON + SECOND)
    request = await store.get(request.id)
    again = await store.record_intent(request, 1, submission.prefix, LATER)
    assert (again.attempt, again.prefix) == (1, submission.prefix)
    assert (again.first_intended_at, again.intended_at) == (NOON, LATER)
    assert again.state is SubmissionState.INTENDED


async def test_a_late_refusal_of_an_earlier_call_says_nothing_of_the_later_one(
    store: SqlRequestStore,
) -> None:
    request, first_call = await intended(store)
    await store.record_refusal(first_call, NOON)
    second_call = await store.record_intent(await store.get(request.id), 1, first_call.prefix, LATER)
    await store.record_refusal(first_call, LATER)
    assert (await store.get(request.id)).submissions == (second_call,)


async def test_a_second_submission_waits_for_a_decision_on_what_is_known(store: SqlRequestStore) -> None:
    request, first = await intended(store)
    second = await store.record_intent(request, 2, "veo/1/2/", LATER)
    assert (await store.get(request.id)).submissions == (first, second)
    with pytest.raises(ImpossibleTransition):
        await store.record_intent(await store.get(request.id), 4, "veo/1/4/", LATER)


async def test_no_third_submission_exists(store: SqlRequestStore) -> None:
    request, _ = await intended(store)
    await store.record_intent(request, 2, "veo/1/2/", LATER)
    with pytest.raises(IntegrityError, match="submissions_attempt"):
        await store.record_intent(await store.get(request.id), 3, "veo/1/3/", LATER)


async def test_two_intents_from_one_look_are_one(store: SqlRequestStore) -> None:
    request = await admitted(store)
    await store.record_intent(request, 1, "veo/1/1/", NOON)
    with pytest.raises(Superseded):
        await store.record_intent(request, 1, "veo/1/1/", NOON)
    assert len((await store.get(request.id)).submissions) == 1


async def test_no_second_submission_once_a_paused_owner_recorded_the_first_answer(
    store: SqlRequestStore,
) -> None:
    paused, submission = await intended(store)
    await store.claim_incomplete("second", NOON)
    request = await store.get(paused.id)
    await store.record_operation(paused, submission, OPERATION, LATER)
    with pytest.raises(Superseded):
        await store.record_intent(request, 2, "veo/1/2/", LATER)
    with pytest.raises(Superseded):
        await store.record_outcome(request, LOST, [ABANDONED], LATER)
    request = await store.get(paused.id)
    await store.start_generating(request, LATER)
    assert (await store.get(request.id)).status is Status.GENERATING


async def test_a_paused_owners_operation_is_kept_and_decides_nothing(store: SqlRequestStore) -> None:
    paused, submission = await intended(store)
    await store.claim_incomplete("second", NOON)
    await store.record_operation(paused, submission, OPERATION, LATER)
    request = await store.get(paused.id)
    assert request.status is Status.PENDING
    assert request.submissions[0].operation == OPERATION
    assert request.submissions[0].state is SubmissionState.ACCEPTED


async def test_an_operation_name_is_never_overwritten(database: Database, store: SqlRequestStore) -> None:
    request = await generating(store)
    other = OperationName("another")
    await store.record_operation(request, request.submissions[0], other, LATER)
    assert await store.get(request.id) == request
    moves = (await show_request(database, request.id)).transitions
    assert moves[-1].event == "submission accepted again"
    assert "another" in moves[-1].detail
    with pytest.raises(IntegrityError, match="an operation name is never overwritten"):
        await database.write(lambda c: c.execute(text("UPDATE submissions SET operation = 'another'")))


async def test_recording_an_operation_twice_changes_nothing(
    database: Database, store: SqlRequestStore
) -> None:
    request = await generating(store)
    before = await show_request(database, request.id)
    await store.record_operation(request, request.submissions[0], OPERATION, LATER)
    assert await show_request(database, request.id) == before


async def test_an_operation_learnt_after_the_request_ended_is_kept(store: SqlRequestStore) -> None:
    request, submission = await intended(store)
    await store.record_outcome(request, LOST, [ABANDONED], NOON)
    await store.record_operation(request, submission, OPERATION, LATER)
    ended = await store.get(request.id)
    assert ended.status is Status.FAILED
    assert ended.submissions[0].operation == OPERATION
    assert ended.submissions[0].state is SubmissionState.ABANDONED


async def test_a_refusal_for_good_ends_the_call_that_was_just_intended(store: SqlRequestStore) -> None:
    # The decision's request was read before the intent, so it does not know the submission.
    before_intent = await admitted(store)
    await store.record_intent(before_intent, 1, "veo/1/1/", NOON)
    rejected = Outcome(Status.FAILED, Failure.REJECTED, "400", 0, counts_toward_quota=False)
    await store.record_outcome(before_intent, rejected, [SubmissionEnd(1, SubmissionState.FAILED)], LATER)
    request = await store.get(before_intent.id)
    assert (request.failure, request.submissions[0].state) == (Failure.REJECTED, SubmissionState.FAILED)


async def test_the_first_video_wins_and_a_late_second_one_is_kept(store: SqlRequestStore) -> None:
    request, _ = await intended(store)
    await store.record_intent(request, 2, "veo/1/2/", NOON)
    request = await store.get(request.id)
    await store.record_outcome(request, COMPLETED, [VIDEO], LATER)
    request = await store.get(request.id)
    await store.close(request, Closure.DELIVERED, LATER)
    second = SubmissionEnd(2, SubmissionState.SUCCEEDED, VideoUri("gs://bucket/second.mp4"), 5)
    await store.end_submission(request.submissions[1], second, LATER)
    closed = await store.get(request.id)
    assert [s.video_uri for s in closed.submissions] == [VIDEO.video_uri, second.video_uri]
    assert closed.video is not None
    assert closed.video.attempt == 1


async def test_the_first_end_of_a_submission_stays(store: SqlRequestStore) -> None:
    request = await completed(store)
    await store.end_submission(request.submissions[0], SubmissionEnd(1, SubmissionState.FAILED), LATER)
    assert await store.get(request.id) == request


async def test_a_video_found_by_its_prefix_completes_a_pending_request(store: SqlRequestStore) -> None:
    request, _ = await intended(store)
    await store.record_outcome(request, COMPLETED, [VIDEO], LATER)
    assert (await store.get(request.id)).status is Status.COMPLETED

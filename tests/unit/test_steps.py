"""What comes next in a request's life, for every row that can exist."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.requests import a_request, a_submission
from veobot.core.limits import Limits
from veobot.core.request import VideoRequest
from veobot.core.status import Status, SubmissionState
from veobot.core.steps import Step, deadline, next_step

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = Limits()


def step(request: VideoRequest, *, has_slot: bool = False) -> Step:
    return next_step(request, NOW, has_slot=has_slot, limits=LIMITS)


def test_a_request_nobody_was_told_about_is_confirmed_before_anything_else() -> None:
    for status in Status:
        request = a_request(asked=NOW, acknowledged_at=None, status=status)
        assert step(request, has_slot=True) is Step.CONFIRM


def test_a_pending_request_waits_for_a_slot_and_then_submits() -> None:
    request = a_request(asked=NOW)
    assert step(request) is Step.LINE_UP
    assert step(request, has_slot=True) is Step.SUBMIT


@pytest.mark.parametrize("has_slot", [True, False])
@pytest.mark.parametrize("status", [s for s in Status if not s.is_outcome])
@pytest.mark.parametrize("state", list(SubmissionState))
def test_what_nobody_wants_any_more_is_cancelled_whatever_else_there_is_to_do(
    state: SubmissionState, status: Status, has_slot: bool
) -> None:
    request = a_request(asked=NOW, status=status, submissions=(a_submission(state),))
    assert step(replace(request, cancel_requested_at=NOW), has_slot=has_slot) is Step.CANCEL


@given(age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9)), has_slot=st.booleans())
def test_only_a_pending_request_older_than_24_hours_expires(age: timedelta, has_slot: bool) -> None:
    request = a_request(asked=NOW - age)
    assert (step(request, has_slot=has_slot) is Step.EXPIRE) == (age > timedelta(hours=24))


@given(age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9)), has_slot=st.booleans())
def test_a_submission_whose_answer_is_unknown_is_reconciled_at_any_age(
    age: timedelta, has_slot: bool
) -> None:
    request = a_request(asked=NOW - age, submissions=(a_submission(SubmissionState.INTENDED),))
    assert step(request, has_slot=has_slot) is Step.RECONCILE


def test_a_refused_submission_is_made_again() -> None:
    request = a_request(asked=NOW, submissions=(a_submission(SubmissionState.REFUSED),))
    assert step(request, has_slot=True) is Step.SUBMIT


def test_a_lost_first_submission_is_still_watched_while_the_second_is_refused() -> None:
    lost = a_submission(SubmissionState.INTENDED)
    refused = a_submission(SubmissionState.REFUSED, attempt=2)
    assert step(a_request(asked=NOW, submissions=(lost, refused)), has_slot=True) is Step.RECONCILE


def test_a_recorded_operation_is_followed_even_where_the_status_was_not_committed() -> None:
    request = a_request(asked=NOW, submissions=(a_submission(SubmissionState.ACCEPTED),))
    assert step(request) is Step.START


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=30)])
def test_a_generating_request_is_watched_and_a_known_outcome_delivered_at_any_age(age: timedelta) -> None:
    request = a_request(asked=NOW - age)
    assert step(replace(request, status=Status.GENERATING)) is Step.WATCH
    for outcome in (s for s in Status if s.is_outcome):
        assert step(replace(request, status=outcome)) is Step.DELIVER


def test_a_submission_without_an_answer_is_waited_for_as_long_as_the_answer_could_have_taken() -> None:
    accepted = a_submission(SubmissionState.ACCEPTED, at=NOW)
    unknown = a_submission(SubmissionState.INTENDED, at=NOW)
    assert deadline(accepted, LIMITS) == NOW + timedelta(minutes=10)
    assert deadline(unknown, LIMITS) == NOW + timedelta(minutes=11)

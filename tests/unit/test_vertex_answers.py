"""What Google's words mean: support codes, refusals and shapes that the sandbox does not send."""

import pytest

from veobot.core.errors import Ambiguous, OperatorNeeded, Retryable, SubmissionRefused
from veobot.core.failures import Failure
from veobot.core.ports import Finished, Gone, Running, Unsuccessful
from veobot.vertex.answers import (
    ErrorAnswer,
    Operation,
    poll_error,
    shortened,
    submission_error,
    understand,
)
from veobot.vertex.safety import category


def refusal(status: int, message: str = "No.", *, is_googles: bool = True) -> ErrorAnswer:
    return ErrorAnswer(status, message, is_googles=is_googles)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("It violates our guidelines. Support codes: 15236754", "a celebrity"),
        ("Support codes: 99999999, 61493863.", "violence"),
        ("Support codes: 99999999", None),
        ("Operation 1152367540000 failed", None),
        ("", None),
    ],
)
def test_a_support_code_has_a_category_in_words(detail: str, words: str | None) -> None:
    assert category(detail) == words


@pytest.mark.parametrize("status", [301, 408, 409, 499, 500, 502, 503, 504, 599])
def test_a_submission_that_is_not_surely_refused_is_ambiguous(status: int) -> None:
    assert isinstance(submission_error(refusal(status), "p"), Ambiguous)


def test_a_new_projects_first_minutes_pass_by_themselves() -> None:
    error = submission_error(refusal(400, "Service agents are being provisioned (https://…)."), "p")
    assert isinstance(error, Retryable)
    assert error.failure is Failure.PROVIDER_UNAVAILABLE


def test_an_address_that_is_not_vertex_is_the_operators_to_mend() -> None:
    error = submission_error(refusal(404, "<html>Not Found</html>", is_googles=False), "my-project")
    assert isinstance(error, OperatorNeeded)
    assert "my-project" in error.fix


def test_an_api_that_is_switched_off_names_its_page() -> None:
    text = "Vertex AI API has not been used in project 7 before or it is disabled."
    error = submission_error(refusal(403, text), "my-project")
    assert isinstance(error, OperatorNeeded)
    assert "apis/library/aiplatform.googleapis.com?project=my-project" in error.fix


def test_a_bad_request_without_safety_is_rejected() -> None:
    error = submission_error(refusal(400, "durationSeconds must be 4, 6 or 8."), "p")
    assert isinstance(error, SubmissionRefused)
    assert error.failure is Failure.REJECTED


def test_only_googles_own_404_says_that_an_operation_is_gone() -> None:
    assert isinstance(poll_error(refusal(404, "Operation not found."), "p"), Gone)
    assert isinstance(poll_error(refusal(404, "no such page", is_googles=False), "p"), Retryable)
    assert isinstance(poll_error(refusal(404, "Publisher Model `x` was not found"), "p"), Retryable)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_poll_is_the_operators_to_mend(status: int) -> None:
    assert isinstance(poll_error(refusal(status), "p"), OperatorNeeded)


def test_what_is_not_done_is_running() -> None:
    assert isinstance(understand(Operation(named=True, done=False)), Running)


@pytest.mark.parametrize(
    "operation",
    [
        Operation(named=False, done=False),
        Operation(named=True, done=True),
        Operation(named=True, done=True, has_response=True),
    ],
)
def test_an_unknown_shape_is_asked_for_again(operation: Operation) -> None:
    with pytest.raises(Retryable, match="not understood"):
        understand(operation)


def test_the_first_video_with_an_address_is_the_outcome() -> None:
    operation = Operation(
        named=True, done=True, has_response=True, video_uris=(None, "gs://b/veo/1/sample_0.mp4")
    )
    assert understand(operation) == Finished("gs://b/veo/1/sample_0.mp4")  # type: ignore[arg-type]  # a NewType


def test_a_video_beside_a_filtered_one_is_still_an_outcome() -> None:
    operation = Operation(
        named=True, done=True, has_response=True, video_uris=("gs://b/o",), filtered_count=1
    )
    assert isinstance(understand(operation), Finished)


@pytest.mark.parametrize("uris", [(), (None,), ("https://b/o",), ("gs://bucket",), ("gs:///o",)])
def test_videos_without_a_usable_address_are_no_video(uris: tuple[str | None, ...]) -> None:
    answer = understand(
        Operation(named=True, done=True, has_response=True, video_uris=uris, filtered_count=0)
    )
    assert isinstance(answer, Unsuccessful)
    assert answer.failure is Failure.NO_VIDEO


def test_an_error_without_code_or_words_is_the_providers() -> None:
    answer = understand(Operation(named=True, done=True, error={}))
    assert isinstance(answer, Unsuccessful)
    assert answer.failure is Failure.PROVIDER_ERROR


def test_a_long_text_becomes_one_line_of_bounded_length() -> None:
    assert shortened("a\n  b") == "a b"
    assert len(shortened("x" * 10_000)) == 500

"""What Vertex's refusals and operations mean to the core. Pure: no library of Google's is needed to read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from veobot.core.errors import Ambiguous, OperatorNeeded, Retryable, SubmissionRefused, VeobotError
from veobot.core.failures import Failure
from veobot.core.ports import Finished, Gone, PollAnswer, Running, Unsuccessful
from veobot.core.request import VideoUri

from .safety import mentions_safety

_CONSOLE = "https://console.cloud.google.com"

_CODE_INVALID_ARGUMENT = 3
_CODE_RESOURCE_EXHAUSTED = 8
# Codes of google.rpc.Code, which an operation's error carries.

_DETAIL_CHARACTERS = 500
"""How much of Google's text is kept: messages of half this length were seen, an HTML page would be endless."""

_RETIRED_MODEL = "publisher model"
_NEW_PROJECT = "service agents are being provisioned"
"""What a project's first minutes answer with, as a 400; it passes by itself."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An HTTP answer that is an error."""

    status: int
    message: str
    """Google's text, or that of whatever answered instead."""
    is_googles: bool
    """Whether it has the shape of Google's errors; a proxy's page has not."""
    retry_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """A video operation, as far as its answer could be read; None where a field was absent."""

    named: bool
    done: bool
    error: Mapping[str, object] | None = None
    has_response: bool = False
    video_uris: tuple[str | None, ...] | None = None
    """The videos' addresses; None for one that came inline."""
    filtered_count: int | None = None
    filtered_reasons: tuple[str, ...] = field(default=())


def shortened(text: str) -> str:
    """Return Google's text on one line and at a length that fits a log line and a database column."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= _DETAIL_CHARACTERS else f"{line[: _DETAIL_CHARACTERS - 1]}…"


def submission_error(answer: ErrorAnswer, project: str) -> VeobotError:
    """Return what a refused submission means. What does not prove that nothing was begun is `Ambiguous`."""
    message = shortened(answer.message)
    match answer.status:
        case 400 if _NEW_PROJECT in answer.message.lower():
            return Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE)
        case 400:
            failure = Failure.FILTERED if mentions_safety(answer.message) else Failure.REJECTED
            return SubmissionRefused(failure, message)
        case 401 | 403:
            return operator_needed(answer, project)
        case 404 if _RETIRED_MODEL in answer.message.lower():
            return SubmissionRefused(Failure.MODEL_RETIRED, message)
        case 404:
            fix = f"Check the Google project ({project}), its location and the address of Vertex AI."
            return OperatorNeeded(f"Vertex knows no such address (HTTP 404): {message}", fix=fix)
        case 429:
            return _busy(answer)
        case status:
            return Ambiguous(f"Vertex answered HTTP {status}, which proves nothing: {message}")


def poll_error(answer: ErrorAnswer, project: str) -> Gone | Retryable:
    """Return what a refused poll means: the operation is gone, or it is to be asked for again."""
    message = shortened(answer.message)
    match answer.status:
        case 404 if answer.is_googles and _RETIRED_MODEL not in answer.message.lower():
            return Gone()
        case 401 | 403:
            return operator_needed(answer, project)
        case 429:
            return _busy(answer)
        case status:
            return Retryable(
                f"Vertex answered HTTP {status} when asked for an operation: {message}",
                retry_after_seconds=answer.retry_after_seconds,
                failure=Failure.PROVIDER_UNAVAILABLE,
            )


def operator_needed(answer: ErrorAnswer, project: str) -> OperatorNeeded:
    """Return which page or role mends a 401 or 403."""
    lower = answer.message.lower()
    message = f"Vertex refused the call (HTTP {answer.status}): {shortened(answer.message)}"
    if answer.status == 401:
        fix = (
            "Create a new key for the service account "
            f"at {_CONSOLE}/iam-admin/serviceaccounts?project={project}, "
            "and name its file in GOOGLE_APPLICATION_CREDENTIALS."
        )
    elif "billing" in lower:
        fix = f"Enable billing for the project at {_CONSOLE}/billing/linkedaccount?project={project}."
    elif "has not been used" in lower or "is disabled" in lower:
        fix = f"Enable the Vertex AI API at {_CONSOLE}/apis/library/aiplatform.googleapis.com?project={project}."
    else:
        fix = (
            f"Give the bot's service account the role roles/aiplatform.user on the project {project} "
            f"at {_CONSOLE}/iam-admin/iam?project={project}."
        )
    return OperatorNeeded(message, fix=fix)


def understand(operation: Operation) -> PollAnswer:
    """Return what an operation has come to. Raises `Retryable` where its shape is unknown."""
    if operation.error is not None:
        return _failed(operation.error)
    if not operation.done:
        if not operation.named:
            _unknown("it names no operation")
        return Running()
    if not operation.has_response:
        _unknown("it is done, but has neither a response nor an error")
    if operation.video_uris:
        return _first_video(operation.video_uris)
    if operation.filtered_count or operation.filtered_reasons:
        reasons = " ".join(operation.filtered_reasons) or "Google gave no reason."
        return Unsuccessful(Failure.FILTERED, shortened(reasons))
    if operation.filtered_count is None and operation.video_uris is None:
        _unknown("its response has none of the fields of a video's")
    return Unsuccessful(Failure.NO_VIDEO, "The operation is done and lists no video.")


def _first_video(uris: tuple[str | None, ...]) -> PollAnswer:
    uri = next((uri for uri in uris if uri), None)
    if uri is None:
        return Unsuccessful(Failure.NO_VIDEO, "The video came without an address in Cloud Storage.")
    bucket, slash, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not (bucket and slash and name):
        return Unsuccessful(Failure.NO_VIDEO, f"This is no address in Cloud Storage: {shortened(uri)}")
    return Finished(VideoUri(uri))


def _failed(error: Mapping[str, object]) -> Unsuccessful:
    code, message = error.get("code"), str(error.get("message") or "Google gave no reason.")
    if mentions_safety(message):
        failure = Failure.FILTERED
    elif code == _CODE_RESOURCE_EXHAUSTED:
        failure = Failure.PROVIDER_BUSY
    elif code == _CODE_INVALID_ARGUMENT:
        failure = Failure.REJECTED
    else:
        failure = Failure.PROVIDER_ERROR
    return Unsuccessful(failure, shortened(f"code {code}: {message}"))


def _unknown(what: str) -> NoReturn:
    message = f"Vertex's answer about the operation is not understood: {what}."
    raise Retryable(message, failure=Failure.PROVIDER_ERROR)


def _busy(answer: ErrorAnswer) -> Retryable:
    return Retryable(
        f"Quota at Google is exhausted: {shortened(answer.message)}",
        retry_after_seconds=answer.retry_after_seconds,
        failure=Failure.PROVIDER_BUSY,
    )

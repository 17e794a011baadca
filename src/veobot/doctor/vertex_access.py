"""Whether the project may make videos with Vertex AI, and whether its models are still there. Costs nothing."""

import asyncio
import json
from http import HTTPStatus

import aiohttp

from veobot.config import Settings
from veobot.core.models import MODELS
from veobot.core.ports import Gone
from veobot.vertex.answers import ErrorAnswer, operator_needed, poll_error, shortened

from .findings import Finding, not_tried, ok, warning, wrong
from .google_access import CONSOLE, Access

VERTEX_TIMEOUT_SECONDS = 15.0
"""For each call: looking something up takes Vertex well under a second."""

_NO_SUCH_OPERATION = "00000000-0000-4000-8000-000000000000"
"""The id of no operation. Asking for one is free, and meets the same API switch, billing and role as a submission."""

_VERTEX, _MODEL = "Vertex AI", "Model"

_NETWORK_FIX = (
    "Check VEOBOT_GOOGLE_LOCATION (us-central1 has every model), and this machine's network and proxy."
)


async def vertex_findings(settings: Settings, access: Access) -> list[Finding]:
    """Ask for an operation that does not exist, and for each model that is offered."""
    timeout = aiohttp.ClientTimeout(total=VERTEX_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(headers=access.headers, timeout=timeout, trust_env=True) as session:
        calls = _Calls(session, settings)
        try:
            answer = await calls.poll(settings.model)
        except (aiohttp.ClientError, OSError) as error:
            sentence = f"Vertex AI cannot be reached at {calls.base} ({_named(error)})."
            skipped = not_tried(_MODEL, "Vertex AI cannot be reached")
            return [wrong(_VERTEX, sentence, _NETWORK_FIX), skipped]
        finding = _access_finding(answer, settings, access)
        if answer is not None and answer.status == HTTPStatus.UNAUTHORIZED:
            return [finding, not_tried(_MODEL, "the access token is not accepted")]
        models = [_model_finding(calls, settings, model) for model in settings.models]
        return [finding, *await asyncio.gather(*models)]


class _Calls:
    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self.base = (settings.vertex_api_url or _google_address(settings.google_location)).rstrip("/")
        self._place = f"projects/{settings.google_project}/locations/{settings.google_location}"

    async def poll(self, model: str) -> ErrorAnswer | None:
        """Ask for the operation that does not exist; None if Vertex knows it after all."""
        path = f"{self._place}/publishers/google/models/{model}"
        body = {"operationName": f"{path}/operations/{_NO_SUCH_OPERATION}"}
        return await self._call("POST", f"{path}:fetchPredictOperation", body)

    async def model(self, model: str) -> ErrorAnswer | None:
        """Ask for a model; None if it is there."""
        return await self._call("GET", f"publishers/google/models/{model}", None)

    async def _call(self, method: str, path: str, body: dict[str, str] | None) -> ErrorAnswer | None:
        async with self._session.request(method, f"{self.base}/v1/{path}", json=body) as answer:
            text = await answer.text(errors="replace")
            return None if answer.ok else _read(answer.status, text)


def _access_finding(answer: ErrorAnswer | None, settings: Settings, access: Access) -> Finding:
    project = settings.google_project
    if answer is None or isinstance(poll_error(answer, project), Gone) or _was_understood(answer):
        return ok(_VERTEX, f"{access.identity} may make videos with Vertex AI in the project {project}.")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return wrong(
            _VERTEX, _refusal(answer, project, access.identity), operator_needed(answer, project).fix
        )
    sentence = f"Vertex AI answered HTTP {answer.status}: {shortened(answer.message)}"
    return wrong(
        _VERTEX, sentence, f"Try again in a minute; see https://status.cloud.google.com. {_NETWORK_FIX}"
    )


def _was_understood(answer: ErrorAnswer) -> bool:
    """Whether the call got past the permissions: to the operation's name, or to a model that is retired."""
    return answer.is_googles and answer.status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def _refusal(answer: ErrorAnswer, project: str, identity: str) -> str:
    lower = answer.message.lower()
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return f"Vertex AI does not accept the access token of {identity}."
    if "billing" in lower:
        return f"Billing is not enabled for the project {project}."
    if "has not been used" in lower or "is disabled" in lower:
        return f"The Vertex AI API is not enabled in the project {project}."
    return f"{identity} may not use Vertex AI in the project {project}: {shortened(answer.message)}"


async def _model_finding(calls: _Calls, settings: Settings, model: str) -> Finding:
    named = f"model {model} in {settings.google_location}"
    try:
        answer = await calls.model(model)
        if answer is None:
            return ok(_MODEL, f"There is a {named}.")
        if answer.status != HTTPStatus.NOT_FOUND:
            sentence = f"The model {model} could not be looked up (HTTP {answer.status})."
            fix = f"See whether {CONSOLE}/vertex-ai/model-garden?project={settings.google_project} lists it."
            return warning(_MODEL, sentence, fix)
        others = [other for other in MODELS if other != model]
        answers = await asyncio.gather(*(calls.model(other) for other in others))
    except (aiohttp.ClientError, OSError) as error:
        sentence = f"The model {model} could not be looked up ({_named(error)})."
        return warning(_MODEL, sentence, _NETWORK_FIX)
    there = [other for other, found in zip(others, answers, strict=True) if found is None]
    sentence = f"There is no {named}: it was retired, or is not offered there."
    return wrong(_MODEL, sentence, _way_without(model, there, settings))


def _way_without(model: str, there: list[str], settings: Settings) -> str:
    if not there:
        return "Update veobot: none of the models it knows is there. Or check VEOBOT_GOOGLE_LOCATION."
    if model != settings.model:
        return f"Take it out of VEOBOT_MODELS. There are: {', '.join(there)}."
    return f"Set VEOBOT_MODEL to one that is there: {', '.join(there)}."


def _google_address(location: str) -> str:
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    return f"https://{host}"


def _read(status: int, text: str) -> ErrorAnswer:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    match body:
        case {"error": {"message": str(message)}}:
            return ErrorAnswer(status, message, is_googles=True)
        case _:
            return ErrorAnswer(status, text, is_googles=False)


def _named(error: Exception) -> str:
    """Return the exception's text, a failed connection's without what the sentence names already."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)
    return str(error) or f"no answer within {VERTEX_TIMEOUT_SECONDS:g} s"

"""Vertex AI's Veo endpoints, as far as a bot needs them: submit, poll, and look a model up."""

import json
from collections.abc import Mapping
from enum import StrEnum

from aiohttp import web

from veobot.sandbox.dialects import google_error
from veobot.sandbox.generations import Generations, Operation, Result
from veobot.sandbox.ledger import JsonValue, Ledger
from veobot.sandbox.models import PRICES, Refused, understand
from veobot.sandbox.tokens import TokenIssuer

_RESPONSE_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
_MODEL = "publishers/google/models"
_LOCATION_PATH = f"projects/{{project}}/locations/{{location}}/{_MODEL}/{{model}}"

_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class SubmitMode(StrEnum):
    """What becomes of every submission, until changed."""

    OK = "ok"
    QUOTA = "quota"
    RETIRED = "retired"
    PERMISSION_DENIED = "permission_denied"
    BILLING_DISABLED = "billing_disabled"
    UNAUTHENTICATED = "unauthenticated"
    BAD_REQUEST = "bad_request"
    UNAVAILABLE = "unavailable"


class VertexWorld:
    """The endpoints; the operations themselves live in `Generations`.

    Args:
        generations: starts and finds operations.
        ledger: learns of polls and refusals.
        tokens: says whose calls are let in.
    """

    def __init__(self, generations: Generations, ledger: Ledger, tokens: TokenIssuer) -> None:
        self.generations = generations
        self._ledger = ledger
        self._tokens = tokens
        self.submit_mode = SubmitMode.OK
        self.models: list[str] = list(PRICES)

    async def reset(self) -> None:
        """Return to a Vertex AI that accepts everything and remembers nothing."""
        await self.generations.reset()
        self.submit_mode = SubmitMode.OK
        self.models = list(PRICES)

    def state(self) -> Mapping[str, JsonValue]:
        """Describe the settings and all operations."""
        return {
            "submit": self.submit_mode.value,
            "models": self.models,
            "generation_seconds": self.generations.generation_seconds,
            "operations": self.generations.state(),
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints; there is no v1beta1, which was seen to reject generally available models."""
        path = f"/v1/projects/{{project}}/locations/{{location}}/{_MODEL}/{{model:[^/:]+}}"
        return [
            web.post(f"{path}:predictLongRunning", self._submit, name="vertex.submit"),
            web.post(f"{path}:fetchPredictOperation", self._poll, name="vertex.poll"),
            web.get(path, self._model, name="vertex.model"),
            web.get(f"/v1/{_MODEL}/{{model:[^/:]+}}", self._model, name="vertex.model.publisher"),
        ]

    async def _submit(self, request: web.Request) -> web.Response:
        body = await _json_body(request)
        refusal = self._refusal(request)
        if refusal is None:
            try:
                understood = understand(request.match_info["model"], body)
            except Refused as error:
                refusal = google_error(400, str(error))
            else:
                location_path = _LOCATION_PATH.format_map(request.match_info)
                operation = self.generations.start(understood, location_path)
                return web.json_response({"name": operation.name})
        reason = json.loads(refusal.text or "{}")["error"]["message"]
        self._ledger.record("refused", prompt=_prompt_of(body), status=refusal.status, reason=reason)
        return refusal

    async def _poll(self, request: web.Request) -> web.Response:
        if not self._tokens.is_authorized(request):
            return google_error(401, _UNAUTHENTICATED)
        body = await _json_body(request)
        name = body.get("operationName") if isinstance(body, Mapping) else None
        if not isinstance(name, str):
            return google_error(400, "Invalid JSON payload received: operationName is missing.")
        operation = self.generations.find(name)
        if operation is None or not name.startswith(_LOCATION_PATH.format_map(request.match_info)):
            self._ledger.record("poll", operation=name, answer="gone")
            return google_error(404, f"Operation {name} was not found.")
        answer = _LEDGER_ANSWERS.get(operation.scene.result, "done") if operation.finished else "running"
        self._ledger.record("poll", operation=name, answer=answer)
        if operation.finished and operation.scene.result is Result.MALFORMED:
            return web.Response(text='{"name": ', content_type="application/json")
        return web.json_response(_operation_json(operation))

    async def _model(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None and self.submit_mode not in {SubmitMode.QUOTA, SubmitMode.BAD_REQUEST}:
            return refusal
        model = request.match_info["model"]
        return web.json_response(
            {
                "name": f"{_MODEL}/{model}",
                "versionId": "001",
                "openSourceCategory": "PROPRIETARY",
                "launchStage": "PUBLIC_PREVIEW" if "lite" in model else "GA",
                "publisherModelTemplate": f"projects/{{user-project}}/locations/{{location}}/{_MODEL}/{model}",
            }
        )

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return why a call of this model is not let in, None if it is."""
        match = request.match_info
        path = f"projects/{match.get('project', '-')}/locations/{match.get('location', '-')}/{_MODEL}/{match['model']}"
        if not self._tokens.is_authorized(request) or self.submit_mode is SubmitMode.UNAUTHENTICATED:
            return google_error(401, _UNAUTHENTICATED)
        if self.submit_mode is SubmitMode.BILLING_DISABLED:
            return _billing_disabled(match.get("project", "-"))
        if self.submit_mode is SubmitMode.PERMISSION_DENIED:
            return google_error(
                403,
                "Permission 'aiplatform.endpoints.predict' denied on resource "
                f"'//aiplatform.googleapis.com/{path}' (or it may not exist).",
            )
        if self.submit_mode is SubmitMode.RETIRED or match["model"] not in self.models:
            return google_error(
                404,
                f"Publisher Model `{path}` was not found or your project does not have access to it. "
                "Please ensure you are using a valid model version.",
            )
        if self.submit_mode is SubmitMode.QUOTA:
            return google_error(
                429,
                "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base "
                f"model: {match['model']}. Please submit a quota increase request.",
            )
        if self.submit_mode is SubmitMode.BAD_REQUEST:
            return google_error(400, "Request contains an invalid argument.")
        if self.submit_mode is SubmitMode.UNAVAILABLE:
            return google_error(503, "The service is currently unavailable.")
        return None


_LEDGER_ANSWERS = {Result.FILTERED: "filtered", Result.FAILED: "failed"}


def _operation_json(operation: Operation) -> Mapping[str, JsonValue]:
    """Return the operation as fetchPredictOperation shows it."""
    name, scene = operation.name, operation.scene
    if not operation.finished:
        return {"name": name}  # `done` is absent, not false
    if scene.result is Result.FAILED:
        return {"name": name, "done": True, "error": {"code": scene.error_code, "message": scene.message}}
    if scene.result is Result.UNKNOWN_SHAPE:
        later_type = "type.googleapis.com/cloud.ai.large_models.vision.GenerateMediaResponse"
        return {
            "name": name,
            "done": True,
            "response": {"@type": later_type, "generatedSamples": [{"media": {}}]},
        }
    response: dict[str, JsonValue] = {"@type": _RESPONSE_TYPE, "raiMediaFilteredCount": 0}
    if scene.result is Result.FILTERED:
        response["raiMediaFilteredCount"] = operation.request.sample_count
        reason = "Veo could not generate videos because the input prompt violates our usage guidelines."
        response["raiMediaFilteredReasons"] = [f"{reason} Support codes: {scene.support_code}"]
    elif operation.videos:
        response["videos"] = operation.videos
    return {"name": name, "done": True, "response": response}


def _billing_disabled(project: str) -> web.Response:
    address = f"https://console.developers.google.com/billing/enable?project={project}"
    error = {
        "code": 403,
        "message": f"This API method requires billing to be enabled. Please enable billing on project #{project} "
        f"by visiting {address} then retry.",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "BILLING_DISABLED",
                "domain": "googleapis.com",
                "metadata": {"consumer": f"projects/{project}", "service": "aiplatform.googleapis.com"},
            }
        ],
    }
    return web.json_response({"error": error}, status=403)


async def _json_body(request: web.Request) -> JsonValue:
    """Return the body, None if it is no JSON: `understand` refuses that with a sentence."""
    try:
        body: JsonValue = await request.json()
    except ValueError:
        return None
    return body


def _prompt_of(body: JsonValue) -> JsonValue:
    match body:
        case {"instances": [{"prompt": str(prompt)}, *_]}:
            return prompt
        case _:
            return None

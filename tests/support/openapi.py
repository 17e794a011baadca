"""Holds what the simulated Discord says and accepts against Discord's own OpenAPI document."""

import json
import os
from collections.abc import Mapping
from email.parser import BytesParser
from functools import cache
from pathlib import Path

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.typedefs import Handler, Middleware
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from veobot.sandbox.ledger import JsonValue

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT_PATH = Path(
    os.environ.get("VEOBOT_DISCORD_OPENAPI", REPOSITORY.parent / "shared" / "discord-openapi.json")
)
API_PREFIX = "/api/v10"
ROOT = "urn:discord"
# What clients may send as a number, and the document only knows as a string.
SNOWFLAKE_KEYS = {"message_id", "channel_id", "guild_id", "recipient_id", "application_id"}


Json = Mapping[str, JsonValue]


class OpenApi:
    """Discord's document, its schemas compiled when first needed."""

    def __init__(self, document: dict[str, JsonValue]) -> None:
        _accept_named_codes(document)
        self._document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(ROOT, resource)
        self._validators: dict[tuple[str, ...], OAS31Validator | None] = {}

    def complaints(self, value: JsonValue, *pointer: str) -> list[str]:
        """Return what is wrong with a value by the schema at a pointer; a missing schema is wrong too."""
        if pointer not in self._validators:
            self._validators[pointer] = self._compile(pointer)
        validator = self._validators[pointer]
        if validator is None:
            return [f"the document has nothing at {'/'.join(pointer)}"]
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]

    def has(self, *pointer: str) -> bool:
        """Whether there is anything at a pointer."""
        found: JsonValue = self._document
        for name in pointer:
            if not isinstance(found, dict) or name not in found:
                return False
            found = found[name]
        return True

    def _compile(self, pointer: tuple[str, ...]) -> OAS31Validator | None:
        found: JsonValue = self._document
        for name in pointer:
            if isinstance(found, dict) and isinstance(reference := found.get("$ref"), str):
                return self._compile((*_parts(reference), *pointer[pointer.index(name) :]))
            if not isinstance(found, dict) or name not in found:
                return None
            found = found[name]
        path = "/".join(name.replace("~", "~0").replace("/", "~1") for name in pointer)
        return OAS31Validator({"$ref": f"{ROOT}#/{path}"}, registry=self._registry)


class Recorder:
    """A middleware that checks every REST request that was accepted and every answer that was given."""

    def __init__(self, document: OpenApi) -> None:
        self._document = document
        self.violations: list[str] = []
        self.seen: set[tuple[str, int]] = set()

    @property
    def middleware(self) -> Middleware:
        """What the application is given."""

        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            if resource is None or not resource.canonical.startswith(API_PREFIX):
                return await handler(request)
            body = await _peek(request)
            response = await handler(request)
            path = resource.canonical.removeprefix(API_PREFIX).replace(
                "interaction_token}", "interaction_token}"
            )
            self._check(request, path, body, response)
            return response

        return record

    def _check(self, request: web.Request, path: str, body: JsonValue, response: web.StreamResponse) -> None:
        name = request.match_info.route.name or ""
        method, status = request.method.lower(), response.status
        self.seen.add((name, status))
        found: list[str] = []
        if body is not None and status < 300:
            found += self._request_complaints(path, method, _as_strings(body))
        content = response.body if isinstance(response, web.Response) else None
        if isinstance(content, bytes) and content:
            answered = str(status) if status < 300 or status == 429 else "4XX"
            pointer = ("paths", path, method, "responses", answered, "content", "application/json", "schema")
            found += [f"answer {text}" for text in self._document.complaints(json.loads(content), *pointer)]
        elif status != 204:
            found.append("answer without a body")
        self.violations += [f"{request.method} {path} {status}: {text}" for text in found]

    def _request_complaints(self, path: str, method: str, body: JsonValue) -> list[str]:
        operation = ("paths", path, method)
        if not self._document.has(*operation, "requestBody"):
            return [] if body == {} else ["request with a body where there is none"]
        pointer = (*operation, "requestBody", "content", "application/json", "schema")
        return [f"request {text}" for text in self._document.complaints(body, *pointer)]


@cache
def discord_openapi() -> OpenApi | None:
    """Return the document, or None where it is not at hand."""
    if not DOCUMENT_PATH.is_file():
        return None
    return OpenApi(json.loads(DOCUMENT_PATH.read_text(encoding="utf-8")))


def _parts(reference: str) -> tuple[str, ...]:
    return tuple(p.replace("~1", "/").replace("~0", "~") for p in reference.removeprefix("#/").split("/"))


def _accept_named_codes(document: dict[str, JsonValue]) -> None:
    """Let the codes of single fields be words, as Discord sends them and as its prose documents them.

    The document describes them by the schema of the outer code, which is a number.
    """
    schemas = document["components"]["schemas"]  # type: ignore[index,call-overload]
    named = {"code": {"type": ["integer", "string"]}, "message": {"type": "string"}}
    schemas["InnerErrors"]["properties"]["_errors"]["items"] = {  # type: ignore[index,call-overload]
        "type": "object",
        "required": ["code", "message"],
        "properties": named,
    }


async def _peek(request: web.Request) -> JsonValue:
    """Return a request's JSON, and leave the body to be read again."""
    if not request.content_type.startswith("multipart/"):
        raw = await request.read()
        return json.loads(raw) if raw else None
    raw = await request.content.read()
    replay = StreamReader(request.protocol, limit=2**16)
    replay.feed_data(raw)
    replay.feed_eof()
    request._payload = replay
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + raw).walk():
        if part.get_param("name", header="content-disposition") == "payload_json":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            value: JsonValue = json.loads(payload)
            return value
    return None


def _as_strings(value: JsonValue, key: str = "") -> JsonValue:
    """Turn the snowflakes that clients send as numbers into strings."""
    if isinstance(value, dict):
        return {name: _as_strings(part, name) for name, part in value.items()}
    if isinstance(value, list) and key in {"attachments", "users", "roles"}:
        return [{**item, "id": str(item["id"])} if isinstance(item, dict) else str(item) for item in value]
    if isinstance(value, list):
        return [_as_strings(item) for item in value]
    return str(value) if key in SNOWFLAKE_KEYS and isinstance(value, int) else value

"""What every REST endpoint has in common: who calls, how often, and how answers and refusals are written."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.discord import errors
from veobot.sandbox.discord.errors import ApiError, TooManyRequests
from veobot.sandbox.discord.form import Fields, Form, parse_snowflake
from veobot.sandbox.discord.ratelimits import Limit, RateLimits
from veobot.sandbox.discord.uploads import FileStore, Submission, Upload
from veobot.sandbox.ledger import JsonValue, Ledger

API_PREFIX = "/api/v10"
# Discord stands behind Google's load balancer; discord.py takes a 429 without this header for a ban.
VIA = "1.1 google"
# By these parts of a path Discord divides a route's rate limit.
MAJOR_PARAMETERS = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_id")
# The tokens in paths are secrets, and are not written down.
SECRET_PARAMETERS = ("webhook_token", "interaction_token")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status of its own; a plain JSON value stands for 200, None for 204."""

    status: int
    body: JsonValue


class Call:
    """One request to an endpoint, and readers for its path, query and body."""

    def __init__(self, request: web.Request, files: FileStore) -> None:
        self._request = request
        self._files = files
        self.uploads: list[Upload] = []

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return self._request.match_info[name]

    def id(self, name: str) -> int:
        """Return an id of the path.

        Raises:
            ApiError: 400 with code 50035, if it is no snowflake.
        """
        return _checked_snowflake(name, self.path(name))

    def has(self, name: str) -> bool:
        """Whether the path has this part."""
        return name in self._request.match_info

    def query(self, name: str) -> str | None:
        """Return a query parameter."""
        return self._request.query.get(name)

    def query_id(self, name: str) -> int | None:
        """Return a query parameter that is an id.

        Raises:
            ApiError: 400 with code 50035, if it is no snowflake.
        """
        value = self.query(name)
        return None if value is None else _checked_snowflake(name, value)

    def query_flag(self, name: str) -> bool:
        """Whether a query parameter is on."""
        return (self.query(name) or "").lower() in {"1", "true"}

    def query_integer(self, name: str, *, minimum: int, maximum: int, default: int) -> int:
        """Return a query parameter that is a whole number.

        Raises:
            ApiError: 400 with code 50035, if it is none, or out of its bounds.
        """
        form = Form()
        fields = Fields(dict(self._request.query), form)
        number = fields.integer(name, minimum=minimum, maximum=maximum, default=default)
        form.check()
        return default if number is None else number

    async def submission(self) -> Submission:
        """Read the body and its files.

        Raises:
            ApiError: if it is no JSON.
        """
        submission = await self._files.read_request(self._request)
        self.uploads.extend(submission.uploads.values())
        return submission

    async def body(self) -> Mapping[str, JsonValue]:
        """Read the body's JSON object, or a list as the value of the empty name.

        Raises:
            ApiError: if it is no JSON.
        """
        return (await self.submission()).body


# Quoted, because JsonValue is a name for a text at run time.
Result: TypeAlias = "JsonValue | Answer"
Endpoint = Callable[[Call], Awaitable[Result]]


class Api:
    """Turns endpoints into aiohttp routes that authenticate, count, answer and refuse as Discord does.

    Args:
        clock: tells what the rate limit's reset is counted from.
        ledger: each refusal is recorded there.
        limits: counts the requests.
        token: the bot's token.
        files: keeps what is uploaded.
        is_attached: whether an uploaded file became part of a message; the others are deleted.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        ledger: Ledger,
        limits: RateLimits,
        token: str,
        files: FileStore,
        is_attached: Callable[[int], bool],
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._limits = limits
        self._authorization = f"Bot {token}"
        self._files = files
        self._is_attached = is_attached

    def route(
        self, method: str, path: str, endpoint: Endpoint, *, name: str, limit: Limit, authorized: bool = True
    ) -> web.RouteDef:
        """Return the route under which an endpoint is reached.

        Args:
            method: the HTTP method.
            path: below the API's prefix.
            endpoint: does the work.
            name: unique; what faults call it.
            limit: how often it may be called.
            authorized: whether it wants the bot's token; interactions carry their own, and are exempt
                from the global limit.
        """

        async def handler(request: web.Request) -> web.StreamResponse:
            major = "/".join(request.match_info.get(part, "") for part in MAJOR_PARAMETERS)
            headers = {"Via": VIA}
            call = Call(request, self._files)
            try:
                if authorized:
                    self._check_authorization(request)
                    self._limits.take_global()
                self._limits.take(name, major, limit)
                answer = await endpoint(call)
            except ApiError as refusal:
                self._record(request, refusal)
                headers |= _refusal_headers(refusal)
                answer = Answer(refusal.status, refusal.payload())
            finally:
                self._files.discard(f.path for f in call.uploads if not self._is_attached(f.id))
            window = self._limits.peek(name, major, limit)
            headers |= self._limits.headers(name, window, self._clock.now().timestamp())
            return _response(answer, headers)

        return web.route(method, f"{API_PREFIX}{path}", handler, name=name)

    def _check_authorization(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != self._authorization:
            raise errors.unauthorized()

    def _record(self, request: web.Request, refusal: ApiError) -> None:
        path = request.path
        for name in SECRET_PARAMETERS:
            if secret := request.match_info.get(name):
                path = path.replace(secret, f"{{{name}}}")
        self._ledger.record(
            "refusal", method=request.method, path=path, status=refusal.status, code=refusal.code
        )


def _refusal_headers(refusal: ApiError) -> dict[str, str]:
    if not isinstance(refusal, TooManyRequests):
        return {}
    headers = {
        "Retry-After": str(max(1, round(refusal.retry_after_seconds))),
        "X-RateLimit-Scope": refusal.scope,
    }
    return headers | ({"X-RateLimit-Global": "true"} if refusal.scope == "global" else {})


def _response(answer: Result, headers: Mapping[str, str]) -> web.Response:
    if not isinstance(answer, Answer):
        answer = Answer(204 if answer is None else 200, answer)
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    body = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    # Bytes, because aiohttp adds a charset to a text's content type, which Discord's clients do not expect.
    return web.Response(status=answer.status, body=body, content_type="application/json", headers=headers)


def _checked_snowflake(name: str, value: str) -> int:
    number = parse_snowflake(value)
    if number is None:
        form = Form()
        form.complain([name], "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        form.check()
        raise AssertionError(name)
    return number

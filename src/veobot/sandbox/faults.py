"""What can be made to go wrong on the way to any endpoint, and after its effect."""

import asyncio
import itertools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web
from aiohttp.payload import Payload
from aiohttp.streams import StreamReader
from aiohttp.typedefs import Handler, Middleware

from veobot.sandbox.dialects import refusal, too_many_requests
from veobot.sandbox.ledger import JsonValue, Ledger

# Nothing waits longer than this in real time: a forgotten fault must not hang a test run for ever.
MAX_DELAY_SECONDS = 600.0

# A 200 whose body is not what it should be: the page of a proxy in between.
MALFORMED_BODY = "<!doctype html><title>Please sign in</title><p>This network needs a sign-in.</p>"


class FaultKind(StrEnum):
    """What goes wrong; `before` and `after` are relative to the endpoint's effect."""

    DELAY_BEFORE = "delay_before"
    DELAY_AFTER = "delay_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RATE_LIMITED = "rate_limited"
    TRUNCATE = "truncate"
    TRICKLE = "trickle"
    MALFORMED = "malformed"


# The effect does not happen: the request never reaches its endpoint.
_WITHOUT_EFFECT = {FaultKind.DROP_BEFORE, FaultKind.ERROR_BEFORE, FaultKind.RATE_LIMITED}
_DROPS = {FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER}
_ERRORS = {FaultKind.ERROR_BEFORE, FaultKind.ERROR_AFTER}


@dataclass(slots=True)
class Fault:
    """A standing order to spoil calls of an endpoint.

    Attributes:
        endpoint: a route's name (`vertex.submit`), or the start of several with a `*` (`discord.*`).
        kind: what goes wrong.
        seconds: real seconds that the call is held up; for `rate_limited` what it is told to wait; for `trickle`
            the pause before each piece.
        status: the HTTP status of an error.
        code: the code in Discord's error body.
        message: the sentence in an error's body.
        bytes: after how many bytes of its body a truncated answer ends; how large a trickling
            one's pieces are, at least 1.
        times: how many calls to spoil; None is every one.
        probability: the share of calls to spoil, decided under `seed`.
        seed: makes the share repeatable.
        contains: only calls with this text in their path, query or body.
        id: assigned when the fault is added.
    """

    endpoint: str
    kind: FaultKind
    seconds: float = 0.0
    status: int = 500
    code: int | None = None
    message: str | None = None
    bytes: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    contains: str | None = None
    id: str = ""
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense, with one sentence, as a ValueError."""
        self.kind = FaultKind(self.kind)
        self.dice = random.Random(self.seed)  # noqa: S311  # repeatable mishaps, not secrets
        if not self.endpoint:
            msg = "A fault needs an endpoint: a route's name, or the start of several followed by *."
            raise ValueError(msg)
        if not 0 <= self.seconds <= MAX_DELAY_SECONDS:
            msg = f"A fault can hold a call up for 0 to {MAX_DELAY_SECONDS:.0f} seconds, not {self.seconds}."
            raise ValueError(msg)
        if self.kind in _ERRORS and not 400 <= self.status <= 599:
            msg = f"An error's status lies between 400 and 599, and {self.status} does not."
            raise ValueError(msg)
        if not 0 <= self.probability <= 1 or self.bytes < 0 or (self.times is not None and self.times < 1):
            msg = "A fault's probability lies between 0 and 1, bytes is not negative and times is at least 1."
            raise ValueError(msg)

    def matches(self, route_name: str) -> bool:
        """Say whether the endpoint of this name is meant."""
        if self.endpoint.endswith("*"):
            return route_name.startswith(self.endpoint[:-1])
        return route_name == self.endpoint

    def strikes(self) -> bool:
        """Decide whether the present call is spoilt, and count it if so."""
        if self.probability < 1 and self.dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The standing faults; at most one of them, the oldest that fits, strikes a call.

    The control API is never hit: its routes' names begin with `control.`.

    Args:
        ledger: learns of each application of a fault.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._faults: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> str:
        """Let the fault strike from now on, and return its id."""
        fault.id = str(next(self._ids))
        self._faults[fault.id] = fault
        return fault.id

    def remove(self, fault_id: str) -> bool:
        """Withdraw one fault; say whether it was still there."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Withdraw all faults."""
        self._faults.clear()

    def state(self) -> list[Mapping[str, JsonValue]]:
        """Describe the standing faults."""
        return [
            {"id": fault.id, "endpoint": fault.endpoint, "kind": fault.kind.value, "times": fault.times}
            for fault in self._faults.values()
        ]

    def middleware(self) -> Middleware:
        """Return the aiohttp middleware that lets the faults strike."""

        @web.middleware
        async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
            route_name = request.match_info.route.name or "unknown"
            if not self._faults or route_name.startswith("control."):
                return await handler(request)
            fault = await self._choose(route_name, request)
            if fault is None:
                return await handler(request)
            return await self._spoil(fault, route_name, request, handler)

        return spoil

    async def _choose(self, route_name: str, request: web.Request) -> Fault | None:
        body: bytes | None = None
        for fault in list(self._faults.values()):
            if not fault.matches(route_name):
                continue
            if fault.contains is not None and fault.contains not in request.rel_url.human_repr():
                if body is None:
                    body = await _take_body(request)
                    _put_back(request, body)
                if not _contains(body, fault.contains):
                    continue
            # Another call may have used the fault up while this one's body was read.
            if fault.id in self._faults and fault.strikes():
                if fault.times == 0:
                    self.remove(fault.id)
                return fault
        return None

    async def _spoil(
        self, fault: Fault, route_name: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        # A websocket's effect is its whole session, so that it can only be refused, never spoilt afterwards.
        is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        if fault.kind in _WITHOUT_EFFECT or is_upgrade:
            self._record(fault, route_name)
            await asyncio.sleep(0 if fault.kind is FaultKind.RATE_LIMITED else fault.seconds)
            if fault.kind in {FaultKind.DELAY_BEFORE, FaultKind.DELAY_AFTER}:
                return await handler(request)
            return self._answer_without_effect(fault, route_name, request)
        if fault.kind is FaultKind.DELAY_BEFORE:
            # Taken in before, so that the effect comes even if the client gives up waiting.
            body = await _take_body(request)
            self._record(fault, route_name)
            await asyncio.sleep(fault.seconds)
            _put_back(request, body)
            return await handler(request)
        response = await _perform(request, handler)
        self._record(fault, route_name)
        await asyncio.sleep(fault.seconds)
        return await _spoilt_answer(fault, route_name, request, response)

    def _answer_without_effect(
        self, fault: Fault, route_name: str, request: web.Request
    ) -> web.StreamResponse:
        if fault.kind in _DROPS:
            return _dropped(request)
        if fault.kind is FaultKind.RATE_LIMITED:
            return too_many_requests(route_name, fault.seconds or 1.0)
        return _error(fault, route_name)

    def _record(self, fault: Fault, route_name: str) -> None:
        self._ledger.record("fault", endpoint=route_name, kind=fault.kind.value, fault_id=fault.id)


async def _perform(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the endpoint do its work to the end; an answer that it raises is an answer too."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer


async def _spoilt_answer(
    fault: Fault, route_name: str, request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    if fault.kind is FaultKind.DELAY_AFTER:
        return response
    if fault.kind is FaultKind.DROP_AFTER or response.prepared:
        return _dropped(request)
    if fault.kind is FaultKind.ERROR_AFTER:
        return _error(fault, route_name)
    if fault.kind is FaultKind.MALFORMED:
        return web.Response(text=MALFORMED_BODY, content_type="text/html")
    if fault.kind is FaultKind.TRICKLE:
        return await _trickling(request, response, max(1, fault.bytes), fault.seconds)
    return await _truncated(request, response, fault.bytes)


def _error(fault: Fault, route_name: str) -> web.Response:
    message = fault.message or "The sandbox was asked to answer with this error."
    return refusal(route_name, fault.status, message, code=fault.code)


def _dropped(request: web.Request) -> web.StreamResponse:
    """Abort the connection without a byte; what is returned can no longer be sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _truncated(
    request: web.Request, response: web.StreamResponse, length_bytes: int
) -> web.StreamResponse:
    """Announce the whole answer, send its first bytes and close the connection."""
    if not isinstance(response, web.Response):
        return _dropped(request)
    cut = web.StreamResponse(status=response.status, headers=response.headers)
    body = response.body
    if isinstance(body, bytes | bytearray):
        cut.content_length = len(body)
    await cut.prepare(request)
    if isinstance(body, Payload):
        await body.write_with_length(request.writer, length_bytes)
    elif body is not None:
        await cut.write(bytes(body[:length_bytes]))
    if request.transport is not None:
        # Closing, unlike aborting, first sends what is buffered.
        request.transport.close()
    return cut


async def _trickling(
    request: web.Request, response: web.StreamResponse, piece_bytes: int, pause_seconds: float
) -> web.StreamResponse:
    """Send the whole answer piece by piece; one that is a stream itself only begins late."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes | bytearray):
        return response
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    for start in range(0, len(body), piece_bytes):
        await slow.write(bytes(body[start : start + piece_bytes]))
        await asyncio.sleep(pause_seconds)
    return slow


def _contains(body: bytes, text: str) -> bool:
    """Say whether the text is in the body, as it is or as JSON may write it."""
    return text.encode() in body or json.dumps(text)[1:-1].encode() in body


async def _take_body(request: web.Request) -> bytes:
    """Read the request's body to its end; `_put_back` must follow before anybody else reads it."""
    # Not `request.content`: that remembers the first stream, and a body put back is another one.
    return await request._payload.read() if request.can_read_body else b""  # noqa: SLF001


def _put_back(request: web.Request, body: bytes) -> None:
    """Let the body be read once more, as a stream or at once, even if its sender has left meanwhile."""
    if not body:
        return
    replay = StreamReader(request.protocol, limit=len(body), loop=asyncio.get_running_loop())
    replay.feed_data(body)
    replay.feed_eof()
    # aiohttp has no public way to do this; the alternative would be a proxy in front of the whole server.
    request._payload = replay  # noqa: SLF001

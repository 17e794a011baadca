"""One call to Discord, made once: discord.py's own retries of it are switched off, and its end is translated.

discord.py tries a call five times when Discord answers 5xx or 429, and sleeps up to 25 s in between: a late progress
edit could then overwrite a delivered result. Retries belong to the core, which knows what a repeat does. The switch is
the client's documented `http_trace`: inside `one_call` it ends a call at the first such answer, before discord.py
sees it. Calls elsewhere (login, command registration) keep discord.py's retries.

Discord takes 50 calls a second from a bot, over all its processes. Those inside `one_call` await their turn in the same
trace, right before they leave; what else discord.py calls for is little, and has the room that the pace leaves. Calls
that an interaction's token authorizes, answers to commands among them, are not counted by Discord, and do not wait.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import discord

from veobot.core.errors import Ambiguous, Retryable

from .failures import Answer, translated

PROGRESS_TIMEOUT_SECONDS = 5.0
"""A progress edit is worth no more: the next one follows in 15 s, and the outcome waits for it."""
CALL_TIMEOUT_SECONDS = 15.0
"""Discord answers within a second; it ends what it works on after about 15 s."""
HISTORY_TIMEOUT_SECONDS = 60.0
"""For all pages of a search, each of which takes as long as any call."""
UPLOAD_TIMEOUT_SECONDS = 120.0
"""20 MiB, Discord's default limit, at 1.4 Mbit/s; larger limits come with larger servers, and faster lines."""
TURN_PATIENCE_SECONDS = 0.5
"""How long a call waits for its turn among those of all processes, or twice that where the pace is kept by this one
alone. Before it the core has made sure that the request is still its own, which is worth 2 s: what would wait longer
is given back, and made again with a new proof."""


@dataclass(slots=True)
class _Call:
    """What the trace has seen of the call in hand."""

    sent: bool = False
    """Whether the request's head left: from then on Discord may have carried it out."""
    done: bool = False
    """Whether Discord said that it was carried out."""


class _Answered(Exception):
    """Carries an answer past discord.py's retries."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


_current: ContextVar[_Call | None] = ContextVar("_current", default=None)


async def _at_once() -> None:
    """Wait for no turn."""


def trace(
    observe_date: Callable[[str], None], permit: Callable[[], Awaitable[None]] = _at_once
) -> aiohttp.TraceConfig:
    """Return what the client must be given as `http_trace`; `observe_date` gets each answer's Date header.

    `permit` is awaited before each call that counts for the bot; it raises `Retryable` where its turn is far off.
    """

    async def started(
        _session: object, _context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if (call := _current.get()) is None:
            return
        call.sent = call.done = False
        if "Authorization" in params.headers:  # the bot's token; an interaction's is in the address
            await permit()

    async def head_sent(_session: object, _context: SimpleNamespace, _params: object) -> None:
        if (call := _current.get()) is not None:
            call.sent = True

    async def answered(
        _session: object, _context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        response = params.response
        if (date := response.headers.get("Date")) is not None:
            observe_date(date)
        if (call := _current.get()) is None:
            return
        if response.status >= 500 or response.status == 429 or _is_not_discords(response):
            raise _Answered(Answer.read(response.status, await response.read(), response.headers))
        call.done = response.status < 300

    config = aiohttp.TraceConfig()
    config.on_request_start.append(started)
    config.on_request_headers_sent.append(head_sent)
    config.on_request_end.append(answered)
    return config


def _is_not_discords(response: aiohttp.ClientResponse) -> bool:
    """Tell a page of something in between from Discord's own success."""
    return response.status < 300 and response.status != 204 and response.content_type != "application/json"


@asynccontextmanager
async def one_call(
    timeout_seconds: float, *, by_token: bool = False, needs_answer: bool = True
) -> AsyncIterator[None]:
    """Make the body's call, or calls that only read, once each; raise how it ended in the core's words.

    `by_token`: an interaction's token is what authorizes it. `needs_answer` is False for an edit: that Discord has
    carried it out is enough, however long discord.py then sleeps for a rate limit.

    Raises:
        Retryable: it never left, its turn was far off, or Discord said "not now" (429). `OperatorNeeded` where the
            bot's token is refused.
        Ambiguous: it left, and no answer of Discord's came back.
        Permanent: Discord refused it; see `failures.translated` for which.
    """
    call = _Call()
    reset = _current.set(call)
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except _Answered as error:
        raise translated(error.answer, by_token=by_token) from None
    except discord.HTTPException as error:
        answer = Answer(error.status, error.code, error.text or "", None)
        raise translated(answer, by_token=by_token) from error
    except discord.RateLimited as error:
        raise Retryable(str(error), retry_after_seconds=error.retry_after) from error
    except TimeoutError as error:
        if call.done and not needs_answer:
            return
        raise _unanswered(call, f"no answer within {timeout_seconds:g} s") from error
    except (aiohttp.ClientError, OSError, json.JSONDecodeError, discord.InvalidData) as error:
        raise _unanswered(call, _named(error)) from error
    finally:
        _current.reset(reset)


def _named(error: Exception) -> str:
    """Name an error without its text, which may hold an address with a token in it."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__} ({strerror})" if strerror else type(error).__name__


def _unanswered(call: _Call, reason: str) -> Retryable | Ambiguous:
    return Ambiguous(f"Discord: {reason}") if call.sent else Retryable(f"Discord was not reached: {reason}")

"""`veobot requests`: what the rows say, for the operator. It only reads, but for the wish to cancel one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from veobot.core.errors import VeobotError

if TYPE_CHECKING:
    from veobot.store.database import Database

T = TypeVar("T")

requests = typer.Typer(
    help="Look at requests: what is under way, what became of one; cancel one.", no_args_is_help=True
)


class NoSuchRequest(VeobotError):
    """There is no request with this id."""


class NotCancelled(VeobotError):
    """It is too late, or it has to be said that the video is to be thrown away."""


@requests.command("list")
def list_requests(
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Only those still owed an outcome.")
    ] = False,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only incomplete ones that nothing has moved for an hour.")
    ] = False,
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")] = False,
) -> None:
    """List requests, oldest first, and name the rows that cannot be read. Prints nothing where there are none."""
    from veobot.store.inspection import RequestFilter  # noqa: PLC0415 -- each command pays only for its own imports
    from veobot.store.inspection import list_requests as read_requests  # noqa: PLC0415

    now = datetime.now(UTC)
    which = RequestFilter(
        incomplete_only=incomplete, stuck_at=now if stuck else None, status=status, limit=limit
    )
    found = _with_database(lambda database: read_requests(database, which))
    if as_json:
        for request in found:
            typer.echo(json.dumps(asdict(request), default=_plain))
        return
    if not found:
        return
    from .tables import requests_table  # noqa: PLC0415

    requests_table(found, now)


@requests.command("show")
def show_request(
    request_id: Annotated[int, typer.Argument(help="The request's id, as the log and the messages name it.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show one request: its state, its submissions, where its video is, and all that moved it."""
    from veobot.core.request import RequestId  # noqa: PLC0415
    from veobot.store.inspection import show_request as read_request  # noqa: PLC0415

    try:
        history = _with_database(lambda database: read_request(database, RequestId(request_id)))
    except KeyError:
        raise NoSuchRequest(f"There is no request {request_id} in the database.") from None
    if as_json:
        shown = asdict(history)
        # A live token lets its holder speak as the bot; what should be in a video, and what not, is its member's.
        for private in ("interaction_token", "prompt"):
            shown["request"].pop(private, None)
        shown["request"].get("options", {}).pop("negative_prompt", None)
        typer.echo(json.dumps(shown, default=_plain))
        return
    from .tables import request_sheet  # noqa: PLC0415

    request_sheet(history)


@requests.command("cancel")
def cancel_request(
    request_id: Annotated[int, typer.Argument(help="The request's id, as the log and the messages name it.")],
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Also where Google may be at work on it: that is paid all the same."),
    ] = False,
) -> None:
    """Cancel a request that has no outcome yet. Its member is told by the bot that carries it, or by the next start."""
    from veobot.core.ports import CancelAnswer  # noqa: PLC0415
    from veobot.core.request import RequestId  # noqa: PLC0415
    from veobot.store.requests import SqlRequestStore  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        answer = _with_database(
            lambda database: SqlRequestStore(database).request_cancel(RequestId(request_id), now, drop=drop)
        )
    except KeyError:
        raise NoSuchRequest(f"There is no request {request_id} in the database.") from None
    match answer:
        case CancelAnswer.TAKEN:
            typer.echo(f"Request {request_id} will end as cancelled.")
        case CancelAnswer.RUNNING:
            raise NotCancelled(
                f"Google may be at work on request {request_id}, and cannot be stopped: it is paid in any case. "
                "With --drop its video is thrown away."
            )
        case CancelAnswer.OVER:
            raise NotCancelled(f"Request {request_id} has its outcome already; see `veobot requests show`.")


def _with_database(read: Callable[["Database"], Awaitable[T]]) -> T:
    """Read from the configured database, without creating or migrating one."""
    from veobot.config import load_settings  # noqa: PLC0415
    from veobot.store.opening import database_at  # noqa: PLC0415

    async def reading() -> T:
        database = database_at(load_settings().database_url, sleep=asyncio.sleep, create=False)
        try:
            return await read(database)
        finally:
            await database.leave()

    return asyncio.run(reading())


def _plain(value: object) -> object:
    """Turn what JSON has no word for into text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return str(value)

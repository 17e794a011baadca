"""How requests look in a terminal."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from veobot.core.failures import RULES
from veobot.core.ports import UnreadableRow
from veobot.core.request import VideoRequest
from veobot.store.inspection import RequestHistory, RequestSummary

ID_DIGITS = 19
"""Of a snowflake, until the year 2090."""
PIPE_WIDTH = 200
"""Columns where the output goes to a file or a program: enough for every value in full."""


def requests_table(found: Sequence[RequestSummary | UnreadableRow], now: datetime) -> None:
    """Print one line a request; beneath them, one for each that cannot be read."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("request", "user", "channel", "status", "end", "age", "owners"):
        table.add_column(
            heading,
            no_wrap=True,
            justify="right" if heading in {"age", "owners"} else "left",
            # The one column that other commands are fed with: on a narrow terminal the others give way.
            min_width=ID_DIGITS if heading == "request" else None,
        )
    for request in found:
        if isinstance(request, UnreadableRow):
            continue
        table.add_row(
            str(request.id),
            str(request.user_id),
            str(request.channel_id),
            f"{request.status} ({request.failure})" if request.failure else request.status,
            request.closure or "open",
            _span((now - request.created_at).total_seconds()),
            str(request.epoch),
        )
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    if table.row_count:
        console.print(table)
    for request in found:
        if isinstance(request, UnreadableRow):
            _unreadable(console, request)


def request_sheet(history: RequestHistory) -> None:
    """Print one request whole. The prompt and the negative prompt are left out: they are the member's."""
    console = Console(highlight=False)
    request = history.request
    if isinstance(request, UnreadableRow):
        _unreadable(console, request)
    else:
        console.print(_facts(request))
    console.print()
    steps = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("when (UTC)", "owner no.", "what moved", ""):
        steps.add_column(heading)
    for step in history.transitions:
        steps.add_row(f"{step.at:%Y-%m-%d %H:%M:%S}", str(step.epoch), step.event, step.detail)
    console.print(steps)


def _unreadable(console: Console, row: UnreadableRow) -> None:
    sentence = f"Request {row.id} cannot be read by this version: {row.reason}"
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _facts(request: VideoRequest) -> Table:
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    options = request.options
    rows: list[tuple[str, object]] = [
        ("request", request.id),
        ("member", request.user_id),
        ("where", f"server {request.guild_id}, channel {request.channel_id}"),
        ("asked", f"{request.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("options", f"{options.model} {options.duration_seconds} s {options.resolution} seed {options.seed}"),
        ("status", request.status),
        ("reason", RULES[request.failure].reason if request.failure else ""),
        ("detail", request.failure_detail),
        (
            "closed",
            f"{request.closure} at {request.closed_at:%Y-%m-%d %H:%M:%S} UTC" if request.closed_at else "",
        ),
        ("charged", f"{request.charged_micro_usd / 1_000_000:.2f} USD"),
    ]
    for submission in request.submissions:
        rows.append(
            (f"submission {submission.attempt}", f"{submission.state}, output under {submission.prefix}")
        )
        rows.append(("  operation", submission.operation or ""))
        rows.append(("  video", submission.video_uri or ""))
    for name, value in rows:
        if value != "":
            facts.add_row(name, str(value))
    return facts


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"

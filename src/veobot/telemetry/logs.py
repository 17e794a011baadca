"""The log: named events with fields, one line each, for people on a terminal and for machines elsewhere."""

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Collection, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

from veobot.core.ports import EventLog

from .redaction import Redactor

_Event = MutableMapping[str, object]

_NOISE = (
    "PyNaCl is not installed",
    "davey is not installed",
    "No project ID could be determined",
)
"""Warnings of the libraries about what the bot never uses: voice, and a project that it names itself."""

_LEVELS = {"debug": "debug", "info": "info", "warning": "warn", "error": "error", "critical": "error"}
"""Levels as the console shows them, all of nearly one length."""

_COLORS = {
    "debug": "\x1b[2m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[31m",
}
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def set_up_logging(
    *,
    log_format: str | None = None,
    level: str = "info",
    secrets: Collection[str] = (),
    stream: TextIO | None = None,
) -> EventLog:
    """Log to `stream` (standard error by default), the libraries' warnings and errors too; return the log.

    Args:
        log_format: "console" or "json"; by default console on a terminal, json elsewhere.
        level: from which on events are logged: "debug", "info", "warning" or "error".
        secrets: texts that never may be seen in the log.
        stream: where to.
    """
    log = create_log(log_format=log_format, level=level, secrets=secrets, stream=stream)
    route_standard_logging(log)
    return log


def create_log(
    *,
    log_format: str | None = None,
    level: str = "info",
    secrets: Collection[str] = (),
    stream: TextIO | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> EventLog:
    """Return a log without touching the process's logging; `now` dates the events. Else as `set_up_logging`."""
    stream = stream or sys.stderr
    terminal = stream.isatty()
    as_console = log_format == "console" or (log_format is None and terminal)
    renderer: Processor = (
        _Console(color=terminal and "NO_COLOR" not in os.environ) if as_console else _render_json
    )

    def date(_logger: object, method: str, event: _Event) -> _Event:
        # First, so that every line begins alike; the fields follow in the order of the call.
        name = event.pop("event")
        at = now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        shown = "error" if method == "exception" else method
        return {"timestamp": at, "level": shown, "event": name, **event}

    processors: list[Processor] = [date, _tell_exception, Redactor(secrets), renderer]
    logger = structlog.wrap_logger(
        _Writer(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return cast("EventLog", logger)


class _Writer:
    """Writes one line for each event. Where that fails nobody is told: there is no place left to say it in.

    A full disk, or a reader of the log that has left, must not end what is being logged: a paid submission's name
    would be lost between its answer and the commit.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write the line."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = exception = critical = msg


def route_standard_logging(log: EventLog) -> None:
    """Send what libraries log, from WARNING on, and Python's own warnings to `log`, and nowhere else."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_LibraryHandler(log))
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


class _LibraryHandler(logging.Handler):
    """Turns a library's record into the event `library.warning` or `library.error`."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record; a broken one is told as logging tells it."""
        try:
            message = record.getMessage()
            if message.startswith(_NOISE):
                return
            fields: dict[str, object] = {"logger": record.name, "message": message}
            if record.exc_info and record.exc_info[1] is not None:
                fields["exc_info"] = record.exc_info
            say, name = (
                (self._log.error, "library.error")
                if record.levelno >= logging.ERROR
                else (self._log.warning, "library.warning")
            )
            say(name, **fields)
        except Exception:  # noqa: BLE001 -- logging's own contract: a handler never raises
            self.handleError(record)


def _tell_exception(_logger: object, _method: str, event: _Event) -> _Event:
    """Turn `exc_info` into text, without local variables: a prompt or a token may be among them."""
    given = event.pop("exc_info", None)
    match given:
        case None | False:
            return event
        case BaseException():
            error: object = given
        case (_, found, _):
            error = found
        case _:
            error = sys.exception()
    if isinstance(error, BaseException):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _render_json(_logger: object, _method: str, event: _Event) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


class _Console:
    """Renders `12:00:01 info  request.resumed  request_id=… age_minutes=37`; a stack goes below."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, _logger: object, _method: str, event: _Event) -> str:
        at, level, name = (str(event.pop(key)) for key in ("timestamp", "level", "event"))
        exception = event.pop("exception", None)
        shown = f"{_LEVELS.get(level, level):<5}"
        line = (
            f"{self._in(_DIM, at[11:19])} {self._in(_COLORS.get(level, ''), shown)} {self._in(_BOLD, name)}"
        )
        if event:
            pairs = (f"{self._in(_DIM, f'{key}=')}{_plain(value)}" for key, value in event.items())
            line = f"{line}  {' '.join(pairs)}"
        if exception is not None:
            line = "\n".join([line, *(f"    {part}" for part in str(exception).splitlines())])
        return line

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._color and style else text


def _plain(value: object) -> str:
    """Return a value as `key=value` shows it: quoted where it would not be one word of its own."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    is_word = value.isprintable() and value and not any(mark in value for mark in ' "=')
    return value if is_word else json.dumps(value, ensure_ascii=False)

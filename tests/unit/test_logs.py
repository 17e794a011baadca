"""The log: its two forms, whom it listens to, and what it never says."""

import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veobot.core.ports import EventLog
from veobot.telemetry.logs import create_log, route_standard_logging, set_up_logging

NOON = datetime(2026, 11, 25, 12, 0, 1, 250_000, UTC)
BOT_TOKEN = "MTQ0MjA4NzMxMjM0NTY3ODkw.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Colour(StrEnum):
    RED = "red"


def written(log_format: str, say: Callable[[EventLog], object], **options: str | list[str]) -> str:
    stream = io.StringIO()
    log = create_log(log_format=log_format, stream=stream, now=lambda: NOON, **options)  # type: ignore[arg-type]
    say(log)
    return stream.getvalue()


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    """What the process's logging was is what it becomes again."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


# -- form


def test_an_event_is_one_line_on_the_console() -> None:
    text = written("console", lambda log: log.info("request.resumed", request_id=144, age_minutes=37))
    assert text == "12:00:01 info  request.resumed  request_id=144 age_minutes=37\n"


def test_levels_are_aligned_and_values_that_are_no_word_are_quoted() -> None:
    def say(log: EventLog) -> None:
        log.info("resume.none")
        log.warning("a.b", reason="No access", empty="", missing=None, sure=True, at=NOON)
        log.error("c.d", cause="a=b", line="one\ntwo\x1b[31m", colour=Colour.RED, ids=[1, 2])

    assert written("console", say).splitlines() == [
        "12:00:01 info  resume.none",
        '12:00:01 warn  a.b  reason="No access" empty="" missing=null sure=true at=2026-11-25T12:00:01.250000+00:00',
        r'12:00:01 error c.d  cause="a=b" line="one\ntwo\u001b[31m" colour=red ids=[1, 2]',
    ]


def test_json_has_the_same_order_always() -> None:
    text = written("json", lambda log: log.warning("a.b", zebra=1, apple="Füchse", path=Path("/x")))
    assert text == (
        '{"timestamp": "2026-11-25T12:00:01.250Z", "level": "warning", "event": "a.b", "zebra": 1, '
        '"apple": "Füchse", "path": "/x"}\n'
    )


def test_time_is_utc_wherever_the_clock_is() -> None:
    stream = io.StringIO()
    there = NOON.astimezone(tz=datetime.now().astimezone().tzinfo) + timedelta(hours=1)
    create_log(log_format="json", stream=stream, now=lambda: there).info("a.b")
    assert json.loads(stream.getvalue())["timestamp"] == "2026-11-25T13:00:01.250Z"


def test_an_exception_comes_with_its_stack_and_without_local_variables() -> None:
    def say(log: EventLog) -> None:
        try:
            words = ["a", "red", "fox"]
            raise ValueError(str(len(" ".join(words))))
        except ValueError:
            log.exception("request.crashed", request_id=7)

    console = written("console", say).splitlines()
    assert console[0] == "12:00:01 error request.crashed  request_id=7"
    assert console[-1] == "    ValueError: 9"
    event = json.loads(written("json", say))
    assert event["level"] == "error"
    assert event["exception"].startswith("Traceback (most recent call last):")
    assert "fox" not in event["exception"]


def test_a_level_silences_what_lies_below() -> None:
    def say(log: EventLog) -> None:
        log.info("a.b")
        log.warning("c.d")

    assert written("console", say, level="warning") == "12:00:01 warn  c.d\n"


@pytest.mark.parametrize(("stream", "first"), [(Terminal(), "\x1b"), (io.StringIO(), "{")])
def test_a_terminal_gets_colours_and_a_pipe_gets_json(
    stream: io.StringIO, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    create_log(stream=stream).info("a.b")
    assert stream.getvalue().startswith(first)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    create_log(stream=stream).info("a.b", c=1)
    assert "\x1b" not in stream.getvalue()


# -- secrets


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "PATCH https://discord.com/api/v10/webhooks/144/aW50ZXJhY3Rpb246MTQ0Mg/messages/@original",
            "PATCH https://discord.com/api/v10/webhooks/144/***/messages/@original",
        ),
        (
            "POST /interactions/144/aW50ZXJhY3Rpb246MTQ0Mg/callback failed",
            "POST /interactions/144/***/callback failed",
        ),
        ("Authorization: Bearer ya29.a0AfB_byC-0123456789", "Authorization: Bearer ***"),
        ("{'Authorization': 'Bot sandbox-token-0123456789'}", "{'Authorization': 'Bot ***'}"),
        (f"login with {BOT_TOKEN} failed", "login with *** failed"),
        (
            "see https://storage.googleapis.com/b/a%20fox.mp4?X-Goog-Algorithm=GOOG4&X-Goog-Signature=0a1b bye",
            "see https://storage.googleapis.com/b/a%20fox.mp4?*** bye",
        ),
        (
            "https://cdn.discordapp.com/attachments/1/2/fox.mp4?ex=65&is=66&hm=0a1b&",
            "https://cdn.discordapp.com/attachments/1/2/fox.mp4?***",
        ),
        ("key -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- end", "key *** end"),
        ("the password is correct-horse!", "the password is ***!"),
        ("https://example.org/?page=2 is no secret", "https://example.org/?page=2 is no secret"),
        ("Bot restarted; token=expired", "Bot restarted; token=expired"),
    ],
)
def test_secrets_are_taken_out_of_any_text(text: str, left: str) -> None:
    def say(log: EventLog) -> None:
        log.info("a.b", text=text, deep={"list": [text]}, error=ValueError(text))

    event = json.loads(written("json", say, secrets=["correct-horse", "short"]))
    assert event["text"] == left
    assert event["deep"] == {"list": [left]}
    assert event["error"] == left


def test_secrets_are_taken_out_of_stacks() -> None:
    def say(log: EventLog) -> None:
        try:
            raise ValueError(f"cannot log in with {BOT_TOKEN}")
        except ValueError:
            log.exception("a.b")

    text = written("json", say)
    assert BOT_TOKEN not in text
    assert "cannot log in with ***" in text


@pytest.mark.parametrize(
    "field", ["prompt", "negative_prompt", "token", "interaction_token", "Authorization", "content"]
)
def test_a_field_that_must_not_be_logged_is_not(field: str) -> None:
    event = json.loads(written("json", lambda log: log.info("a.b", **{field: "fox", "deep": {field: "fox"}})))
    assert event[field] == "***"
    assert event["deep"] == {field: "***"}


@given(st.text(), st.sampled_from(["console", "json"]))
def test_whatever_is_logged_stays_one_line(text: str, log_format: str) -> None:
    line = written(log_format, lambda log: log.info("a.b", value=text))
    assert re.fullmatch(r"[^\n]*\n", line)


# -- the libraries


@pytest.mark.usefixtures("_logging_restored")
def test_libraries_are_heard_from_warnings_on() -> None:
    stream = io.StringIO()
    route_standard_logging(create_log(log_format="console", stream=stream, now=lambda: NOON))
    log = logging.getLogger("discord.http")
    log.info("Sent a request.")
    log.warning("PyNaCl is not installed, voice will NOT be supported")
    log.warning("Rate limited on /webhooks/144/%s.", "aW50ZXJhY3Rpb246MTQ0Mg")
    try:
        raise OSError("gone")
    except OSError:
        log.exception("Lost it.")
    lines = stream.getvalue().splitlines()
    assert lines[0] == (
        '12:00:01 warn  library.warning  logger=discord.http message="Rate limited on /webhooks/144/***"'
    )
    assert lines[1] == '12:00:01 error library.error  logger=discord.http message="Lost it."'
    assert lines[-1] == "    OSError: gone"


@pytest.mark.usefixtures("_logging_restored")
def test_a_broken_record_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    log = set_up_logging(log_format="json", stream=stream)
    logging.getLogger("x").warning("%d", "no number")
    log.info("still.there")
    assert json.loads(stream.getvalue())["event"] == "still.there"
    assert "no number" in capsys.readouterr().err


@pytest.mark.usefixtures("_logging_restored")
def test_pythons_own_warnings_are_events() -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        set_up_logging(log_format="json", stream=stream)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "old" in json.loads(stream.getvalue())["message"]

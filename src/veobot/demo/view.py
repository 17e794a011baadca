"""What a member sees in the channel, and what the bot logs, as short plain lines."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from veobot.demo.bot_process import LogLine
from veobot.sandbox.ledger import JsonValue

_TIME = re.compile(r"<t:(\d+)(?::(\w))?>")
_MENTION = re.compile(r"<@!?(\d+)>")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_MARKS = re.compile(r"\*\*|`|^-# |^> ", re.MULTILINE)

# Words for the fields that say something to a newcomer, in this order; ids and addresses do not.
_SHOWN_FIELDS = (
    "status", "age_minutes", "incomplete", "pending", "generating", "undelivered", "completed", "failed",
    "timed_out", "failure", "reason", "closure", "duration_seconds", "behind_seconds",
)  # fmt: skip


def visible_lines(
    messages: Sequence[Mapping[str, JsonValue]], interaction_id: str, names: Mapping[str, str], now: datetime
) -> list[str]:
    """Return what concerns this command: the answer to it, and what replies to that.

    Args:
        messages: as Discord's JSON, oldest first.
        interaction_id: the command's.
        names: what to call the users.
        now: for times that Discord shows relative to the present.
    """
    lines: list[str] = []
    answers: set[str] = set()
    for message in messages:
        metadata, reference = message.get("interaction_metadata"), message.get("message_reference")
        is_answer = isinstance(metadata, Mapping) and metadata.get("id") == interaction_id
        is_reply = isinstance(reference, Mapping) and str(reference.get("message_id")) in answers
        if is_answer:
            answers.add(str(message.get("id")))
        if is_answer or is_reply:
            lines += _message_lines(message, names, now, reply=is_reply)
    return lines


def _message_lines(
    message: Mapping[str, JsonValue], names: Mapping[str, str], now: datetime, *, reply: bool
) -> list[str]:
    text = plain(str(message.get("content") or ""), names, now)
    files = message.get("attachments")
    named = [
        f"▶ {file.get('filename')}"
        for file in (files if isinstance(files, Sequence) else ())
        if isinstance(file, Mapping)
    ]
    lines = [*(line for line in text.splitlines() if line.strip()), *named]
    return [f"{'↳ ' if number == 0 else '  '}{line}" if reply else line for number, line in enumerate(lines)]


def plain(text: str, names: Mapping[str, str], now: datetime) -> str:
    """Return Discord's markdown as a reader sees it: names for mentions, words for times, no marks."""
    text = _TIME.sub(lambda match: _time(int(match[1]), match[2] or "f", now), text)
    text = _MENTION.sub(lambda match: f"@{names.get(match[1], 'somebody')}", text)
    return _MARKS.sub("", _LINK.sub(r"\1", text)).replace("\\", "")


def _time(timestamp: int, style: str, now: datetime) -> str:
    if style != "R":
        return datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M")
    seconds = timestamp - now.timestamp()
    amount = _amount(abs(seconds))
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def _amount(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{max(2, round(seconds))} seconds"


def log_line(line: LogLine, numbers: Mapping[str, int]) -> str:
    """Return a log line short: the event, the request's number, and what else says something.

    Args:
        line: as it was logged.
        numbers: the requests' numbers by their ids.
    """
    number = numbers.get(str(line.fields.get("request_id")))
    parts = [f"#{number}"] if number else []
    for name in _SHOWN_FIELDS:
        value = line.fields.get(name)
        if value in (None, "", 0):
            continue
        match name:
            case "status" | "failure" | "reason" | "closure":
                parts.append(str(value))
            case "age_minutes":
                parts.append(f"{value} min old")
            case "duration_seconds":
                parts.append(f"in {value} s")
            case "behind_seconds":
                parts.append(f"by {value} s")
            case _:
                parts.append(f"{value} {name.replace('_', ' ')}")
    return " ".join([line.event, *parts])

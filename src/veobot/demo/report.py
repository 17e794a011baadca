"""The judgement in words, and the ledger as a file."""

import json
from collections.abc import Mapping
from pathlib import Path

from veobot.demo.judge import Fault, Judged
from veobot.demo.scenario import ASKS, CLOCK_RATE
from veobot.demo.story import Story

VIDEO_DIRECTORY = Path("veobot-demo")
"""Where the delivered videos are kept, below the working directory."""

_INDENT = " " * 6
_NOT_YET = "–"


def counters(story: Story) -> str:
    """Return the line that counts what must not happen, as the ledger stands."""
    accounts = story.accounts.all()
    lost = sum(not account.standing for account in accounts) if story.verdict else None
    twice = sum(len(account.told) > 1 for account in accounts)
    paid = sum(len(account.submissions) > 1 for account in accounts)
    kills = sum(life.killed_at is not None for life in story.lives)
    shown = _NOT_YET if lost is None else str(lost)
    return f"ledger of the simulated world:  lost {shown}   told twice {twice}   paid twice {paid}   kills {kills}"


def verdict_lines(story: Story) -> list[str]:
    """Return the last word, as lines of at most 80 characters where nothing went wrong."""
    verdict = story.verdict
    assert verdict is not None
    good = sum(not judged.faults for judged in verdict.interrupted)
    of_all = f"{good} of {len(verdict.interrupted)} interrupted requests"
    order = {True: "yes", False: "no", None: "nothing resumed"}[verdict.resumed_before_new]
    counts = " · ".join(
        f"{words} {verdict.count(fault)}"
        for words, fault in (
            ("lost", Fault.LOST),
            ("told twice", Fault.TOLD_TWICE),
            ("paid twice", Fault.PAID_TWICE),
        )
    )
    lines = [
        f"{'PASS' if verdict.passed else 'FAIL'}  {of_all}: one outcome each, right member, right place",
        f"{_INDENT}{counts} · resumed before new: {order}",
        f"{_INDENT}{_times(story)}",
    ]
    requests = sorted(verdict.requests, key=_number)
    if nothing := [judged for judged in requests if Fault.LOST in judged.faults]:
        lines.append(f"{_INDENT}got nothing: {', '.join(_who(judged) for judged in nothing)}")
    lines += [
        f"{_INDENT}{_who(judged)}: {fault.value}{_why(story, judged, fault)}"
        for judged in requests
        for fault in judged.faults
        if fault is not Fault.LOST
    ]
    if verdict.missing:
        lines.append(f"{_INDENT}{verdict.missing} of {len(ASKS)} commands never reached the ledger")
    videos = f"videos in ./{VIDEO_DIRECTORY}/" if story.videos else "no video was delivered"
    return [*lines, f"{_INDENT}judged by the ledger, not by the bot · {videos}"]


def write_ledger(story: Story, path: Path) -> None:
    """Write everything that happened in the simulated world, and the judgement, as JSON.

    Raises:
        OSError: if the file cannot be written.
    """
    verdict = story.verdict
    document = {
        "clock_rate": CLOCK_RATE,
        "recovery": story.recovery,
        "restarted_after": story.restarted_after,
        "dark_seconds": story.dark_seconds,
        "first_resumed_poll_seconds": story.first_resumed_poll_seconds,
        "bots": [{"pid": life.pid, "killed": life.killed_at is not None} for life in story.lives],
        "caught": story.caught,
        "passed": verdict.passed if verdict else None,
        "requests": [_judged(judged) for judged in verdict.requests] if verdict else [],
        "entries": [
            {"seq": entry.seq, "at": entry.at.isoformat(), "kind": entry.kind, "fields": entry.fields}
            for entry in story.entries
        ],
    }
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _judged(judged: Judged) -> Mapping[str, object]:
    return {
        "interaction_id": judged.account.id,
        "prompt": judged.prompt,
        "interrupted": judged.interrupted,
        "paid": len(judged.account.submissions),
        "told": len(judged.account.told),
        "faults": [fault.name.lower() for fault in judged.faults],
    }


def _times(story: Story) -> str:
    dark = "never dark" if story.dark_seconds is None else f"dark {story.dark_seconds:.1f} s"
    first = story.first_resumed_poll_seconds
    polled = (
        "nothing resumed was polled" if first is None else f"first resumed poll {first:.1f} s after start"
    )
    return f"{dark} · {polled}"


def _number(judged: Judged) -> int:
    return next((ask.number for ask in ASKS if ask.prompt == judged.prompt), len(ASKS))


def _who(judged: Judged) -> str:
    found = next((ask for ask in ASKS if ask.prompt == judged.prompt), None)
    return f"{found.number} {found.member}" if found else judged.prompt


def _why(story: Story, judged: Judged, fault: Fault) -> str:
    reason = story.verdict.wrong_videos.get(judged.prompt) if story.verdict else None
    return f" ({reason})" if reason and fault is Fault.WRONG_VIDEO else ""

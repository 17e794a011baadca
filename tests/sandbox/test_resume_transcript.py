"""What docs/resume.md promises: its transcripts are what a real bot logs, and its table names tests that exist."""

import ast
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from support.bot import Bot, StartBot
from support.interrupted import (
    HELD_SECONDS,
    ask,
    ask_until_generating,
    ask_until_undelivered,
    change_rows,
    content,
    finish_while_dead,
    first_start,
    give_database_back,
    outcome,
    take_database_away,
)
from veobot.sandbox.client import SandboxClient

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "resume.md"

FOX = "A red fox running through fresh snow at dawn"
BOAT = "A paper boat drifting down a rain gutter"
LIGHTHOUSE = "A lighthouse in a storm, waves over the rocks"
POT = "A copper pot beginning to steam in a kitchen"
TRAIN = "A night train crossing a snowy valley"
CONSOLE = {"VEOBOT_LOG_FORMAT": "console"}
DAY_MILLISECONDS = 24 * 3600 * 1000

CHANGING = (
    (r"^\d\d:\d\d:\d\d ", "12:00:00 "),
    (r"pid=\d+", "pid=4187"),
    (r"version=\S+", "version=0.1.0"),
    (r"size_bytes=\d+", "size_bytes=81920"),
    (r"duration_seconds=[\d.]+", "duration_seconds=6.5"),
    (r"operations/[0-9a-f-]{36}", "operations/6f1c1e5a-0d2b-4c55-9a51-3f3c6f0e7d10"),
    (r"/\S*/veobot\.db", "data/veobot.db"),
)


def transcript(heading: str) -> list[str]:
    """Return the lines of the fenced block below a heading of the document."""
    section = DOCUMENT.read_text().split(f"### {heading}\n", 1)[1]
    return section.split("```text\n", 1)[1].split("\n```", 1)[0].splitlines()


def logged(bot: Bot, requests: Sequence[str]) -> list[str]:
    """Return what the latest process logged: times, ids and sizes made alike, each stack cut to its ends."""
    text = bot.process.log_path.read_text()
    lines: list[str] = []
    for line in text[text.rindex("bot.starting") - len("12:00:00 info  ") :].splitlines():
        if not line.startswith(" "):
            lines.append(normalised(line, requests))
        elif line.startswith("    Traceback"):
            lines += [line, "    …"]
        elif re.match(r"    [a-z_.]+\.IntegrityError: ", line):
            lines.append(line)
    return lines


def normalised(line: str, requests: Sequence[str]) -> str:
    """Replace what is another in each run."""
    for number, request_id in enumerate(requests, 1):
        line = line.replace(request_id, f"14420873123456789{number:02}")
    for pattern, replacement in CHANGING:
        line = re.sub(pattern, replacement, line)
    return line


def told_apart(lines: Sequence[str]) -> dict[str, list[str]]:
    """Sort lines by whom they are about: each request's come in order, those of two requests in any.

    All are taken up in one order, though, and the key `resumed` has it.
    """
    about: dict[str, list[str]] = defaultdict(list)
    whose = ""
    for line in lines:
        if not line.startswith(" "):
            found = re.search(r"request_id=(\d+)", line)
            # Commands are looked at beside everything else.
            whose = found[1] if found else "commands" if "commands." in line else ""
        about[whose].append(line)
    about["resumed"] = [line for line in lines if " request.resumed " in line]
    return about


async def assert_logs(bot: Bot, heading: str, requests: Sequence[str], *, last: str) -> None:
    """Wait until the last event is logged; compare with the document."""
    written = transcript(heading)
    start = len(bot.process.log_path.read_text().rpartition("bot.starting")[0])

    def is_complete() -> bool:
        text = bot.process.log_path.read_text()[start:]
        return last in text and "commands.unchanged" in text

    await bot.until(is_complete, last)
    assert told_apart(logged(bot, requests)) == told_apart(written)


async def test_the_transcript_of_a_start_that_finds_nothing(new_bot: StartBot) -> None:
    bot = await first_start(new_bot(**CONSOLE))
    await bot.restart()
    await assert_logs(bot, "None found", [], last="No incomplete requests to resume")


async def test_the_transcript_of_a_start_that_finds_something_of_everything(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="2", **CONSOLE))
    await sandbox.vertex(script=[{"contains": BOAT, "result": "filtered"}, {"result": "hang"}])
    undelivered = await ask_until_undelivered(bot, "mira", FOX, channel="general", ago=620)
    filtered = await ask_until_generating(bot, "jonas", BOAT, ago=500)
    running = await ask_until_generating(bot, "aiko", LIGHTHOUSE, ago=400)
    waiting = await ask(bot, "sven", POT, ago=320)
    expired = await ask(bot, "lea", TRAIN, ago=220)
    bot.kill()
    await sandbox.clear_faults()
    await finish_while_dead(bot, BOAT, LIGHTHOUSE)
    await sandbox.delete_channel("general")
    change_rows(
        bot, "UPDATE requests SET created_at = created_at - ? WHERE id = ?", DAY_MILLISECONDS, int(expired)
    )
    await sandbox.vertex(script=[], generation_seconds=0)
    await bot.start()
    requests = [expired, undelivered, filtered, running, waiting]
    await assert_logs(bot, "Some of everything", requests, last="resume.finished")
    assert await bot.told(undelivered) == []


async def test_the_transcript_of_a_start_at_which_one_request_crashes(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**CONSOLE))
    await sandbox.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)
    crashing = await ask(bot, "mira", FOX, ago=200)
    fine = await ask(bot, "jonas", BOAT, ago=100)
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    give_up_both_attempts(bot, crashing)
    await bot.start()

    # It stops no other, is tried again, three times in all, and then its member hears of it.
    assert (await content(bot, fine)).startswith("✅ **Done**")
    told = await outcome(bot, crashing, timeout_seconds=60)
    assert str(told.fields["content"]).startswith("⚠️ **Something went wrong on my side**")
    await assert_logs(bot, "One crashes", [crashing, fine], last="resume.finished")
    assert await bot.paid(crashing) == []
    log = bot.process.log_path.read_text()
    assert "SQL parameters hidden" in log, "they can be prompts and tokens"
    assert FOX not in log


async def test_the_transcript_of_a_start_with_an_unreadable_database(
    new_bot: StartBot,
) -> None:
    bot = await first_start(new_bot(**CONSOLE))
    request_id = await ask_until_generating(bot, "mira", FOX)
    bot.kill()
    await finish_while_dead(bot, FOX)
    take_database_away(bot)
    start = bot.process.log_path.stat().st_size
    await bot.start()
    await bot.until(
        lambda: b"retention.postponed" in bot.process.log_path.read_bytes()[start:], "the database's failure"
    )
    give_database_back(bot)
    await assert_logs(bot, "Database unreadable", [request_id], last="resume.finished")


def test_every_test_that_the_table_names_exists() -> None:
    table = DOCUMENT.read_text().split("## Each sentence and its test", 1)[1]
    rows = [row for row in table.splitlines() if row.startswith("| ") and "---" not in row][1:]
    assert len(rows) >= 40
    for row in rows:
        named = re.findall(r"`([^`]+\.py)::([^`]+)`", row)
        assert named, f"names no test: {row}"
        for file, test in named:
            path = ROOT / "tests" / file
            assert path.is_file(), file
            assert test in names_of_tests(path), f"{file}::{test}"


def names_of_tests(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


def give_up_both_attempts(bot: Bot, request_id: str) -> None:
    """Damage a request in a way that no code expects: pending, with both of its submissions given up."""
    for attempt in (1, 2):
        change_rows(
            bot,
            "INSERT INTO submissions (request_id, attempt, prefix, first_intended_at, intended_at, state) "
            "SELECT id, ?, 'veo/' || id || '/', created_at, created_at, 'abandoned' FROM requests WHERE id = ?",
            attempt,
            int(request_id),
        )

"""The demo's entry: chooses how to show the story, and turns whatever ends it into a sentence and an exit code."""

import asyncio
import io
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Protocol

import aiohttp
from rich.console import Console

from veobot.demo.bot_process import BotEnded
from veobot.demo.evidence import StateNotReached
from veobot.demo.plain import PlainDisplay
from veobot.demo.report import write_ledger
from veobot.demo.screen import HEIGHT, WIDTH, ScreenDisplay
from veobot.demo.stage import perform
from veobot.demo.story import Story
from veobot.sandbox.client import SandboxError, SandboxTimeout
from veobot.sandbox.process import SandboxStartError

WATCHDOG_SECONDS = 120.0
"""The demo takes about 30 s, and 35 s on a busy machine. Much longer means that it hangs."""

EXIT_FAILED = 1
EXIT_BROKEN = 3
"""The demo itself did not come to a judgement."""
EXIT_INTERRUPTED = 130
"""What a shell reports after Ctrl-C."""

# Nothing that runs is left behind when the terminal closes or a supervisor ends the demo.
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Display(Protocol):
    """Shows the story to somebody."""

    def begin(self) -> None:
        """Show the beginning."""

    def refresh(self) -> None:
        """Show what is new."""

    def end(self) -> None:
        """Show the judgement."""

    def give_up(self) -> None:
        """Leave in the middle of the story."""


def run_demo(*, recovery: bool, ledger_file: Path | None) -> int:
    """Run the demo and return its exit code.

    0 only if the simulated world's ledger says that every request had exactly one outcome; 1 if it says something
    else; 3 if there was nothing to judge; 130 after Ctrl-C. Whatever happens, no process is left behind.

    Args:
        recovery: whether the bot takes up what was interrupted, as it does by default.
        ledger_file: where to write the ledger as JSON.
    """
    story = Story(recovery)
    display = _display(story)
    display.begin()
    problem = _show(story, display)
    if problem is None:
        display.end()
    else:
        display.give_up()
        _complain(problem[1])
    written = ledger_file is None or _write(story, ledger_file)
    if problem is not None:
        return problem[0]
    return 0 if written and story.verdict is not None and story.verdict.passed else EXIT_FAILED


def _show(story: Story, display: Display) -> tuple[int, str] | None:
    """Play the story; return the exit code and the sentence of what went wrong, None if it came to its end."""
    try:
        asyncio.run(_within_limits(story, display))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_INTERRUPTED, "the demo was interrupted; everything it had started has ended"
    except TimeoutError:
        return EXIT_BROKEN, f"the demo gave up after {WATCHDOG_SECONDS:.0f} s: {story.doing}"
    except (BotEnded, StateNotReached, SandboxStartError, SandboxError, SandboxTimeout) as error:
        return EXIT_BROKEN, str(error)
    except aiohttp.ClientError:
        return EXIT_BROKEN, f"the simulated world no longer answers ({story.doing})"
    except OSError as error:
        return EXIT_BROKEN, f"{story.doing}: {str(error) or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 -- the outermost frame: a bug in the demo is told like all else
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        return EXIT_BROKEN, f"the demo itself failed ({story.doing}; {where}): {error!r}"
    return None


async def _within_limits(story: Story, display: Display) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in _ENDING_SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    async with asyncio.timeout(WATCHDOG_SECONDS):
        await perform(story, display.refresh)


def _display(story: Story) -> Display:
    """Choose the screen where there is one that is large enough and may be used, else plain lines."""
    console = Console(highlight=False)
    plain = not console.is_terminal or console.is_dumb_terminal or "NO_COLOR" in os.environ
    drawable = console.encoding.startswith("utf") and console.width >= WIDTH and console.height >= HEIGHT
    if drawable and not plain:
        return ScreenDisplay(story, console)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows ASCII only shows question marks
    return PlainDisplay(story, sys.stdout)


def _complain(sentence: str) -> None:
    # What a child said last may have many lines: the first says what it is, the last what was wrong.
    lines = [line.strip() for line in sentence.splitlines() if line.strip()] or ["nothing is known"]
    shown = lines[0] if len(lines) == 1 else f"{lines[0]} … {lines[-1]}"
    print(f"veobot demo: {shown.rstrip('.')}.", file=sys.stderr)  # noqa: T201 -- the program's last word


def _write(story: Story, ledger_file: Path) -> bool:
    try:
        write_ledger(story, ledger_file)
    except OSError as error:
        _complain(f"the ledger could not be written to {ledger_file}: {error.strerror}")
        return False
    return True

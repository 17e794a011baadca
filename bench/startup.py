"""How fast the bot is back: process start → gateway READY → first poll of an interrupted video.

A sandbox as its own process, one video under way, and the bot killed with SIGKILL and started again, several times
over. Times are taken here, by the sandbox's ledger, not by the bot. Other work on the machine slows a start down, so
the best and the middle of all rounds are printed.

    .venv/bin/python bench/startup.py [rounds]
"""

import asyncio
import compileall
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import veobot
from veobot.demo.bot_process import BotProcess
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.process import run_sandbox

ROUNDS = 7
LONGER_THAN_ALL_ROUNDS_SECONDS = 3600.0
READY_LIMIT_SECONDS, POLL_LIMIT_SECONDS = 2.0, 3.0
"""What is promised on an idle machine with compiled bytecode."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds from the process's start."""

    ready_seconds: float
    poll_seconds: float


async def main(rounds: int) -> int:
    """Measure, print a table, and return 0 if the best start kept both promises."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(str(Path(veobot.__file__).parent), quiet=1)
    with tempfile.TemporaryDirectory(prefix="veobot-startup-") as directory:
        async with run_sandbox(Path(directory) / "sandbox", clip="small") as sandbox:
            bot = BotProcess(Path(directory) / "bot", {**sandbox.environment, "VEOBOT_LOG_FORMAT": "json"})
            try:
                await interrupt_a_video(bot, sandbox.client)
                starts = [await start_again(bot, sandbox.client) for _ in range(rounds)]
            finally:
                bot.kill()
    return report(starts)


async def interrupt_a_video(bot: BotProcess, world: SandboxClient) -> None:
    """Leave behind a request whose video is being made, its bot killed."""
    await world.vertex(generation_seconds=LONGER_THAN_ALL_ROUNDS_SECONDS)
    bot.start()
    await world.wait_for(kind="commands", timeout_seconds=30)
    await world.command("mira", "A red fox running through fresh snow at dawn")
    await world.wait_for(kind="poll", timeout_seconds=30)
    bot.kill()


async def start_again(bot: BotProcess, world: SandboxClient) -> Start:
    """Start the bot, wait until it has polled the interrupted video, and kill it."""
    after = await world.last_seq()
    started_at = time.monotonic()
    bot.start()
    await world.wait_for_gateway(after=after, timeout_seconds=30)
    ready_at = time.monotonic()
    await world.wait_for(kind="poll", after=after, timeout_seconds=30)
    polled_at = time.monotonic()
    bot.kill()
    return Start(ready_at - started_at, polled_at - started_at)


def report(starts: list[Start]) -> int:
    """Print a table; return the exit code."""
    rows = (
        ("gateway READY", [s.ready_seconds for s in starts], READY_LIMIT_SECONDS),
        ("first resumed poll", [s.poll_seconds for s in starts], POLL_LIMIT_SECONDS),
    )
    load = os.getloadavg()[0]
    print(f"{len(starts)} starts after a kill -9 · {os.cpu_count()} cores, load {load:.1f} · seconds")
    print(f"{'':<20}{'best':>7}{'median':>8}{'worst':>8}{'limit':>8}")
    for name, seconds, limit in rows:
        middle = statistics.median(seconds)
        print(f"{name:<20}{min(seconds):>7.2f}{middle:>8.2f}{max(seconds):>8.2f}{limit:>8.1f}")
    return 0 if all(min(seconds) <= limit for _, seconds, limit in rows) else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))

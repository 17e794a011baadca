"""Slots over real processes that are stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from support.cluster_parts import admitted, machines
from support.rows import SECOND
from veobot.core.request import VideoRequest
from veobot.core.slot_book import FORGOTTEN_AFTER_SECONDS

TESTS = Path(__file__).parents[1]


class Process:
    """One process, told what to do step by step."""

    def __init__(self, url: str, name: str, request: VideoRequest) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.slot_process", url, name, str(request.id), "1"],
            env={**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def word(self) -> str:
        """Return the next word that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def process(url: str, name: str, request: VideoRequest) -> Iterator[Process]:
    started = Process(url, name, request)
    try:
        yield started
    finally:
        started.end()


async def two_requests(url: str) -> tuple[VideoRequest, VideoRequest]:
    async with machines(url, 1, limit=1) as (machine,):
        now = machine.clock.now()
        return await admitted(machine, 1, now), await admitted(machine, 2, now + SECOND)


def seconds_until(word: str, of: Process) -> float:
    began = time.monotonic()
    assert of.word() == word
    return time.monotonic() - began


@pytest.mark.timeout(90)
async def test_a_process_that_was_stopped_makes_no_call_with_a_slot_that_went_to_another(url: str) -> None:
    first, second = await two_requests(url)
    with ExitStack() as stack:
        sleeper = stack.enter_context(process(url, "sleeper", first))
        assert sleeper.word() == "granted"
        other = stack.enter_context(process(url, "other", second))
        sleeper.send(signal.SIGSTOP)
        assert other.word() == "granted"  # once the sleeper is forgotten
        other.go_on()
        assert other.word() == "made"
        with psycopg.connect(url) as slow:
            # It wakes up with its request in hand, and nobody tells it how it stands.
            slow.execute("LOCK TABLE slot_keepers")
            sleeper.go_on()
            sleeper.send(signal.SIGCONT)
            assert sleeper.word() == "refused"
        sleeper.go_on()
        assert running(url) == [second.id]
        other.go_on()
        assert other.word() == "ended"
        assert sleeper.word() == "granted"
        sleeper.go_on()
        assert sleeper.word() == "made"


@pytest.mark.timeout(90)
async def test_a_killed_process_takes_its_unused_slot_with_it_for_as_long_as_it_may_be_alive(
    url: str,
) -> None:
    first, second = await two_requests(url)
    with ExitStack() as stack:
        victim = stack.enter_context(process(url, "victim", first))
        assert victim.word() == "granted"
        other = stack.enter_context(process(url, "other", second))
        victim.send(signal.SIGKILL)
        assert seconds_until("granted", other) < FORGOTTEN_AFTER_SECONDS + 10


def running(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT request_id FROM submissions WHERE state = 'intended'").fetchall()
    return [row[0] for row in rows]

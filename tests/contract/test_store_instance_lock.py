"""One bot per database: the second waits for the first to leave, then says so."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from veobot.store.errors import AlreadyRunning
from veobot.store.instance_lock import InstanceLock

HOLD = """
import asyncio, sys, time
from pathlib import Path
from veobot.store.instance_lock import InstanceLock
lock = InstanceLock(Path(sys.argv[1]), sleep=asyncio.sleep)
asyncio.run(lock.acquire())
print("held", flush=True)
sys.stdin.readline()
"""


async def another_bot(path: Path) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(path), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    return process


async def test_the_lock_names_its_holder(path: Path) -> None:
    lock = InstanceLock(path, sleep=asyncio.sleep)
    await lock.acquire(timeout_seconds=0)
    assert path.with_name("veobot.db.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


async def test_the_second_waits_its_time_and_then_names_the_first(path: Path) -> None:
    first = await another_bot(path)
    waited_seconds: list[float] = []

    async def sleep(seconds: float) -> None:
        waited_seconds.append(seconds)

    with pytest.raises(AlreadyRunning, match=rf"Another veobot \(process {first.pid}\) .* within 30 s"):
        await InstanceLock(path, sleep=sleep).acquire(timeout_seconds=30)
    assert sum(waited_seconds) == pytest.approx(30, abs=0.2)
    await first.communicate(b"leave\n")


async def test_the_second_starts_once_the_first_has_left(path: Path) -> None:
    first = await another_bot(path)
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.sleep(seconds)

    second = InstanceLock(path, sleep=sleep)
    acquiring = asyncio.create_task(second.acquire())
    await waiting.wait()
    assert not acquiring.done()
    await first.communicate(b"leave\n")
    await acquiring
    assert second.path.read_text() == f"{os.getpid()}\n"
    second.release()


async def test_a_killed_holder_frees_it_at_once(path: Path) -> None:
    first = await another_bot(path)
    first.kill()
    await first.wait()
    second = InstanceLock(path, sleep=asyncio.sleep)
    await second.acquire(timeout_seconds=0)
    await second.acquire(timeout_seconds=0)
    second.release()
    second.release()


async def test_one_process_cannot_hold_it_twice(path: Path) -> None:
    first, second = InstanceLock(path, sleep=asyncio.sleep), InstanceLock(path, sleep=asyncio.sleep)
    await first.acquire()
    with pytest.raises(AlreadyRunning):
        await second.acquire(timeout_seconds=0)
    first.release()
    await second.acquire(timeout_seconds=0)
    second.release()

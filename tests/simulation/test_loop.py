"""The loop that owns time: a dead process never goes on, a paused one goes on later."""

import asyncio
import contextvars
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from simulation.loop import PROCESS, SimulatedLoop


@dataclass(eq=False)
class Process:
    dead: bool = False
    paused: bool = False
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)
    waiting: list[asyncio.Handle] = field(default_factory=list)


def spawn(process: Process, coroutine: Coroutine[Any, Any, None]) -> None:
    """Start a task that belongs to the process."""
    context = contextvars.copy_context()
    context.run(PROCESS.set, process)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    process.tasks.append(loop.create_task(coroutine, context=context))


def test_a_day_passes_without_waiting() -> None:
    async def simulate() -> float:
        await asyncio.sleep(86400)
        return asyncio.get_running_loop().time()

    assert SimulatedLoop().run_until_complete(simulate()) == 86400


def test_a_dead_process_does_not_run_its_finally() -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(1)
            done.append("went on")
        finally:
            done.append("tidied up")

    async def simulate() -> None:
        process = Process()
        spawn(process, work())
        await asyncio.sleep(0.5)
        process.dead = True
        await asyncio.sleep(10)
        assert done == []

    SimulatedLoop().run_until_complete(simulate())


def test_what_a_dead_process_has_started_dies_with_it() -> None:
    done: list[str] = []

    async def child() -> None:
        await asyncio.sleep(1)
        done.append("child went on")

    async def parent() -> None:
        asyncio.get_running_loop().call_later(1, done.append, "timer went off")
        await asyncio.gather(child(), child())

    async def simulate() -> None:
        process = Process()
        spawn(process, parent())
        await asyncio.sleep(0.5)
        process.dead = True
        await asyncio.sleep(10)
        assert done == []

    SimulatedLoop().run_until_complete(simulate())


def test_a_paused_process_goes_on_where_it_was_once_it_is_woken() -> None:
    done: list[float] = []

    async def work() -> None:
        await asyncio.sleep(1)
        done.append(asyncio.get_running_loop().time())

    async def simulate() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        process = Process()
        spawn(process, work())
        await asyncio.sleep(0.5)
        process.paused = True
        await asyncio.sleep(99.5)
        assert done == []
        loop.wake(process)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert done == [100]

    SimulatedLoop().run_until_complete(simulate())


def test_waiting_for_what_never_happens_is_an_error() -> None:
    async def simulate() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="never happens"):
        SimulatedLoop().run_until_complete(simulate())

"""Fixtures of the work queue's tests: the queue's tables, and workers that leave in the end."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from support.queue import HURRIED, Books, Worker, never
from veobot.store.postgres import PostgresDatabase
from veobot.workqueue.carrying import Carry
from veobot.workqueue.connections import create_tables
from veobot.workqueue.procrastinate import Claim, Timing


class MakeWorker(Protocol):
    """Makes a worker in the test's own process, not started yet."""

    def __call__(
        self,
        owner: str = "one",
        *,
        carry: Carry | None = None,
        claim: Claim | None = None,
        give_up: Carry = never,
        concurrency: int = 100,
        timing: Timing = HURRIED,
    ) -> Worker: ...


StartProcess = Callable[[str], Awaitable[Process]]


@pytest.fixture
async def books(url: str) -> Books:
    await create_tables(url)
    books = Books(url)
    await books.make()
    return books


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    yield database
    await database.leave()


@pytest.fixture
async def worker(url: str) -> AsyncIterator[MakeWorker]:
    made: list[Worker] = []

    def make(
        owner: str = "one",
        *,
        carry: Carry | None = None,
        claim: Claim | None = None,
        give_up: Carry = never,
        concurrency: int = 100,
        timing: Timing = HURRIED,
    ) -> Worker:
        one = Worker(
            url, owner, carry=carry, claim=claim, give_up=give_up, concurrency=concurrency, timing=timing
        )
        made.append(one)
        return one

    yield make
    for one in made:
        await one.stop(0)


@pytest.fixture
async def process(url: str) -> AsyncIterator[StartProcess]:
    """Start workers as processes of their own, with the given owners."""
    started: list[Process] = []

    async def start(owner: str) -> Process:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        one = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "support.queue", url, owner, stdout=PIPE, env=environment
        )
        started.append(one)
        assert one.stdout is not None
        assert await one.stdout.readline() == b"ready\n"
        return one

    yield start
    for one in started:
        if one.returncode is None:
            one.kill()
            await one.wait()

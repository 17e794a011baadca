"""How fast one worker takes up what was left behind, on a PostgreSQL of its own with its disk's syncing off.

`start`: so many incomplete requests of a worker that is gone and no job at all, until every one is claimed and carried.
`plain`: so many jobs and a Procrastinate worker as it comes, until every one has started; nothing is claimed. On other
machines only the ratio of the two means something. `latency`: from `submit` to `carry`, claim included, with so many
others in flight. `plain_latency`: from deferring to start, of a Procrastinate worker as it comes. `memory`: the
process's own, with so many in flight, each of them waiting. Each runs in a process of its own.

    PYTHONPATH=tests .venv/bin/python bench/cluster_start.py [requests]
"""

import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import procrastinate
from sqlalchemy import insert

from support.clock import RealClock
from support.event_log import RecordingLog
from support.postgres import fresh_database, running_server
from support.queue import Claims
from support.requests import a_request
from veobot.core.request import RequestId
from veobot.store.claims import NOBODY
from veobot.store.postgres import PostgresDatabase
from veobot.store.rows import row_from_request
from veobot.store.schema import requests
from veobot.workqueue.connections import connect, create_tables
from veobot.workqueue.procrastinate import ProcrastinateWorkQueue

REQUESTS = 10_000
START_LIMIT_SECONDS = 10.0
LATENCY_LIMIT_MS = 10.0
IN_FLIGHT, MEMORY_LIMIT_MB = 2_000, 250
SUBMISSIONS, APART_SECONDS = 300, 0.02

Measure = Callable[[str, int], Awaitable[str]]


class Worker:
    """A worker whose requests do nothing but wait."""

    def __init__(self, url: str) -> None:
        self.database = PostgresDatabase(url, sleep=asyncio.sleep)
        self.started_at: dict[RequestId, float] = {}
        self._enough = asyncio.Event()
        self._wanted = 0
        clock = RealClock()
        self.queue = ProcrastinateWorkQueue(
            url,
            claim=Claims(self.database, "bench"),
            carry=self._carry,
            give_up=self._carry,
            clock=clock,
            log=RecordingLog(),
            jitter=random.random,
        )

    async def started(self, count: int) -> None:
        """Wait until so many have been begun."""
        self._wanted = count
        if len(self.started_at) < count:
            self._enough.clear()
            await self._enough.wait()

    async def _carry(self, request_id: RequestId, _epoch: int) -> None:
        self.started_at[request_id] = time.perf_counter()
        if len(self.started_at) >= self._wanted:
            self._enough.set()
        await asyncio.Event().wait()


async def stored(url: str, count: int, *, owner: str, age: timedelta) -> list[RequestId]:
    """Store so many requests, each a millisecond younger than the one before."""
    oldest_at = RealClock().now() - age
    rows = []
    for number in range(count):
        at = oldest_at + number * timedelta(milliseconds=1)
        request_id = RequestId((int(at.timestamp() * 1000) - 1_420_070_400_000) << 22)
        rows.append(row_from_request(replace(a_request(asked=at, request_id=request_id), owner=owner)))
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    await database.write(lambda connection: connection.execute(insert(requests), rows) if rows else None)
    await database.leave()
    return [RequestId(int(str(row["id"]))) for row in rows]


async def start(url: str, count: int) -> str:
    """Measure how long one worker takes until it carries all."""
    await stored(url, count, owner="gone", age=timedelta(hours=1))
    worker = Worker(url)
    began, cpu = time.perf_counter(), time.process_time()
    running = asyncio.create_task(worker.queue.run())
    await worker.started(count)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    running.cancel()
    return f"{took:.2f} {used:.2f}"


async def plain(url: str, count: int) -> str:
    """Measure how long a Procrastinate worker takes until it has started as many jobs."""
    await create_tables(url)
    async with await connect(url) as connection:
        await connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
            " SELECT 'plain', 'wait', i::text, i::text, jsonb_build_object('number', i)"
            " FROM generate_series(1, %s) AS i",
            [count],
        )
        # Else it sorts all jobs for each that it fetches: ten times as long.
        await connection.execute("ANALYZE procrastinate_jobs")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    started, all_started = 0, asyncio.Event()

    @app.task(name="wait", queue="plain")
    async def wait(number: int) -> None:  # noqa: ARG001 -- the job's argument
        nonlocal started
        started += 1
        if started == count:
            all_started.set()
        await asyncio.Event().wait()

    async with app.open_async():
        began, cpu = time.perf_counter(), time.process_time()
        running = asyncio.create_task(
            app.run_worker_async(concurrency=count + 1, install_signal_handlers=False, delete_jobs="always")
        )
        await all_started.wait()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        print(f"{took:.2f} {used:.2f}", flush=True)
        running.cancel()
        os._exit(0)


async def latency(url: str, count: int) -> str:
    """Measure from `submit` to `carry`, in one process, with so many others in flight."""
    await stored(url, count, owner="gone", age=timedelta(hours=1))
    worker = Worker(url)
    running = asyncio.create_task(worker.queue.run())
    await worker.started(count)
    await asyncio.sleep(2)
    fresh = await stored(url, SUBMISSIONS, owner=NOBODY, age=timedelta(seconds=1))
    submitted_at = {}
    for request_id in fresh:
        submitted_at[request_id] = time.perf_counter()
        worker.queue.submit(request_id, 1)
        await asyncio.sleep(APART_SECONDS)
    await worker.started(count + SUBMISSIONS)
    running.cancel()
    taken = sorted((worker.started_at[key] - at) * 1000 for key, at in submitted_at.items())
    return f"{statistics.median(taken):.1f} {taken[int(len(taken) * 0.99)]:.1f}"


async def plain_latency(url: str, count: int) -> str:
    """Measure from deferring to start, for a Procrastinate worker as it comes, with nothing else to do."""
    await create_tables(url)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    deferred_at: dict[int, float] = {}
    started_at: dict[int, float] = {}

    @app.task(name="wait", queue="plain")
    async def wait(number: int) -> None:
        started_at[number] = time.perf_counter()

    async with app.open_async():
        asyncio.create_task(app.run_worker_async(concurrency=count, install_signal_handlers=False))  # noqa: RUF006 -- it ends with the process
        await asyncio.sleep(2)
        for number in range(SUBMISSIONS):
            deferred_at[number] = time.perf_counter()
            await wait.defer_async(number=number)
            await asyncio.sleep(APART_SECONDS)
        await asyncio.sleep(1)
        taken = sorted((started_at[number] - at) * 1000 for number, at in deferred_at.items())
        print(f"{statistics.median(taken):.1f} {taken[int(len(taken) * 0.99)]:.1f}", flush=True)
        os._exit(0)


async def memory(url: str, count: int) -> str:
    """Measure the process with so many in flight, and what it had before."""
    await stored(url, count, owner="gone", age=timedelta(hours=1))
    worker = Worker(url)
    await worker.database.read(lambda _: None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    running = asyncio.create_task(worker.queue.run())
    await worker.started(count)
    await asyncio.sleep(6)  # a heartbeat and a sweep
    running.cancel()
    return f"{resident_mb():.0f} {before:.0f}"


def resident_mb() -> float:
    """Return this process's memory now."""
    return (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
    )


MEASURES: dict[str, Measure] = {
    "start": start,
    "plain": plain,
    "latency": latency,
    "plain_latency": plain_latency,
    "memory": memory,
}


def measured(server: str, name: str, count: int) -> tuple[float, float]:
    """Take a measurement in a process and on a database of its own."""
    with fresh_database(server) as url:
        ran = subprocess.run(
            [sys.executable, __file__, name, url, str(count)], check=True, capture_output=True, text=True
        )
    first, second = ran.stdout.split()
    return float(first), float(second)


def main(count: int) -> int:
    """Measure, print a table, and return 0 if what is promised was kept."""
    with running_server() as server:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
        ours, ours_cpu = measured(server.url, "start", count)
        theirs, theirs_cpu = measured(server.url, "plain", count)
        print(f"start of {count}: {ours:.1f} s, of these the worker's CPU {ours_cpu:.1f} s (limit 10)")
        print(f"a plain Procrastinate worker's: {theirs:.1f} s, CPU {theirs_cpu:.1f} s")
        print(f"ratio {ours / theirs:.2f}, CPU {ours_cpu / theirs_cpu:.2f}")
        idle = measured(server.url, "latency", 0)
        busy = measured(server.url, "latency", IN_FLIGHT)
        other = measured(server.url, "plain_latency", SUBMISSIONS)
        print(f"plain Procrastinate, idle:        p50 {other[0]:.1f} ms, p99 {other[1]:.1f} ms")
        print(f"submit to carry, idle:            p50 {idle[0]:.1f} ms, p99 {idle[1]:.1f} ms (limit 10)")
        print(f"submit to carry, {IN_FLIGHT} in flight: p50 {busy[0]:.1f} ms, p99 {busy[1]:.1f} ms")
        now, before = measured(server.url, "memory", IN_FLIGHT)
        print(f"memory with {IN_FLIGHT} in flight: {now:.0f} MB, {before:.0f} MB before (limit 250)")
    kept = ours <= START_LIMIT_SECONDS and idle[0] <= LATENCY_LIMIT_MS and now <= MEMORY_LIMIT_MB
    return 0 if kept else 1


async def one(name: str, url: str, count: int) -> None:
    """Take one measurement, print it, and leave what is still running behind."""
    print(await MEASURES[name](url, count), flush=True)
    os._exit(0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, url, count]:
            with suppress(asyncio.CancelledError):
                asyncio.run(one(name, url, int(count)))
        case [count]:
            raise SystemExit(main(int(count)))
        case _:
            raise SystemExit(main(REQUESTS))

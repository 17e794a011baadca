"""What the store's transactions cost on SQLite and on PostgreSQL: the steps of a request's life, one by one.

The CPU's time is what the event loop loses to a transaction beside the disk: it hardly depends on other work on the
machine, so that two runs can be compared. The wall's time has the disk in it, and a commit waits for that; on
PostgreSQL also the server, whose own CPU time is not in ours, and the way to it (here the loopback).

    PYTHONPATH=tests .venv/bin/python bench/store.py [requests]
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from support.postgres import fresh_database, running_server
from veobot.core.admission import UsageWindow
from veobot.core.models import DEFAULT_MODEL_ID, AspectRatio, Resolution
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import (
    ChannelId,
    GuildId,
    OperationName,
    RequestId,
    UserId,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from veobot.core.status import Closure, DeliveryRoute, Status, SubmissionState
from veobot.store.database import Database
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

T = TypeVar("T")

REQUESTS = 400
"""Enough for a steady median; the first ones also compile each statement."""
APART = timedelta(minutes=10)
"""Between two requests: a busy day has 144, which is what the budget sums up."""
FIRST_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DELETED_AT_ONCE = 200
CLAIMED_AT_ONCE = 100

OPTIONS = VideoOptions(
    model=DEFAULT_MODEL_ID,
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=1,
    person_generation="allow_adult",
)
COMPLETED = Outcome(Status.COMPLETED, None, "", OPTIONS.price_micro_usd, counts_toward_quota=True)
VIDEO = SubmissionEnd(1, SubmissionState.SUCCEEDED, VideoUri("gs://bucket/veo/1/1/video.mp4"), 12_345)


class Stopwatch:
    """Takes the times of transactions, by name."""

    def __init__(self) -> None:
        self.cpu_ns: defaultdict[str, list[int]] = defaultdict(list)
        self.wall_ns: defaultdict[str, list[int]] = defaultdict(list)

    async def take(self, name: str, transaction: Coroutine[Any, Any, T]) -> T:
        """Run a transaction, beside which the loop has nothing to do, and note what it took."""
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        result = await transaction
        self.cpu_ns[name].append(time.thread_time_ns() - cpu)
        self.wall_ns[name].append(time.perf_counter_ns() - wall)
        return result


async def main(count: int) -> None:
    """Measure and print a table."""
    sqlite, postgres = Stopwatch(), Stopwatch()
    with tempfile.TemporaryDirectory(prefix="veobot-store-") as directory:
        await measure(SqliteDatabase(Path(directory) / "veobot.db", sleep=asyncio.sleep), sqlite, count)
    with running_server(durable=True) as server, fresh_database(server.url) as url:
        await measure(PostgresDatabase(url, sleep=asyncio.sleep), postgres, count)
    report(sqlite, postgres, count)


async def measure(database: Database, stopwatch: Stopwatch, count: int) -> None:
    """Carry so many requests through their lives, take some over, and open the database as often."""
    store = SqlRequestStore(database)
    for number in range(count):
        await live(store, stopwatch, number)
    await take_over(store, stopwatch, count)
    for _ in range(count):
        await database.leave()
        await stopwatch.take("open + first read", database.read(lambda _: None))
    await database.leave()


async def take_over(store: SqlRequestStore, stopwatch: Stopwatch, count: int) -> None:
    """Have requests that somebody left behind claimed, one by one and many at once."""
    left = [a_request(number) for number in range(count, count + CLAIMED_AT_ONCE)]
    for request in left:
        await store.admit(request, UsageWindow(request.created_at, request.created_at), lambda _: None)
    ids = [request.id for request in left]
    for turn in range(count):
        await stopwatch.take("claim", store.claim(ids[turn % len(ids)], "second", FIRST_AT))
        if turn % 10 == 0:
            await stopwatch.take(f"claim {len(ids)}", store.claim_each(ids, "third", FIRST_AT))


async def live(store: SqlRequestStore, stopwatch: Stopwatch, number: int) -> None:
    """Carry one request through a happy life, and look once for something to forget."""
    take = stopwatch.take
    request = a_request(number)
    now = request.created_at
    window = UsageWindow(now - DAY, now - DAY)
    await take("admit", store.admit(request, window, lambda _: None))
    request = await store.get(request.id)
    prefix = f"veo/{request.id}/1/"
    submission = await take("record_intent", store.record_intent(request, 1, prefix, now))
    operation = OperationName(f"operations/{number}")
    await take("record_operation", store.record_operation(request, submission, operation, now))
    request = await take("get", store.get(request.id))
    await take("record_outcome", store.record_outcome(request, COMPLETED, [VIDEO], now))
    request = await store.get(request.id)
    await take("begin_delivery", store.begin_delivery(request, DeliveryRoute.EDIT, now))
    request = await store.get(request.id)
    await take("close", store.close(request, Closure.DELIVERED, now))
    await take("sweep, idle", sweep(store))


async def sweep(store: SqlRequestStore) -> None:
    """Look for dead tokens and old requests where there are none: what an idle bot does now and then."""
    await store.oldest_token()
    await store.delete_closed(FIRST_AT, DELETED_AT_ONCE)


def a_request(number: int) -> VideoRequest:
    """Return a request as a command makes it, of one of seven members."""
    return VideoRequest(
        id=RequestId(1_442_087_312_345_678_900 + number),
        user_id=UserId(number % 7),
        guild_id=GuildId(20),
        channel_id=ChannelId(30),
        application_id=40,
        interaction_token="token",  # noqa: S106 - no password
        upload_limit_bytes=10 * 2**20,
        prompt="A red fox running through fresh snow at dawn",
        options=OPTIONS,
        created_at=FIRST_AT + number * APART,
        owner="first",
        charged_micro_usd=OPTIONS.price_micro_usd,
    )


def report(sqlite: Stopwatch, postgres: Stopwatch, count: int) -> None:
    """Print a table."""
    load = os.getloadavg()[0]
    print(f"{count} requests · {os.cpu_count()} cores, load {load:.1f} · median microseconds a transaction")
    print(f"{'':<20}{'SQLite':>16}{'PostgreSQL':>16}{'times as much':>16}")
    print(f"{'':<20}" + f"{'CPU':>8}{'wall':>8}" * 3)
    for name in sqlite.cpu_ns:
        row = [
            statistics.median(times[name]) / 1000
            for times in (sqlite.cpu_ns, sqlite.wall_ns, postgres.cpu_ns, postgres.wall_ns)
        ]
        ratios = (row[2] / row[0], row[3] / row[1])
        print(f"{name:<20}" + "".join(f"{us:>8.0f}" for us in row) + "".join(f"{x:>8.1f}" for x in ratios))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS))

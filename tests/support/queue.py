"""Requests in PostgreSQL, and workers that carry them: what each has begun and ended stands in a table of the test's.

Run as a program, this is one such worker; it leaves on SIGTERM.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import insert

from support.clock import RealClock
from support.event_log import RecordingLog
from support.requests import a_request
from veobot.core.errors import Stopping
from veobot.core.ports import UnreadableRow
from veobot.core.request import RequestId, VideoRequest
from veobot.store.claims import NOBODY
from veobot.store.database import Database
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.rows import row_from_request
from veobot.store.schema import requests
from veobot.workqueue.carrying import Carry
from veobot.workqueue.procrastinate import Claim, ProcrastinateWorkQueue, Timing

HURRIED = Timing(
    heartbeat_seconds=0.3, stalled_seconds=4.0, sweep_seconds=0.3, enqueue_seconds=1.0, join_seconds=0.1
)
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 20.0

DISCORD_EPOCH_MS = 1_420_070_400_000

_TABLES = """
    CREATE TABLE carried (
        id bigint GENERATED ALWAYS AS IDENTITY, request_id bigint, epoch integer, owner text, what text);
    CREATE TABLE may_end (request_id bigint PRIMARY KEY);
"""
_CLOSE = """
    UPDATE requests SET status = 'cancelled', closed_at = created_at, closure = 'withdrawn', interaction_token = NULL
    WHERE id = %s AND epoch = %s AND closed_at IS NULL
"""


def snowflake(asked: datetime, number: int = 0) -> RequestId:
    """Return the id of a command of this time."""
    return RequestId(((int(asked.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22) + number)


async def stored(
    database: Database, count: int = 1, *, owner: str = NOBODY, age: timedelta = timedelta(hours=1)
) -> list[RequestId]:
    """Store incomplete requests, each a second younger than the one before."""
    oldest_at = RealClock().now() - age
    rows = []
    for number in range(count):
        asked = oldest_at + timedelta(seconds=number)
        request = a_request(asked=asked, request_id=snowflake(asked, number))
        rows.append(row_from_request(replace(request, owner=owner)))
    await database.write(lambda connection: connection.execute(insert(requests), rows))
    return [RequestId(int(str(row["id"]))) for row in rows]


class Claims:
    """Claims requests for one owner."""

    def __init__(self, database: Database, owner: str) -> None:
        self._store = SqlRequestStore(database)
        self._owner = owner

    async def __call__(self, request_ids: Sequence[RequestId]) -> Sequence[VideoRequest | UnreadableRow]:
        return await self._store.claim_each(request_ids, self._owner, RealClock().now())


class Books:
    """The test's own tables: what was carried, and which requests may end."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def make(self) -> None:
        """Make the tables."""
        await self._execute(_TABLES)

    async def note(self, request_id: RequestId, epoch: int, owner: str, what: str) -> None:
        """Write down what a worker does."""
        await self._execute(
            "INSERT INTO carried (request_id, epoch, owner, what) VALUES (%s, %s, %s, %s)",
            [request_id, epoch, owner, what],
        )

    async def let_end(self, *request_ids: RequestId) -> None:
        """Have whoever carries these end them."""
        for request_id in request_ids:
            await self._execute("INSERT INTO may_end VALUES (%s)", [request_id])

    async def may_end(self, request_id: RequestId) -> bool:
        """Whether the test wants this request to end."""
        return bool(await self._execute("SELECT 1 AS yes FROM may_end WHERE request_id = %s", [request_id]))

    async def close(self, request_id: RequestId, epoch: int) -> bool:
        """Close the request under this epoch; return whether that was still its."""
        return bool(await self._execute(_CLOSE + " RETURNING id", [request_id, epoch]))

    async def carried(self, what: str = "begun") -> list[tuple[RequestId, int, str]]:
        """Return (request, epoch, owner) of each time that this happened, in order."""
        rows = await self._execute("SELECT * FROM carried WHERE what = %s ORDER BY id", [what])
        return [(RequestId(int(str(r["request_id"]))), int(str(r["epoch"])), str(r["owner"])) for r in rows]

    async def jobs(self) -> list[Mapping[str, object]]:
        """Return all jobs, the first to be fetched first."""
        return await self._execute("SELECT * FROM procrastinate_jobs ORDER BY priority DESC, id")

    async def run(self, statement: str) -> None:
        """Do something else to the database."""
        await self._execute(statement)

    async def until(self, count: int, what: str = "begun") -> list[tuple[RequestId, int, str]]:
        """Wait until this has happened so often."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := await self.carried(what)) < count:  # noqa: ASYNC110 -- others write it
                await asyncio.sleep(LOOK_SECONDS)
            return found

    async def until_no_jobs(self) -> None:
        """Wait until all jobs are gone."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.jobs():  # noqa: ASYNC110 -- others delete them
                await asyncio.sleep(LOOK_SECONDS)

    async def until_doing(self, count: int) -> None:
        """Wait until so many jobs are in a worker's hands."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [job["status"] for job in await self.jobs()].count("doing") < count:  # noqa: ASYNC110 -- see above
                await asyncio.sleep(LOOK_SECONDS)

    async def until_listening(self, count: int) -> None:
        """Wait until so many workers would hear of a new job."""
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await self._execute(query)) < count:  # noqa: ASYNC110 -- others do it
                await asyncio.sleep(LOOK_SECONDS)

    async def _execute(
        self, query: str, parameters: Sequence[object] | None = None
    ) -> list[Mapping[str, object]]:
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, row_factory=dict_row
        ) as connection:
            cursor = await connection.execute(query.encode(), parameters)
            return list(await cursor.fetchall()) if cursor.description is not None else []


class Carrying:
    """Carries a request until the test lets it end, in place of the core's lifecycle."""

    def __init__(self, books: Books, owner: str) -> None:
        self._books = books
        self._owner = owner
        self.stopping = asyncio.Event()
        self.holds: dict[RequestId, asyncio.Event] = {}

    async def __call__(self, request_id: RequestId, epoch: int) -> None:
        await self._books.note(request_id, epoch, self._owner, "begun")
        while True:
            if self.stopping.is_set():
                raise Stopping
            try:
                if self._is_free(request_id) and await self._books.may_end(request_id):
                    break
            except psycopg.OperationalError:
                pass  # the database is away
            await asyncio.sleep(LOOK_SECONDS)
        closed = await self._books.close(request_id, epoch)
        await self._books.note(request_id, epoch, self._owner, "ended" if closed else "superseded")

    def _is_free(self, request_id: RequestId) -> bool:
        hold = self.holds.get(request_id)
        return hold is None or hold.is_set()


async def never(_request_id: RequestId, _epoch: int) -> None:
    raise AssertionError("given up")


class Worker:
    """One worker in the test's own process."""

    def __init__(
        self,
        url: str,
        owner: str = "one",
        *,
        carry: Carry | None = None,
        claim: Claim | None = None,
        give_up: Carry = never,
        concurrency: int = 100,
        timing: Timing = HURRIED,
    ) -> None:
        self.books = Books(url)
        self.log = RecordingLog()
        self.carrying = Carrying(self.books, owner)
        self._database = PostgresDatabase(url, sleep=asyncio.sleep)
        self.queue = ProcrastinateWorkQueue(
            url,
            claim=claim or Claims(self._database, owner),
            carry=carry or self.carrying,
            give_up=give_up,
            clock=RealClock(),
            log=self.log,
            jitter=random.random,
            concurrency=concurrency,
            timing=timing,
        )
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        self._running = asyncio.create_task(self.queue.run())

    def hold(self, request_id: RequestId) -> asyncio.Event:
        """Keep this worker from ending a request until the event is set."""
        return self.carrying.holds.setdefault(request_id, asyncio.Event())

    async def stop(self, grace_seconds: float = 1.0) -> int:
        """Leave as the application does."""
        self.carrying.stopping.set()
        unfinished = await self.queue.stop(grace_seconds)
        if self._running is not None:
            await self._running
        await self._database.leave()
        return unfinished


async def main(url: str, owner: str) -> None:
    """Be a worker until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    worker = Worker(url, owner)
    worker.start()
    print("ready", flush=True)
    await told.wait()
    await worker.stop(grace_seconds=1.0)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

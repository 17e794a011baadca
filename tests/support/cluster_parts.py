"""Processes of a cluster as far as their slots and paces go, several in one event loop, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from support.clock import RealClock
from support.event_log import RecordingLog
from support.rows import EVERYTHING, a_request
from veobot.core.failures import Failure
from veobot.core.limits import Limits
from veobot.core.ports import Outcome, SubmissionEnd
from veobot.core.request import RequestId, VideoRequest
from veobot.core.slot_book import FORGOTTEN_AFTER_SECONDS, SlotBook, SlotChanges, Standing
from veobot.core.status import Status, SubmissionState
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.slots import SqlSlotBook
from veobot.workqueue.shared_slots import SharedSlots

PATIENCE_SECONDS = 20.0
A_SLEEP = timedelta(seconds=FORGOTTEN_AFTER_SECONDS + 1)
"""Long enough for the others to have forgotten whoever slept."""

GIVEN_UP = Outcome(Status.TIMEOUT, Failure.TIMED_OUT, "", 0, counts_toward_quota=False)


class GatedBook(SlotBook):
    """A book whose answers do not reach a process that sleeps, nor its questions the book."""

    def __init__(self, book: SlotBook) -> None:
        self._book = book
        self.awake = asyncio.Event()
        self.awake.set()
        self.asking = asyncio.Lock()
        self.exchanges = 0

    async def exchange(self, changes: SlotChanges, now: datetime) -> Standing:
        await self.awake.wait()
        async with self.asking:
            standing = await self._book.exchange(changes, now)
        await self.awake.wait()
        self.exchanges += 1
        return standing

    async def leave(self) -> None:
        await self._book.leave()

    async def listen(self, wake: Callable[[], None]) -> None:
        await self._book.listen(wake)


class Ledger:
    """Which calls have been made that may still be running, over all processes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.running: set[RequestId] = set()
        self.made = 0

    def begin(self, request_id: RequestId) -> None:
        """Note a call in the moment in which it is made."""
        self.running.add(request_id)
        self.made += 1
        assert len(self.running) <= self._limit, f"{len(self.running)} running, of {self._limit}"

    def end(self, request_id: RequestId) -> None:
        """Note that nothing of it can be running any more."""
        self.running.discard(request_id)


class Machine:
    """One process: its slots, the rows as it sees them, and a clock of its own."""

    def __init__(
        self,
        url: str,
        name: str,
        limit: int,
        *,
        limits: Limits | None = None,
        clock: RealClock | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.name = name
        self.clock = clock or RealClock()
        self.ledger = ledger or Ledger(limit)
        self.database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=3)
        self.store = SqlRequestStore(self.database)
        self.book = GatedBook(SqlSlotBook(self.database, name, limit, limits or Limits()))
        self.log = RecordingLog()
        self.slots = SharedSlots(limit, self.clock, self.book, self.log)
        self._keeping = asyncio.create_task(self.slots.keep(), name=f"keep-{name}")

    @property
    def failed(self) -> bool:
        """Whether its exchange with the others has ended, which it never does by itself."""
        return self._keeping.done()

    async def exchanged(self) -> None:
        """Wait until it has told what has changed by now."""
        seen = self.book.exchanges

        def told() -> bool:
            self.slots._news.set()
            return self.book.exchanges >= seen + 2  # the next may be under way already

        await until(told, "an exchange")

    async def vanish(self) -> None:
        """Die without a word."""
        self._keeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeping
        await self.database.leave()

    async def leave(self) -> None:
        """Leave as a process does that was told to."""
        self.slots.close()
        await self.slots.leave()

    async def fall_asleep(self) -> None:
        """Stop exchanging, as by SIGSTOP; whoever plays its requests has to stop as well.

        What it has asked the database for comes to its end there, soon after, and long before it is forgotten.
        """
        self.book.awake.clear()
        async with self.book.asking:
            pass

    def wake_up(self) -> None:
        """Go on, `A_SLEEP` later by its own clock."""
        self.clock.ahead += A_SLEEP
        self.book.awake.set()

    async def submit(self, request: VideoRequest) -> bool:
        """Do as the core does: commit the intent, then make the call if the slot is sure. Return whether it was."""
        prefix = f"veo/{request.id}/1/"
        submission = await self.store.record_intent(request, 1, prefix, self.clock.now())
        await self.book.awake.wait()
        if self.slots.is_sure(request.id):
            self.ledger.begin(request.id)
            return True
        await self.store.record_refusal(submission, self.clock.now())
        return False

    async def end(self, request: VideoRequest) -> None:
        """Find that nothing of it runs any more, record that, and give the slot up."""
        self.ledger.end(request.id)
        end = SubmissionEnd(1, SubmissionState.ABANDONED)
        await self.store.record_outcome(request, GIVEN_UP, [end], self.clock.now())
        self.slots.release(request.id)


@asynccontextmanager
async def machines(
    url: str, count: int, limit: int, *, limits: Limits | None = None, opened: bool = True
) -> AsyncIterator[list[Machine]]:
    """Run so many processes, known to each other."""
    running = [Machine(url, f"machine-{n}", limit, limits=limits) for n in range(count)]
    try:
        for machine in running:
            if opened:
                machine.slots.open()
            await machine.exchanged()
        yield running
    finally:
        for machine in running:
            await machine.vanish()


async def admitted(machine: Machine, number: int, asked_at: datetime) -> VideoRequest:
    """Store a request that nothing speaks against, asked then."""
    request = a_request(number, created_at=asked_at)
    assert await machine.store.admit(request, EVERYTHING, lambda _: None) is None
    return request


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for this."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 -- a database has no event to wait for
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


def age(url: str, *names: str, seconds: float = A_SLEEP.total_seconds()) -> None:
    """Let these processes be unseen for so much longer."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE slot_keepers SET seen_at = seen_at - make_interval(secs => %s) WHERE owner = ANY(%s)",
            (seconds, list(names)),
        )


def cut_connections(url: str) -> None:
    """End every connection to this database, as a failing network or server does."""
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )


@contextmanager
def unreachable(server: str, url: str) -> Iterator[None]:
    """Let nobody into this database meanwhile."""
    name = sql.Identifier(url.rpartition("/")[2])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (url.rpartition("/")[2],),
        )
        try:
            yield
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))

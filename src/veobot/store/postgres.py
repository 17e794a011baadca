"""A PostgreSQL database, and how a transaction on it is run.

The statements are those of SQLite, written for a plain connection; SQLAlchemy runs them in a greenlet, so that waiting
for the server holds nobody else up. A transaction sees one snapshot (`REPEATABLE READ`) and is run again from the start
where another has changed one of its rows meanwhile: so each is as alone as it is on SQLite. What counts rows in order
to add one names a lock, takes it first, and sees what was committed when it got it (`READ COMMITTED`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from veobot.core.errors import StoreUnavailable

from . import migrate
from .database import Database, Lock
from .errors import NotADatabase, StoreBusy
from .migrate import Phase
from .postgres_errors import READ_ONLY, UNKNOWN_TABLES, ConnectionLost, meaning_of, state_of

T = TypeVar("T")

POOL_SIZE = 8
"""Transactions of one process at once. A server takes 100 connections by default, and each costs it some megabytes."""
LINE_SECONDS = 30.0
"""A resumed bot's requests all want to be read at once: they stand in line for some seconds, and that is no failure."""
CONNECT_TIMEOUT_SECONDS = 3
TRANSACTION_SECONDS = 15.0
"""From connecting to the commit, whatever the server does: one that has stopped without closing its connections keeps
none of its own limits. The driver then spends up to 10 s more on asking it to cancel."""
STATEMENT_TIMEOUT_SECONDS = 10
"""Claiming 10,000 requests takes a second; what takes longer than this is held up by something."""
LOCK_TIMEOUT_SECONDS = 2
"""For another's rows or lock, which are held for milliseconds. As long as on SQLite: Discord gives a command 3 s."""
IDLE_TIMEOUT_SECONDS = 5
"""A transaction that a stopped process has left open is ended: its locks would stop all the others. Well within the
15 s after which its requests are taken over."""
KEEPALIVE_SECONDS = 5
"""A server that is gone without a word is noticed after three unanswered probes at this distance."""

CONFLICT_WAITS_SECONDS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""How long to wait before each further try, where another transaction got in between."""

_SNAPSHOT = "REPEATABLE READ"
"""All statements of a transaction see the rows as of its first one."""
_LATEST = "READ COMMITTED"
"""Each statement sees what is committed by then: what others did before they let the lock go."""

_LOCK_SPACE = (
    0x7665_6F  # "veo": the first of an advisory lock's two numbers, so that they meet no other program's
)
_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:space, :key)")

_ENCODING = text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()")

_MIGRATION_SETTINGS = (
    text("SET LOCAL statement_timeout = 0"),  # a big table takes what it takes
    text("SET LOCAL idle_in_transaction_session_timeout = 0"),  # Alembic is imported in the middle of it
    text("SET LOCAL lock_timeout = 0"),  # whoever makes the tables first is waited for
)
# But no table is waited for: all who come after would stand in line behind the one that waits.
_IMPATIENT = text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")


class PostgresDatabase(Database):
    """One PostgreSQL database, opened at the first transaction; a pool of connections, for one event loop.

    It can be constructed while the server cannot be reached: each transaction then raises `StoreUnavailable` and the
    next one tries again. An empty database gets its schema, an older one is brought up to date; without `create` they
    raise `DatabaseMissing` and `StoreUnavailable`, and stay as they are. `sleep` waits between tries.
    """

    def __init__(
        self,
        url: str,
        *,
        sleep: Callable[[float], Awaitable[None]],
        create: bool = True,
        pool_size: int = POOL_SIZE,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self.url = driver_url(url)
        self.engine = _engine(self.url, pool_size)
        """For hooks on statements."""
        self._sleep = sleep
        self._turns = asyncio.Semaphore(pool_size)
        self._create = create
        self._transaction_seconds = transaction_seconds
        self._prepared = False

    @property
    def name(self) -> str:
        """Where it is, without the password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        """Run `work` in one writing transaction, after any other that names the same lock. See `Database`."""
        for wait_seconds in CONFLICT_WAITS_SECONDS:
            try:
                return await self._transaction(work, lock=lock)
            except StoreBusy:
                await self._sleep(wait_seconds)
        return await self._transaction(work, lock=lock)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one reading transaction: all its statements see the same rows. Raises `StoreUnavailable`."""
        return await self._transaction(work)

    async def leave(self) -> None:
        """Close all connections; a later transaction opens new ones."""
        await self.engine.dispose()

    async def migrate(self, phase: Phase | None = None) -> None:
        """Bring the schema up to date, as far as the phase goes. See `migrate.apply` for what it raises."""
        try:
            await self._change_schema(lambda c: migrate.apply(c, self.name, phase))
        except NotADatabase as error:
            raise self._not_ours() from error

    async def _transaction(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:
        """Run `work` once: again only where the connection was lost before anything could have come of it.

        A server that was started again has left a pool full of dead connections, and nobody needs to be told.
        Raises `StoreUnavailable`; `StoreBusy` where another transaction got in between.
        """
        if not self._prepared:
            await self._prepare()
        try:
            return await self._once(work, lock)
        except ConnectionLost:
            return await self._once(work, lock)

    async def _once(self, work: Callable[[Connection], T], lock: Lock | None = None) -> T:
        committing = False
        seconds = LINE_SECONDS
        try:
            async with asyncio.timeout(seconds) as limit, self._turns:
                seconds = self._transaction_seconds
                limit.reschedule(asyncio.get_running_loop().time() + seconds)
                async with self.engine.connect() as connection:
                    if lock is not None:
                        await connection.execution_options(isolation_level=_LATEST)
                    async with connection.begin():
                        if lock is not None:
                            await _take(connection, lock)
                        result = await connection.run_sync(work)
                        committing = True
                    return result
        except TimeoutError:
            raise StoreUnavailable(
                f"PostgreSQL at {self.name} did not answer within {seconds:g} s; look whether it hangs."
            ) from None
        except (DBAPIError, OSError) as error:
            raise await self._translated(error, committing=committing) from None

    async def _prepare(self) -> None:
        """See to the schema once, before the first transaction."""
        try:
            encoding, state = await self._once(lambda c: (c.scalar(_ENCODING), migrate.state_of(c)))
        except NotADatabase as error:
            raise self._not_ours() from error
        if encoding != "UTF8":
            raise NotADatabase(
                f"The database {self.name} cannot hold every prompt: make one with ENCODING 'UTF8', and name that."
            )
        if migrate.change_needed(state, self.name, create=self._create):
            # What older processes need stays: they may still be running beside this one.
            await self._change_schema(lambda c: migrate.make_current(c, Phase.PRE))
        self._prepared = True

    async def _change_schema(self, change: Callable[[Connection], None]) -> None:
        """Change the schema in one transaction, alone, and however long it takes."""
        committing = False
        try:
            async with self._turns, self.engine.connect() as connection:
                await connection.execution_options(isolation_level=_LATEST)
                async with connection.begin():
                    for setting in _MIGRATION_SETTINGS:
                        await connection.execute(setting)
                    await _take(connection, Lock.SCHEMA)
                    await connection.execute(_IMPATIENT)
                    await connection.run_sync(change)
                    committing = True
        except (DBAPIError, OSError) as error:
            raise await self._translated(error, committing=committing) from None

    async def _translated(self, error: DBAPIError | OSError, *, committing: bool) -> BaseException:
        """Return what this error means, and forget what it says is no longer so."""
        state = state_of(error)
        if state in UNKNOWN_TABLES:
            self._prepared = False
        if state == READ_ONLY:
            await self.engine.dispose()
        return meaning_of(error, self.name, committing=committing)

    def _not_ours(self) -> NotADatabase:
        return NotADatabase(f"{self.name} has tables of another program; name another database.")


def driver_url(url: str) -> URL:
    """Return the address as SQLAlchemy wants it: by psycopg, whatever word for PostgreSQL it came with."""
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        raise ValueError(f"{scheme}:// is no PostgreSQL address")
    return make_url(f"postgresql+psycopg://{rest}")


def _engine(url: URL, pool_size: int) -> AsyncEngine:
    settings = {
        "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
        "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_SECONDS}s",
        # Whatever is the server's default: Discord is told only what survives a power cut.
        "synchronous_commit": "on",
    }
    return create_async_engine(
        url,
        isolation_level=_SNAPSHOT,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=False,  # its first statement notices a dead connection, and a ping would double a read's cost
        hide_parameters=True,  # an error must not carry a prompt or a token into the log
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "keepalives_idle": KEEPALIVE_SECONDS,
            "keepalives_interval": KEEPALIVE_SECONDS,
            "keepalives_count": 3,
            "tcp_user_timeout": KEEPALIVE_SECONDS * 3 * 1000,
            "application_name": "veobot",
            "client_encoding": "utf8",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )


async def _take(connection: AsyncConnection, lock: Lock) -> None:
    await connection.execute(_TAKE_LOCK, {"space": _LOCK_SPACE, "key": lock.value})

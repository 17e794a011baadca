"""A SQLite database, and how a transaction on it is run.

Transactions run on the event loop itself: a commit takes a fraction of a millisecond, a hop to a thread several. So
none of them may wait inside SQLite. A writer asks for the write lock at once (`BEGIN IMMEDIATE`, with no busy timeout);
where another program holds it, the transaction is tried again from the loop.
"""

import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from veobot.core.errors import StoreUnavailable

from . import migrate
from .database import Database, Lock
from .errors import DatabaseMissing, NotADatabase, StoreBusy
from .migrate import Phase

T = TypeVar("T")

BUSY_WAITS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, *(0.1,) * 19)
"""How long to wait before each further try: 2 s in all, since Discord gives a command 3 s for its answer."""

PRAGMAS = (
    "busy_timeout = 0",  # waiting inside SQLite would hold the whole event loop up
    "synchronous = FULL",  # a commit survives a power cut: Discord is told only afterwards
    "foreign_keys = ON",
    # Erased tokens and deleted prompts are overwritten with zeros. Nearly all: of a row that SQLite moved, a copy can
    # stay in a page's free space until a VACUUM (measured: 1 of some 12,000 erased tokens did).
    "secure_delete = ON",
)

WRITE_AHEAD_LOG = "journal_mode = WAL"
"""Readers and the writer do not wait for each other. Kept in the file: so only in one that is ours to write."""

_WRITE = "BEGIN IMMEDIATE"
_READ = "BEGIN"
_OWNER_ONLY = 0o600  # the rows hold prompts and interaction tokens

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk is full: the database {path} cannot grow; free some space.",
    sqlite3.SQLITE_IOERR: "The disk failed while the database {path} was read or written; look at the disk.",
    sqlite3.SQLITE_CANTOPEN: "The database {path} cannot be opened; check that the directory may be written.",
    sqlite3.SQLITE_READONLY: "The database {path} cannot be written; check the file's and directory's permissions.",
    sqlite3.SQLITE_PERM: "The database {path} may not be accessed; check its permissions.",
    sqlite3.SQLITE_CORRUPT: "The database {path} is damaged; restore it from a backup.",
    sqlite3.SQLITE_NOMEM: "There is not enough memory to use the database {path}.",
}
_REOPENED_AFTER = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}
"""Where the file may have been replaced. Not a full disk: the open connection can still read, a new one could not."""


class SqliteDatabase(Database):
    """One SQLite file, opened at the first transaction and kept open; one connection, for one thread.

    It can be constructed while the file cannot be used: each transaction then raises `StoreUnavailable` and the next
    one tries again. A fresh file gets its schema, an older one is brought up to date. `sleep` waits between tries for
    the write lock. Without `create`, a missing or empty file raises `DatabaseMissing`, an older schema
    `StoreUnavailable`, and the file stays as it is.
    """

    def __init__(self, path: Path, *, sleep: Callable[[float], Awaitable[None]], create: bool = True) -> None:
        self.path = path
        self.engine = _engine(path)
        """For hooks on statements. Transactions are begun and ended beneath it."""
        self._sleep = sleep
        self._create = create
        self._connection: Connection | None = None

    async def write(self, work: Callable[[Connection], T], *, lock: Lock | None = None) -> T:  # noqa: ARG002 -- see below
        """Run `work` in one writing transaction; commit, or change nothing. SQLite has one writer at a time anyway.

        Raises `StoreUnavailable`. `work` may be run again, from the start, where another program got in between.
        """
        return await self._patiently(work, _WRITE)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one reading transaction: all its statements see the same rows. Raises `StoreUnavailable`."""
        return await self._patiently(work, _READ)

    async def migrate(self, phase: Phase | None = None) -> None:  # noqa: ARG002 -- as PostgreSQL's
        """Bring the schema up to date, in both phases: no other code runs on a file. Raises `StoreUnavailable`."""
        await self.read(lambda _: None)

    async def leave(self) -> None:
        """Close the file; a later transaction opens it again."""
        self.close()

    def close(self) -> None:
        """Close the file; a later transaction opens it again."""
        connection, self._connection = self._connection, None
        if connection is None:
            self.engine.dispose()
        else:
            connection.invalidate()  # without a word to the driver: it could fail, and SQLite rolls back by itself
            connection.close()

    async def _patiently(self, work: Callable[[Connection], T], begin: str) -> T:
        for wait_seconds in BUSY_WAITS_SECONDS:
            try:
                return self._transaction(work, begin)
            except StoreBusy:
                pass
            await self._sleep(wait_seconds)
        return self._transaction(work, begin)

    def _transaction(self, work: Callable[[Connection], T], begin: str) -> T:
        try:
            return self._committed(self._connection or self._opened(), work, begin)
        except (DBAPIError, sqlite3.Error) as error:
            raise self._translated(error) from error

    def _committed(self, connection: Connection, work: Callable[[Connection], T], begin: str) -> T:
        """Run `work` between two words to the driver: SQLAlchemy's own transactions cost more than a statement.

        It takes all that it is given for one transaction that has no end.
        """
        driver = connection.connection
        try:
            driver.cursor().execute(begin)
            result = work(connection)
            driver.commit()
        except BaseException:
            self._roll_back(connection)
            raise
        return result

    def _roll_back(self, connection: Connection) -> None:
        """Undo what was begun, if anything; SQLite may have done so by itself."""
        try:
            connection.connection.rollback()
        except sqlite3.Error:
            self.close()  # which ends it in any case

    def _opened(self) -> Connection:
        """Open the file and see to its schema; one that is refused is closed again, as it was found."""
        if self._create:
            _create_file(self.path)
        elif not self.path.exists():
            raise DatabaseMissing(f"There is no database at {self.path}.")
        try:
            migrate.prepare(self.engine, self.path, create=self._create)
            connection = self.engine.connect()
            if self._create:
                connection.connection.cursor().execute(f"PRAGMA {WRITE_AHEAD_LOG}")
        except BaseException:
            self.close()
            raise
        self._connection = connection
        return connection

    def _translated(self, error: DBAPIError | sqlite3.Error) -> BaseException:
        """Return what this error means; itself where it is a mistake in the code."""
        code = _primary_code(error)
        if code in _REOPENED_AFTER:
            self.close()
        if code in _BUSY:
            return StoreBusy(f"Another program is holding the database {self.path}.")
        if code == sqlite3.SQLITE_NOTADB:
            return NotADatabase(f"The file {self.path} is not a database; move it away or name another.")
        if code in _SENTENCES:
            return StoreUnavailable(_SENTENCES[code].format(path=self.path))
        return error


async def open_database(
    path: Path, *, sleep: Callable[[float], Awaitable[None]], create: bool = True
) -> SqliteDatabase:
    """Open the database and bring its schema up to date.

    Raises `StoreUnavailable`, of which `NotADatabase`, `SchemaTooNew` and `DatabaseMissing` need a human.
    """
    database = SqliteDatabase(path, sleep=sleep, create=create)
    await database.read(lambda _: None)
    return database


def _create_file(path: Path) -> None:
    """Make an empty file that only its owner may read, and the directory it is in, unless they are there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"The directory {path.parent} cannot be made: {error.strerror}.") from error
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
    except OSError as error:
        raise StoreUnavailable(f"The database {path} cannot be opened: {error.strerror}.") from error


def _primary_code(error: DBAPIError | sqlite3.Error) -> int | None:
    """Return SQLite's own number of the error, without the lower-order reason."""
    code = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _text(value: bytes) -> str | bytes:
    """Read a text; what is none stays as it is, for `rows` to refuse: raising here would hide the other rows."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _engine(path: Path) -> Engine:
    """Return an engine that leaves the beginning of transactions to us."""

    def connect() -> sqlite3.Connection:
        # autocommit: the driver's own habit of beginning transactions by itself is off
        connection = sqlite3.connect(path, isolation_level=None)
        connection.text_factory = _text
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    # Parameters hidden: a failed statement's are prompts and tokens, and its text goes to the log.
    # No listeners: one, on whatever event, would cost each statement a look for listeners on all.
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)

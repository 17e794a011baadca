"""Connections to PostgreSQL for the jobs, and the tables that Procrastinate keeps them in."""

import logging

from procrastinate.schema import SchemaManager
from psycopg import AsyncConnection, Error, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import AsyncConnectionPool

from veobot.core.errors import StoreUnavailable

from .jobs import LOCKS, Pool

POOL_SIZE = 4
"""Statements at once: fetching, finishing, enqueueing, sweeping. A heartbeat waits for one of them at most."""
POOL_PATIENCE_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
"""How long the pool itself tries to connect: what is asked for again tries again at once, and waits for no backoff."""

CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_SECONDS = 10
"""A sweep of 10,000 requests takes a second; what takes longer than this is held up by something."""
IDLE_TIMEOUT_SECONDS = 5
"""A transaction that a stopped process has left open is ended: it may be a sweep, which lets no other begin."""
KEEPALIVE_SECONDS = 5
"""A server that is gone without a word is noticed after three unanswered probes at this distance."""

_SCHEMA_LOCK = 2

_IS_THERE = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_TAKE_SCHEMA_LOCK = "SELECT pg_advisory_xact_lock(%(space)s, %(key)s)"


def open_pool(url: str) -> Pool:
    """Return a pool, not opened yet. Raises `StoreUnavailable` where the address cannot be understood."""
    # It warns of each try to connect; that the database is away is said once, by those who need it.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    return AsyncConnectionPool(
        _address(url),
        kwargs={"autocommit": True, "prepare_threshold": None},
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_PATIENCE_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        open=False,
        name="veobot-jobs",
    )


async def connect(url: str) -> AsyncConnection:
    """Return a connection of one's own, without transactions.

    Raises `psycopg.Error`; `StoreUnavailable` where the address cannot be understood.
    """
    return await AsyncConnection.connect(_address(url), autocommit=True, prepare_threshold=None)


async def create_tables(url: str) -> None:
    """Make Procrastinate's tables where there are none; any number of processes may do it at once.

    Raises `StoreUnavailable`.
    """
    try:
        async with await connect(url) as connection, connection.transaction():
            await connection.execute(_TAKE_SCHEMA_LOCK, {"space": LOCKS, "key": _SCHEMA_LOCK})
            found = await (await connection.execute(_IS_THERE)).fetchone()
            if found == (False,):
                await connection.execute(SchemaManager.get_schema().encode())
    except InsufficientPrivilege as error:
        raise StoreUnavailable(
            "The database's user may not make the work queue's tables: grant it CREATE on the schema."
        ) from error
    except OperationalError as error:
        raise StoreUnavailable(
            "PostgreSQL cannot be reached at VEOBOT_DATABASE_URL; look whether it runs."
        ) from error
    except Error as error:
        raise StoreUnavailable(f"The work queue's tables cannot be made: {error}") from error


def _address(url: str) -> str:
    """Return the address as PostgreSQL's own library wants it, with how long to wait for what.

    Raises `StoreUnavailable`, and says nothing of the address.
    """
    settings = {
        "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_SECONDS}s",
    }
    try:
        return make_conninfo(
            f"postgresql://{url.partition('://')[2]}",  # whatever word for the driver it came with
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            keepalives_idle=KEEPALIVE_SECONDS,
            keepalives_interval=KEEPALIVE_SECONDS,
            keepalives_count=3,
            tcp_user_timeout=KEEPALIVE_SECONDS * 3 * 1000,
            application_name="veobot jobs",
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
        )
    except (Error, UnicodeDecodeError):
        # Not even as the cause: what the error quotes may be the password.
        raise StoreUnavailable(
            "VEOBOT_DATABASE_URL is no address that PostgreSQL's library understands: look at its signs and options."
        ) from None

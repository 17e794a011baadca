"""Which database an address means."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import PostgresMissing

if TYPE_CHECKING:
    from .postgres import PostgresDatabase
    from .sqlite import SqliteDatabase

Sleep = Callable[[float], Awaitable[None]]

_PARTS = ("greenlet", "procrastinate", "psycopg")
"""What the extra `postgres` installs."""
_INSTALL = "pip install --require-hashes -r requirements/postgres.txt"


def database_at(url: str, *, sleep: Sleep, create: bool = True) -> "SqliteDatabase | PostgresDatabase":
    """Return the database at `sqlite:///…` or `postgresql://…`, not opened yet.

    `sleep` waits between tries; without `create` nothing is made or migrated. Raises `PostgresMissing`.
    """
    if not url.startswith("sqlite:///"):
        return postgres_at(url, sleep=sleep, create=create)
    from .sqlite import SqliteDatabase  # noqa: PLC0415 -- the other's needs are not paid for

    return SqliteDatabase(Path(url.removeprefix("sqlite:///")), sleep=sleep, create=create)


def postgres_at(
    url: str,
    *,
    sleep: Sleep,
    create: bool = True,
    pool_size: int | None = None,
    transaction_seconds: float | None = None,
) -> "PostgresDatabase":
    """Return the PostgreSQL database at this address, not opened yet; its own defaults stand for None.

    Raises `PostgresMissing`.
    """
    require_postgres()
    from . import postgres  # noqa: PLC0415 -- its parts need not be installed

    return postgres.PostgresDatabase(
        url,
        sleep=sleep,
        create=create,
        pool_size=pool_size or postgres.POOL_SIZE,
        transaction_seconds=transaction_seconds or postgres.TRANSACTION_SECONDS,
    )


def require_postgres() -> None:
    """Raise `PostgresMissing` where PostgreSQL's parts are not installed, or do not work."""
    if missing := [part for part in _PARTS if not _is_installed(part)]:
        raise PostgresMissing(
            f"PostgreSQL's parts are not installed ({', '.join(missing)}); add them with: {_INSTALL}."
        )
    try:
        import_module("psycopg")
    except ImportError as error:  # it is there, and the library that it stands on is not
        raise PostgresMissing(
            f"PostgreSQL's parts do not work here ({error}); install them with: {_INSTALL}."
        ) from error


def _is_installed(part: str) -> bool:
    try:
        return find_spec(part) is not None
    except ImportError:
        return False

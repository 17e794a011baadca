"""What PostgreSQL's errors mean. Nothing of a row's is ever in what comes out of here."""

from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from veobot.core.errors import StoreUnavailable

from .errors import StoreBusy

READ_ONLY = "25006"
"""Another server may take writes by now: what is open leads to this one."""

UNKNOWN_TABLES = {"42P01", "42703"}
"""undefined_table, undefined_column: somebody has changed the schema since it was looked at."""

_CONFLICTS = {"40001", "40P01"}
"""serialization_failure, deadlock_detected."""

_NO_ENTRY = "28000"
_SENTENCES = {
    "28P01": "PostgreSQL does not accept the password in VEOBOT_DATABASE_URL.",
    _NO_ENTRY: "PostgreSQL does not let this user in: look at VEOBOT_DATABASE_URL and at the server's pg_hba.conf.",
    "3D000": "The database named in VEOBOT_DATABASE_URL does not exist: create it, or name another.",
    "42501": "The database's user may not do this: grant it the database, its schema and its tables.",
    "53100": "PostgreSQL's disk is full; free some space.",
    "53300": "PostgreSQL has no connection left: raise max_connections, or run fewer processes.",
    "55P03": "Another process holds the same rows or tables for too long; look at what it is doing.",
    "57014": "PostgreSQL took too long to answer; look at what else it is doing.",
    "57P03": "PostgreSQL is starting or stopping; it is tried again.",
    READ_ONLY: "PostgreSQL is read-only: VEOBOT_DATABASE_URL names a standby, or a failover is under way.",
}
"""By SQLSTATE. Whatever else breaks the connection is `StoreUnavailable` too, in general words."""

_WORDS_AT_THE_DOOR = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "pg_hba.conf": _NO_ENTRY,
    "permission denied for database": "42501",
    "too many clients": "53300",
    "too many connections": "53300",
    "remaining connection slots": "53300",
    "the database system is": "57P03",
    # The others name a role or a database as well.
    'role "': _NO_ENTRY,
    'database "': "3D000",
}
"""Who is turned away while connecting gets words and no SQLSTATE. A server that speaks another language is not
understood: then its own words are passed on."""


class ConnectionLost(StoreUnavailable):
    """The connection was lost before the server was told to commit: nothing has been done."""


def meaning_of(error: DBAPIError | OSError, name: str, *, committing: bool) -> BaseException:
    """Return what to raise in an error's place: itself, without the row's values, where it is a mistake in the code.

    `committing` is whether the server may have been told to commit. `name` is the database's, without the password.
    """
    state = state_of(error)
    if state in _CONFLICTS:
        return StoreBusy("Too many others change the same rows.")
    if state in _SENTENCES:
        return StoreUnavailable(_SENTENCES[state])
    if isinstance(error, DBAPIError) and not _is_about_the_server(error, state):
        return _without_values(error)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        lost: Callable[[str], StoreUnavailable] = StoreUnavailable if committing else ConnectionLost
        return lost(f"The connection to PostgreSQL at {name} was lost; look whether it runs.")
    return StoreUnavailable(f"PostgreSQL cannot be reached at {name}{_reason(error)}; look whether it runs.")


def state_of(error: DBAPIError | OSError) -> str | None:
    """Return the error's SQLSTATE, as far as it can be known."""
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state
    refusal = str(error.orig)
    return next((state for words, state in _WORDS_AT_THE_DOOR.items() if words in refusal), None)


def _is_about_the_server(error: DBAPIError, state: str | None) -> bool:
    if error.connection_invalidated:
        return True
    if state is not None:
        # 08: connection; 57P: the server shuts down or starts; 53: no resources; 58: its disk or system.
        return state[:2] in {"08", "53", "58"} or state[:3] == "57P"
    return type(error).__name__ in {"OperationalError", "InterfaceError"}


def _reason(error: DBAPIError | OSError) -> str:
    """Return why no connection came about; empty for an error that may have more in it than that."""
    words = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
    for beginning in ("connection failed: ", "failed to resolve host", "connection timeout expired"):
        if words.startswith(beginning):
            return f" ({words.removeprefix('connection failed: ')})"
    return ""


def _without_values(error: DBAPIError) -> DBAPIError:
    """Return an error of the same kind that says which rule was broken, and not what the row holds."""
    diagnosis = getattr(error.orig, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    if not isinstance(primary, str) or error.orig is None:
        return error
    return type(error)(error.statement, None, type(error.orig)(primary), hide_parameters=True)

"""What can be wrong with the database. The docstring of each class is its default message."""

from veobot.core.errors import StoreUnavailable, VeobotError


class StoreBusy(StoreUnavailable):
    """Another program is holding the database's write lock."""


class DatabaseMissing(StoreUnavailable):
    """There is no database yet."""


class NotADatabase(StoreUnavailable):
    """This file is not a veobot database."""


class SchemaTooNew(StoreUnavailable):
    """The database was written by a newer version of veobot; run that version, or a newer one."""


class PostgresMissing(VeobotError):
    """PostgreSQL's parts are not installed; add them: pip install --require-hashes -r requirements/postgres.txt."""


class AlreadyRunning(VeobotError):
    """Another veobot is running on this database."""


class DirectoryUnusable(VeobotError):
    """The database's directory cannot be used."""


class ImpossibleTransition(VeobotError):
    """A request was to move between two states that have no move between them."""

"""This machine: the database, the disk, who may read the secrets, and the clock."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from dotenv import dotenv_values
from sqlalchemy.exc import DBAPIError

from veobot.clock import WARNING_THRESHOLD
from veobot.config import Settings
from veobot.store.errors import NotADatabase
from veobot.store.migrate import SchemaState, schema_state
from veobot.store.sqlite import SqliteDatabase

from .findings import Finding, not_tried, ok, warning, wrong

MIN_FREE_BYTES = 500 * 2**20
"""Four deliveries of 20 to 40 MiB at once, the database and its log, and room until somebody looks."""

OTHERS = 0o077
"""The permission bits of the group and of everybody."""

CONTAINER_SECRETS = Path("/run/secrets")
"""Where container engines mount secrets, readable by all: but nobody else is in the container."""

_DATABASE, _DIRECTORY, _DISK = "Database", "Data directory", "Disk space"
_SECRETS, _CLOCK = "Secrets", "Clock"


def machine_findings(settings: Settings) -> list[Finding]:
    """Examine a SQLite database, directories, disk and secrets. Blocks."""
    directory = directory_finding(settings)
    return [
        *([] if settings.on_postgres else [database_finding(settings.database_path)]),
        directory,
        space_finding(_existing(settings.data_directory)),
        secrets_finding(settings, os.environ),
    ]


def database_finding(path: Path) -> Finding:
    """Read the database's schema version, without changing anything. A fresh one comes with the first start."""
    if not _is_there(path):
        return ok(_DATABASE, f"There is no database at {path} yet: the first start makes it.")
    database = SqliteDatabase(path, sleep=_never, create=False)
    try:
        state = schema_state(database.engine)
    except NotADatabase:
        sentence = f"{path} is another program's database."
        return wrong(_DATABASE, sentence, "Name another file in VEOBOT_DATABASE_URL.")
    except DBAPIError as error:
        return _unreadable(path, error)
    finally:
        database.close()
    match state:
        case SchemaState.CURRENT:
            return ok(_DATABASE, f"The database {path} opens, and its schema is current.")
        case SchemaState.EMPTY:
            return ok(_DATABASE, f"The database {path} is empty: the first start gives it its tables.")
        case SchemaState.BEHIND:
            sentence = f"The database {path} is of an older version."
            fix = "Back it up, then run `veobot migrate`; `veobot run` also does it by itself."
            return warning(_DATABASE, sentence, fix)
        case SchemaState.AHEAD:
            sentence = f"The database {path} was written by a newer version of veobot."
            return wrong(_DATABASE, sentence, "Run that version, or a newer one; or restore an older backup.")


def _unreadable(path: Path, error: DBAPIError) -> Finding:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_NOTADB:
        sentence = f"The file {path} is not a database."
        return wrong(_DATABASE, sentence, "Move it away, or name another file in VEOBOT_DATABASE_URL.")
    sentence = f"The database {path} cannot be opened: {error.orig}."
    return wrong(
        _DATABASE, sentence, "Check the file's and its directory's permissions; if damaged, restore a backup."
    )


async def _never(_: float) -> None:
    """Nothing is retried."""


def directory_finding(settings: Settings) -> Finding:
    """Write a file into the data directory, or into what it would be made in; and into the database's."""
    of_database = [] if settings.on_postgres else [settings.database_path.parent]
    for directory in dict.fromkeys((settings.data_directory, *of_database)):
        try:
            with tempfile.TemporaryFile(dir=_existing(directory)) as file:
                file.write(b"veobot")
                file.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return wrong(_DIRECTORY, f"The disk of {directory} is full.", "Free some space there.")
            reason = (error.strerror or type(error).__name__).lower()
            sentence = f"The directory {directory} cannot be written: {reason}."
            fix = (
                f"Let the bot's user own it (`chown`), or name another one: {_setting(directory, settings)}."
            )
            return wrong(_DIRECTORY, sentence, fix)
    return ok(_DIRECTORY, f"The data directory {settings.data_directory} can be written.")


def _setting(directory: Path, settings: Settings) -> str:
    return "VEOBOT_DATA_DIRECTORY" if directory == settings.data_directory else "VEOBOT_DATABASE_URL"


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest one above it that is there."""
    for candidate in (directory.absolute(), *directory.absolute().parents):
        if _is_there(candidate):
            return candidate
    return Path("/")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # as far as we may know: whoever uses it is told why it cannot


def space_finding(directory: Path, needed_bytes: int = MIN_FREE_BYTES) -> Finding:
    """Compare the free space with what deliveries and the database need."""
    try:
        free_bytes = shutil.disk_usage(directory).free
    except OSError as error:
        return not_tried(_DISK, f"{directory} does not tell it ({(error.strerror or '').lower()})")
    free = f"{free_bytes // 2**20:,} MiB"
    if free_bytes < needed_bytes:
        sentence = f"Only {free} are free at {directory}; {needed_bytes // 2**20:,} MiB are wanted."
        return warning(_DISK, sentence, "Free some space there, or name another VEOBOT_DATA_DIRECTORY.")
    return ok(_DISK, f"{free} are free at {directory}.")


def secrets_finding(settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Look at the permissions of every file that holds a secret."""
    open_files = [path for path in _secret_files(settings, environ) if _is_open(path)]
    if not open_files:
        return ok(_SECRETS, "No file with secrets can be read by others.")
    listed = ", ".join(map(str, open_files))
    plural = "can" if len(open_files) == 1 else "can all"
    return wrong(
        _SECRETS,
        f"{listed} {plural} be read by other users of this machine.",
        f"Run: chmod 600 {' '.join(map(str, open_files))}",
    )


def _secret_files(settings: Settings, environ: Mapping[str, str]) -> Iterable[Path]:
    env_file = Path(".env")
    in_file = dotenv_values(env_file) if env_file.is_file() else {}
    named = {**in_file, **environ}
    yield env_file
    for name in ("VEOBOT_DISCORD_TOKEN_FILE", "VEOBOT_DATABASE_URL_FILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        if value := named.get(name):
            yield Path(value)
    if settings.on_postgres:
        return
    database = settings.database_path
    # The rows hold prompts and interaction tokens, and so does what is not yet merged into the file.
    yield from (
        database,
        database.with_name(f"{database.name}-wal"),
        database.with_name(f"{database.name}-shm"),
    )


def _is_open(path: Path) -> bool:
    if path.is_relative_to(CONTAINER_SECRETS):
        return False
    try:
        return path.is_file() and bool(path.stat().st_mode & OTHERS)
    except PermissionError:
        return False  # in a directory that is closed even to us


def clock_finding(date_header: str | None, local_now: datetime) -> Finding:
    """Compare the local clock with the `Date` header of an answer that came at `local_now`."""
    try:
        discords_now = parsedate_to_datetime(date_header or "")
    except ValueError:
        return not_tried(_CLOCK, "Discord did not tell the time")
    seconds = round((local_now - discords_now).total_seconds())
    if abs(seconds) <= WARNING_THRESHOLD.total_seconds():
        return ok(_CLOCK, "This machine's clock agrees with Discord's.")
    direction = "ahead of" if seconds > 0 else "behind"
    amount = f"{abs(seconds)} s" if abs(seconds) < 120 else f"{round(abs(seconds) / 60)} min"
    sentence = f"This machine's clock is {amount} {direction} Discord's."
    return warning(_CLOCK, sentence, "Set the clock by the network: `timedatectl set-ntp true`.")

"""The schema's version: which the database has, which this code wants, and the way between.

The versions are Alembic's, in `migrations/versions`. Reading the version and making a fresh schema do without Alembic,
whose import takes a third of a second; a test holds the two ways to the same result.

While a new version is rolled out, old code and new run side by side. So a migration either only adds (`Phase.PRE`,
applied before the new code starts) or removes what new code no longer needs (`Phase.POST`, applied once no old code
runs). Old code does not know newer migrations; their names tell it whether it may go on:

    0002_for_0001   only adds: code that knows 0001 still runs on it
    0003            removes: whoever does not know 0003 may need what is gone
    0004_for_0003   only adds, to what 0003 left
"""

import re
from collections.abc import Sequence
from enum import Enum, StrEnum, auto
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    column,
    func,
    select,
    table,
)

from veobot.core.errors import StoreUnavailable

from . import cluster, guards, schema  # noqa: F401 - `cluster` adds its tables to `schema.cluster`
from .errors import DatabaseMissing, NotADatabase, SchemaTooNew

REVISIONS = ("0001", "0002_for_0001", "0003_for_0001")
"""Every version this code knows, oldest first."""

HEAD_REVISION = REVISIONS[-1]

_NAME = re.compile(r"(?P<number>\d{4})(_for_(?P<oldest>\d{4}))?")

MIGRATIONS = Path(__file__).parent / "migrations"

_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table."""

_TABLES = {
    "sqlite": (
        select(column("name", String))
        .select_from(table("sqlite_master"))
        .where(column("type") == "table", column("name", String).not_like("sqlite!_%", escape="!"))
    ),
    # A database is shared more often than a file: only our own names count.
    "postgresql": (
        select(column("tablename", String))
        .select_from(table("pg_tables", schema="pg_catalog"))
        .where(
            column("schemaname") == func.current_schema(),
            column("tablename", String).in_([*schema.metadata.tables, *schema.cluster.tables, _version.name]),
        )
    ),
}
"""The names of the tables that there are. Asked of the catalogue, since an inspector takes a millisecond."""


_REVISION = select(_version.c.version_num)

_READ = "BEGIN"
_WRITE = "BEGIN IMMEDIATE"
"""Said by ourselves, since the driver begins no transactions: two processes may make the schema at once."""


class SchemaState(Enum):
    """How a database's schema stands to the code."""

    EMPTY = auto()
    BEHIND = auto()
    """It lacks what this code needs."""
    CURRENT = auto()
    """This code runs on it, though something may be left to remove, or newer code have added something."""
    AHEAD = auto()
    """Newer code may have removed what this code needs."""


class Phase(StrEnum):
    """When a migration is applied, seen from the deploy of the code that it belongs to."""

    PRE = "pre"
    """Before: it adds what old code does not mind, and new code needs."""
    POST = "post"
    """After: it removes what only old code needed."""


def phase_of(revision: str) -> Phase:
    """Tell by a revision's name when it is applied."""
    return Phase.PRE if "_for_" in revision or revision == REVISIONS[0] else Phase.POST


_NEEDED_REVISION = [revision for revision in REVISIONS if phase_of(revision) is Phase.PRE][-1]
"""The newest that adds something: without it this code cannot run."""


def schema_state(engine: Engine) -> SchemaState:
    """Read the schema's version. Raises `NotADatabase` where the tables are another program's."""
    with engine.connect() as connection:
        connection.exec_driver_sql(_READ)
        return state_of(connection)


def prepare(engine: Engine, path: Path, *, create: bool = True) -> None:
    """Make a file's schema current: fresh, or by migrations; without `create` see that it is, and change nothing.

    Nobody else runs on a file: what only older code needed is removed as well. Raises as `change_needed` does.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql(_READ)
        try:
            state = state_of(connection)
        except NotADatabase as error:
            raise NotADatabase(f"{path} is another program's database; name another file.") from error
        left = bool(pending(connection)) if state is SchemaState.CURRENT else False
    if change_needed(state, str(path), create=create) or (create and left):
        with engine.begin() as connection:
            connection.exec_driver_sql(_WRITE)
            make_current(connection)


def change_needed(state: SchemaState, name: str, *, create: bool) -> bool:
    """Whether the schema has to be made or migrated; `create` says whether it may be.

    Raises `SchemaTooNew`; without `create` also `DatabaseMissing` for an empty database, and `StoreUnavailable` for an
    older schema. `name` is the database's.
    """
    match state:
        case SchemaState.CURRENT:
            return False
        case SchemaState.EMPTY if not create:
            raise DatabaseMissing(f"The database {name} is empty: the bot's first start gives it its tables.")
        case SchemaState.BEHIND if not create:
            raise StoreUnavailable(
                f"The database {name} is of an older version; back it up, then run `veobot migrate`."
            )
        case SchemaState.AHEAD:
            raise SchemaTooNew(
                f"The database {name} was written by a newer version of veobot; run that version, or a newer one."
            )
        case SchemaState.EMPTY | SchemaState.BEHIND:
            return True


def make_current(connection: Connection, phase: Phase | None = None) -> None:
    """Make a fresh schema, or migrate an older one, in a transaction that nothing else writes beside.

    In the phase before a deploy an older schema gets what this code needs; otherwise all that this code knows.
    """
    match state_of(connection):
        case SchemaState.EMPTY:
            _create(connection)
        case SchemaState.BEHIND | SchemaState.CURRENT:
            target = _NEEDED_REVISION if phase is Phase.PRE else HEAD_REVISION
            if target in pending(connection):
                migrate(connection, target)
            else:
                _create_cluster(connection)
        case SchemaState.AHEAD:
            pass  # another process was quicker


def apply(connection: Connection, name: str, phase: Phase | None = None) -> None:
    """Apply the migrations of this phase, or of both, as the operator asked. `name` is the database's.

    Raises `SchemaTooNew`; `NotADatabase`; `StoreUnavailable` where an earlier phase is still to come.
    """
    state = state_of(connection)
    change_needed(state, name, create=True)
    if state is SchemaState.BEHIND and phase is Phase.POST:
        raise StoreUnavailable(
            f"The database {name} is of an older version: run `veobot migrate --phase pre`, start this version "
            "everywhere, and then run `veobot migrate --phase post`."
        )
    make_current(connection, phase)


def migrate(connection: Connection, target: str = HEAD_REVISION) -> None:
    """Bring an older or an empty schema up to a version by Alembic's migrations, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415 - the import takes a third of a second and is rarely needed
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
    _create_cluster(connection)


def state_of(connection: Connection) -> SchemaState:
    """Read the schema's version in the connection's transaction. Raises `NotADatabase`."""
    tables = set(connection.scalars(_TABLES[connection.dialect.name]))
    if not tables:
        return SchemaState.EMPTY
    if _version.name not in tables:
        raise NotADatabase
    revision = connection.scalar(_REVISION)
    if revision is not None and revision not in REVISIONS and not _runs(HEAD_REVISION, on=revision):
        return SchemaState.AHEAD
    lacks_tables = connection.dialect.name == "postgresql" and not tables.issuperset(schema.cluster.tables)
    behind = _NEEDED_REVISION in pending(connection) or lacks_tables
    return SchemaState.BEHIND if behind else SchemaState.CURRENT


def pending(connection: Connection) -> Sequence[str]:
    """Return the migrations that this code knows and the database has not had, in the connection's transaction."""
    revision = connection.scalar(_REVISION)
    if revision is None:
        return REVISIONS
    return REVISIONS[REVISIONS.index(revision) + 1 :] if revision in REVISIONS else ()


def _runs(head: str, *, on: str) -> bool:
    """Whether code that knows the revisions up to `head` runs on a schema of a newer one."""
    newer, known = _NAME.fullmatch(on), _NAME.fullmatch(head)
    if newer is None or known is None:
        return False
    return (newer["oldest"] or newer["number"]) <= known["number"]


def _create(connection: Connection) -> None:
    """Make a fresh schema of the newest version."""
    schema.metadata.create_all(connection)
    _create_cluster(connection)
    for trigger in guards.TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(trigger)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=HEAD_REVISION))


def _create_cluster(connection: Connection) -> None:
    """Make what PostgreSQL has beside the rows, where it is missing: no migrations, since all of it may be lost."""
    if connection.dialect.name == "postgresql":
        schema.cluster.create_all(connection)

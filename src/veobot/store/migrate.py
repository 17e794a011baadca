"""The schema's version: which the file has, which this code wants, and the way between.

The versions are Alembic's, in `migrations/versions`. Reading the version and making a fresh schema do without Alembic,
whose import takes a third of a second; a test holds the two ways to the same result.
"""

from enum import Enum, auto
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
    select,
    table,
)

from veobot.core.errors import StoreUnavailable

from . import guards, schema
from .errors import DatabaseMissing, NotADatabase, SchemaTooNew

REVISIONS = ("0001",)
"""Every version this code knows, oldest first."""

HEAD_REVISION = REVISIONS[-1]

MIGRATIONS = Path(__file__).parent / "migrations"

_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table."""

_TABLES = (
    select(column("name", String))
    .select_from(table("sqlite_master"))
    .where(column("type") == "table", column("name", String).not_like("sqlite!_%", escape="!"))
)
"""The names of all tables but SQLite's own. Asked of SQLite's catalogue, since an inspector takes a millisecond."""


_REVISION = select(_version.c.version_num)

_READ = "BEGIN"
_WRITE = "BEGIN IMMEDIATE"
"""Said by ourselves, since the driver begins no transactions: two processes may make the schema at once."""


class SchemaState(Enum):
    """How a database's schema stands to the code."""

    EMPTY = auto()
    BEHIND = auto()
    CURRENT = auto()
    AHEAD = auto()


def schema_state(engine: Engine) -> SchemaState:
    """Read the schema's version. Raises `NotADatabase` where the tables are another program's."""
    with engine.connect() as connection:
        connection.exec_driver_sql(_READ)
        return _state(connection)


def prepare(engine: Engine, path: Path, *, create: bool = True) -> None:
    """Make the schema current: fresh, or by migrations; without `create` see that it is, and change nothing.

    Raises `SchemaTooNew`, `NotADatabase`; without `create` also `DatabaseMissing` for an empty file, and
    `StoreUnavailable` for an older schema. `path` is named.
    """
    try:
        state = schema_state(engine)
    except NotADatabase as error:
        raise NotADatabase(f"{path} is another program's database; name another file.") from error
    match state:
        case SchemaState.CURRENT:
            return
        case SchemaState.EMPTY if create:
            _create(engine)
        case SchemaState.EMPTY:
            raise DatabaseMissing(f"The database {path} is empty: the bot's first start gives it its tables.")
        case SchemaState.BEHIND if create:
            upgrade(engine)
        case SchemaState.BEHIND:
            raise StoreUnavailable(
                f"The database {path} is of an older version; back it up, then run `veobot migrate`."
            )
        case SchemaState.AHEAD:
            raise SchemaTooNew(
                f"The database {path} was written by a newer version of veobot; run that version, or a newer one."
            )


def upgrade(engine: Engine) -> None:
    """Bring an older or an empty schema up to date by Alembic's migrations, in one transaction."""
    from alembic import command  # noqa: PLC0415 - the import takes a third of a second and is rarely needed
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        connection.exec_driver_sql(_WRITE)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _state(connection: Connection) -> SchemaState:
    tables = set(connection.scalars(_TABLES))
    if not tables:
        return SchemaState.EMPTY
    if _version.name not in tables:
        raise NotADatabase
    revision = connection.scalar(_REVISION)
    if revision == HEAD_REVISION:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if revision is None or revision in REVISIONS else SchemaState.AHEAD


def _create(engine: Engine) -> None:
    """Make a fresh schema of the newest version, in one transaction."""
    with engine.begin() as connection:
        connection.exec_driver_sql(_WRITE)
        if _state(connection) is not SchemaState.EMPTY:
            return  # another process was quicker
        schema.metadata.create_all(connection)
        for trigger in guards.TRIGGERS:
            connection.exec_driver_sql(trigger)
        _version.create(connection)
        connection.execute(_version.insert().values(version_num=HEAD_REVISION))

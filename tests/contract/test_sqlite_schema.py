"""What becomes of a SQLite file whose schema is not of today, byte by byte."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from veobot.core.errors import StoreUnavailable
from veobot.store import migrate
from veobot.store.errors import DatabaseMissing, SchemaTooNew
from veobot.store.migrate import HEAD_REVISION, SchemaState, schema_state
from veobot.store.sqlite import SqliteDatabase, open_database


@pytest.fixture
def database(sqlite_database: SqliteDatabase) -> SqliteDatabase:
    return sqlite_database


def engine(path: Path) -> Engine:
    return create_engine(f"sqlite:///{path}")


def schema_of(path: Path) -> dict[str, str]:
    """Every table, index and trigger, white space evened out."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")") for name, sql in rows}


def version_of(path: Path) -> list[tuple[str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


async def test_a_fresh_schema_equals_the_migrated_one(database: SqliteDatabase, tmp_path: Path) -> None:
    migrated = tmp_path / "migrated.db"
    with engine(migrated).begin() as connection:
        migrate.migrate(connection)
    assert schema_of(migrated) == schema_of(database.path)
    assert version_of(migrated) == version_of(database.path) == [(HEAD_REVISION,)]
    assert schema_state(engine(migrated)) is SchemaState.CURRENT
    assert schema_state(database.engine) is SchemaState.CURRENT


def test_an_empty_file_has_an_empty_schema(tmp_path: Path) -> None:
    assert schema_state(engine(tmp_path / "empty.db")) is SchemaState.EMPTY


async def test_an_older_schema_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    assert schema_state(engine(path)) is SchemaState.BEHIND
    await open_database(path, sleep=asyncio.sleep)
    fresh = await open_database(tmp_path / "fresh.db", sleep=asyncio.sleep)
    assert schema_of(path) == schema_of(fresh.path)
    assert version_of(path) == [(HEAD_REVISION,)]


def in_one_file(path: Path) -> bytes:
    """Take a database out of WAL mode, as a copy made by another program may be; return its bytes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path.read_bytes()


@pytest.mark.parametrize("create", [True, False])
async def test_a_refused_database_keeps_its_mode_and_every_byte(
    database: SqliteDatabase, *, create: bool
) -> None:
    database.close()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = in_one_file(database.path)
    with pytest.raises(SchemaTooNew):
        await open_database(database.path, sleep=asyncio.sleep, create=create)
    assert database.path.read_bytes() == before
    assert [file.name for file in database.path.parent.iterdir()] == [database.path.name]


async def test_who_only_looks_leaves_every_byte_and_who_writes_brings_the_log_back(
    database: SqliteDatabase,
) -> None:
    database.close()
    before = in_one_file(database.path)
    looking = await open_database(database.path, sleep=asyncio.sleep, create=False)
    looking.close()
    assert database.path.read_bytes() == before
    assert await database.read(lambda c: c.scalar(text("PRAGMA journal_mode"))) == "wal"


def test_who_only_looks_gives_an_empty_file_no_tables(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with pytest.raises(DatabaseMissing, match=r"is empty: the bot's first start gives it its tables\."):
        asyncio.run(open_database(path, sleep=asyncio.sleep, create=False))
    assert path.read_bytes() == b""


async def test_who_only_looks_migrates_nothing(database: SqliteDatabase) -> None:
    database.close()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM alembic_version")
    before = in_one_file(database.path)
    with pytest.raises(
        StoreUnavailable, match=r"is of an older version; back it up, then run `veobot migrate`\."
    ):
        await open_database(database.path, sleep=asyncio.sleep, create=False)
    assert database.path.read_bytes() == before


async def test_two_processes_may_make_the_schema_at_once(path: Path) -> None:
    first, second = (SqliteDatabase(path, sleep=asyncio.sleep) for _ in range(2))
    await asyncio.gather(first.read(lambda _: None), second.read(lambda _: None))
    migrate.prepare(second.engine, path)
    assert version_of(path) == [(HEAD_REVISION,)]


def test_alembic_is_not_imported_for_a_fresh_or_a_current_database(path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from veobot.store.sqlite import open_database;"
        f"asyncio.run(open_database(Path({str(path)!r}), sleep=asyncio.sleep));"
        "print('alembic' in sys.modules)"
    )
    for _ in ("fresh", "current"):
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ran.stdout == "False\n"

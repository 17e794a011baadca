"""The schema on PostgreSQL: made twice to the same end, and changed under running processes."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from support.newer import ADDS, REMOVES, write_newer_version
from support.postgres import fresh_database
from support.rows import NOON, a_request, admitted, completed
from veobot.core.errors import StoreUnavailable
from veobot.core.status import Closure
from veobot.store import migrate, schema
from veobot.store.errors import DatabaseMissing, NotADatabase, SchemaTooNew
from veobot.store.migrate import HEAD_REVISION
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
FUNCTIONS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


def schema_of(connection: Connection) -> set[Sequence[object]]:
    """Every column, constraint, index, trigger and function."""
    queries = (COLUMNS, CONSTRAINTS, INDEXES, TRIGGERS, FUNCTIONS)
    return {tuple(row) for query in queries for row in connection.execute(text(query))}


@pytest.fixture
def postgres_url(url: str) -> str:
    """A database of the test's own, whose schema it may change."""
    return url


async def version_of(database: PostgresDatabase) -> object:
    return await database.read(lambda c: c.scalar(text("SELECT version_num FROM alembic_version")))


async def test_a_fresh_schema_equals_the_migrated_one(
    postgres_database: PostgresDatabase, empty_url: str
) -> None:
    migrated = PostgresDatabase(empty_url, sleep=asyncio.sleep)
    async with migrated.engine.begin() as connection:
        await connection.run_sync(migrate.migrate)
    assert await migrated.read(schema_of) == await postgres_database.read(schema_of)
    assert await version_of(migrated) == HEAD_REVISION
    await migrated.leave()


async def test_processes_that_start_at_once_make_the_schema_once(empty_url: str) -> None:
    databases = [PostgresDatabase(empty_url, sleep=asyncio.sleep) for _ in range(5)]
    await asyncio.gather(*(database.read(lambda _: None) for database in databases))
    assert await version_of(databases[0]) == HEAD_REVISION
    for database in databases:
        await database.leave()


async def test_what_processes_share_beside_the_rows_is_made_again_where_it_is_missing(
    postgres_database: PostgresDatabase, postgres_url: str
) -> None:
    store = SqlRequestStore(postgres_database)
    request = await admitted(store)
    before = await postgres_database.read(schema_of)
    await postgres_database.write(schema.cluster.drop_all)
    looking = PostgresDatabase(postgres_url, sleep=asyncio.sleep, create=False)
    with pytest.raises(StoreUnavailable, match="run `veobot migrate`"):
        await looking.read(lambda _: None)
    restarted = PostgresDatabase(postgres_url, sleep=asyncio.sleep)
    assert await restarted.read(schema_of) == before
    assert await SqlRequestStore(restarted).get(request.id) == request
    for database in (looking, restarted):
        await database.leave()


async def test_who_only_looks_gives_an_empty_database_no_tables(empty_url: str) -> None:
    database = PostgresDatabase(empty_url, sleep=asyncio.sleep, create=False)
    for _ in range(2):
        with pytest.raises(DatabaseMissing, match=r"is empty: the bot's first start gives it its tables\."):
            await database.read(lambda _: None)
    await database.leave()


async def test_another_program_s_tables_of_the_same_name_are_left_alone(empty_url: str) -> None:
    async with PostgresDatabase(empty_url, sleep=asyncio.sleep).engine.begin() as connection:
        await connection.execute(text("CREATE TABLE requests (recipe TEXT)"))
    database = PostgresDatabase(empty_url, sleep=asyncio.sleep)
    with pytest.raises(NotADatabase, match="has tables of another program; name another database"):
        await database.read(lambda _: None)
    await database.leave()


async def test_another_program_s_other_tables_do_no_harm(empty_url: str) -> None:
    database = PostgresDatabase(empty_url, sleep=asyncio.sleep)
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE recipes (name TEXT)"))
    await admitted(SqlRequestStore(database))
    await database.leave()


async def test_a_database_that_cannot_hold_every_prompt_says_so(postgres_server: str) -> None:
    with fresh_database(postgres_server, encoding="LATIN1") as url:
        database = PostgresDatabase(url, sleep=asyncio.sleep)
        with pytest.raises(NotADatabase, match="make one with ENCODING 'UTF8', and name that"):
            await database.read(lambda _: None)
        await database.leave()


# -- a rolling deploy

NEWER = """
import asyncio, sys
from support.rows import NOON
from veobot.store.migrate import Phase
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore

async def main(url, what):
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    if what == "start":
        print(len(await SqlRequestStore(database).claim_incomplete("newer", NOON)))
    else:
        await database.migrate(None if what == "both" else Phase(what))
    await database.leave()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def newer_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("newer")
    write_newer_version(directory)
    return directory


async def run_newer(version: Path, url: str, what: str) -> str:
    """Let the newer version migrate a phase, or start; return what it prints."""
    path = os.pathsep.join([str(version), str(Path(__file__).parents[1])])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        NEWER,
        url,
        what,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    output, errors = await process.communicate()
    return output.decode() + errors.decode()


async def test_old_code_goes_on_while_newer_code_is_rolled_out(
    postgres_database: PostgresDatabase, postgres_url: str, newer_version: Path
) -> None:
    running = SqlRequestStore(postgres_database)
    request = await completed(running, a_request(1))

    assert await run_newer(newer_version, postgres_url, "pre") == ""

    assert await version_of(postgres_database) == ADDS
    await running.close(request, Closure.DELIVERED, NOON)
    restarted = PostgresDatabase(postgres_url, sleep=asyncio.sleep)
    await admitted(SqlRequestStore(restarted), a_request(2))
    assert await run_newer(newer_version, postgres_url, "start") == "1\n"
    await admitted(running, a_request(3))
    assert await version_of(postgres_database) == ADDS

    assert await run_newer(newer_version, postgres_url, "post") == ""

    assert await version_of(postgres_database) == REMOVES
    assert await run_newer(newer_version, postgres_url, "start") == "2\n"
    too_late = PostgresDatabase(postgres_url, sleep=asyncio.sleep)
    with pytest.raises(SchemaTooNew):
        await too_late.read(lambda _: None)
    for database in (restarted, too_late):
        await database.leave()


async def test_newer_code_that_starts_without_a_migration_adds_and_removes_nothing(
    postgres_database: PostgresDatabase, postgres_url: str, newer_version: Path
) -> None:
    await admitted(SqlRequestStore(postgres_database))
    assert await run_newer(newer_version, postgres_url, "start") == "1\n"
    assert await version_of(postgres_database) == ADDS


async def test_both_phases_are_applied_where_none_is_named(
    postgres_database: PostgresDatabase, postgres_url: str, newer_version: Path
) -> None:
    await postgres_database.read(lambda _: None)
    assert await run_newer(newer_version, postgres_url, "both") == ""
    assert await version_of(postgres_database) == REMOVES


async def test_what_is_after_a_deploy_is_refused_before_it(
    postgres_database: PostgresDatabase, postgres_url: str, newer_version: Path
) -> None:
    await postgres_database.read(lambda _: None)
    assert "run `veobot migrate --phase pre`" in await run_newer(newer_version, postgres_url, "post")
    assert await version_of(postgres_database) == HEAD_REVISION


async def test_a_migration_does_not_stand_in_line_for_a_table_with_everybody_behind_it(
    postgres_database: PostgresDatabase, postgres_url: str, newer_version: Path
) -> None:
    await postgres_database.read(lambda _: None)
    with psycopg.connect(postgres_url) as held:
        held.execute("LOCK TABLE requests IN ACCESS SHARE MODE")
        ended = await run_newer(newer_version, postgres_url, "pre")
    assert "Another process holds the same rows or tables for too long" in ended
    assert await version_of(postgres_database) == HEAD_REVISION


async def test_running_code_whose_columns_are_taken_away_says_that_the_schema_is_too_new(
    postgres_database: PostgresDatabase,
) -> None:
    store = SqlRequestStore(postgres_database)
    request = await admitted(store)
    await postgres_database.write(lambda c: c.execute(text("ALTER TABLE requests DROP COLUMN seed")))
    await postgres_database.write(
        lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    )
    with pytest.raises(ProgrammingError):
        await store.get(request.id)
    with pytest.raises(SchemaTooNew):
        await store.get(request.id)


async def test_a_commit_is_on_the_disk_whatever_the_database_s_default(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    assert await database.read(lambda c: c.scalar(text("SHOW synchronous_commit"))) == "on"
    await database.leave()

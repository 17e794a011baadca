"""The schema's versions: what is made, what is migrated and when, and what older code makes of a newer schema."""

import asyncio
import re
from dataclasses import replace

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, text

from support.rows import NOON, OPTIONS, a_request, admitted, completed
from veobot.core.errors import StoreUnavailable
from veobot.core.status import Closure
from veobot.store.database import Database
from veobot.store.errors import SchemaTooNew
from veobot.store.migrate import HEAD_REVISION, MIGRATIONS, REVISIONS, Phase, phase_of
from veobot.store.opening import database_at
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore
from veobot.store.rows import row_from_request
from veobot.store.schema import requests, submissions
from veobot.store.sqlite import SqliteDatabase


@pytest.fixture
def postgres_url(url: str) -> str:
    """A database of the test's own, whose schema it may change."""
    return url


async def set_version(database: Database, revision: str) -> None:
    statement = text("UPDATE alembic_version SET version_num = :revision")
    await database.write(lambda c: c.execute(statement, {"revision": revision}))


async def version_of(database: Database) -> list[str]:
    return await database.read(lambda c: list(c.scalars(text("SELECT version_num FROM alembic_version"))))


async def open_again(address: str, *, create: bool = True) -> None:
    database = database_at(address, sleep=asyncio.sleep, create=create)
    try:
        await database.read(lambda _: None)
    finally:
        await database.leave()


async def migrated(address: str, phase: Phase | None) -> None:
    """Do what `veobot migrate` does."""
    database = database_at(address, sleep=asyncio.sleep)
    assert isinstance(database, SqliteDatabase | PostgresDatabase)
    try:
        await database.migrate(phase)
    finally:
        await database.leave()


def test_a_request_and_its_submissions_can_be_read_as_one_row() -> None:
    assert not set(requests.c.keys()) & set(submissions.c.keys())


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_heads() == [HEAD_REVISION]
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_a_migration_s_name_tells_its_phase_and_the_oldest_code_that_runs_on_it() -> None:
    oldest = ""
    for position, script in enumerate(reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())), 1):
        number, _, names_oldest = script.revision.partition("_for_")
        assert re.fullmatch(r"\d{4}", number)
        assert int(number) == position
        assert phase_of(script.revision) == script.module.PHASE
        if names_oldest:
            assert names_oldest == oldest, (
                "a migration that only adds is for the same code as the one before it"
            )
        oldest = names_oldest or number


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("revision", ["0004", "0005_for_0004", "9999", "c0ffee", ""])
async def test_a_schema_that_newer_code_may_have_taken_something_from_is_refused_with_a_sentence(
    database: Database, address: str, revision: str, *, create: bool
) -> None:
    await set_version(database, revision)
    with pytest.raises(SchemaTooNew, match=r"was written by a newer version of veobot; run that version"):
        await open_again(address, create=create)
    assert await version_of(database) == [revision]


@pytest.mark.parametrize("revision", ["0004_for_0001", "0007_for_0001"])
async def test_a_schema_that_newer_code_has_only_added_to_is_worked_on_and_stays_as_it_is(
    database: Database, address: str, revision: str
) -> None:
    await database.write(lambda c: c.execute(text("ALTER TABLE requests ADD COLUMN parent_id BIGINT")))
    await database.write(lambda c: c.execute(text("CREATE TABLE members (id BIGINT PRIMARY KEY)")))
    await set_version(database, revision)
    older = database_at(address, sleep=asyncio.sleep)
    store = SqlRequestStore(older)
    request = await completed(store)
    await store.close(request, Closure.DELIVERED, NOON)
    assert (await store.get(request.id)).closed_at == NOON
    await older.leave()
    await open_again(address, create=False)
    assert await version_of(database) == [revision]


async def test_a_row_of_code_that_knows_no_negative_prompt_has_none(
    database: Database, store: SqlRequestStore
) -> None:
    row = row_from_request(a_request())
    del row["negative_prompt"]
    older = Table("requests", MetaData(), *(Column(c.name, c.type) for c in requests.c if c.name in row))
    await database.write(lambda c: c.execute(older.insert().values(row)))
    assert await store.get(a_request().id) == a_request()


async def test_a_database_of_the_first_schema_gets_the_later_columns_and_keeps_its_rows(
    database: Database, store: SqlRequestStore, address: str
) -> None:
    request = await admitted(store, a_request())
    closed = await completed(store, a_request(2))
    await store.close(closed, Closure.DELIVERED, NOON)
    for column in ("negative_prompt", "cancel_requested_at"):
        later = text(f"ALTER TABLE requests DROP COLUMN {column}")
        await database.write(lambda c, later=later: c.execute(later))  # type: ignore[misc]  # bound early
    await set_version(database, "0001")
    await open_again(address)
    assert await version_of(database) == [HEAD_REVISION]
    assert await store.get(request.id) == request
    assert (await store.get(closed.id)).closed
    words = replace(OPTIONS, negative_prompt="rain, umbrellas")
    assert (await admitted(store, a_request(3, options=words))).options == words


async def test_who_only_looks_migrates_nothing(database: Database, address: str) -> None:
    await database.write(lambda c: c.execute(text("DELETE FROM alembic_version")))
    with pytest.raises(
        StoreUnavailable, match=r"is of an older version; back it up, then run `veobot migrate`\."
    ):
        await open_again(address, create=False)
    assert await version_of(database) == []


@pytest.mark.parametrize("phase", [None, *Phase])
async def test_a_current_database_is_left_as_it_is_by_every_phase(
    database: Database, address: str, phase: Phase | None
) -> None:
    request = await admitted(SqlRequestStore(database), a_request())
    await migrated(address, phase)
    assert await version_of(database) == [HEAD_REVISION]
    assert await SqlRequestStore(database).get(request.id) == request

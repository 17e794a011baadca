"""Procrastinate's tables: made by whoever comes first, and used by us in our own words."""

import asyncio
import traceback
from importlib.metadata import version
from importlib.resources import files

import psycopg
import pytest
from procrastinate.sql import queries

from veobot.core.errors import StoreUnavailable
from veobot.workqueue.connections import create_tables, open_pool

KNOWN_VERSION = "3.10"
LAST_MIGRATION = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


async def tables(url: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'procrastinate%' ORDER BY 1"
        )
        return [str(name) for (name,) in await cursor.fetchall()]


def test_our_statements_are_written_for_the_installed_procrastinate() -> None:
    """Where this fails, compare schema.sql and queries.sql with `workqueue/jobs.py` and `workqueue/engine.py`."""
    assert version("procrastinate").startswith(f"{KNOWN_VERSION}.")
    migrations = files("procrastinate.sql") / "migrations"
    assert max(one.name for one in migrations.iterdir() if one.name.endswith(".sql")) == LAST_MIGRATION
    assert "procrastinate_fetch_job_v2" in queries["fetch_job"]
    assert "procrastinate_finish_job_v1" in queries["finish_job"]
    assert "procrastinate_update_heartbeat_v1" in queries["update_heartbeat"]


async def test_any_number_of_processes_may_make_the_tables_at_once(empty_url: str) -> None:
    await asyncio.gather(*(create_tables(empty_url) for _ in range(5)))
    await create_tables(empty_url)
    assert await tables(empty_url) == [
        "procrastinate_events",
        "procrastinate_jobs",
        "procrastinate_periodic_defers",
        "procrastinate_workers",
    ]


async def test_a_server_that_cannot_be_reached_is_told_in_a_sentence() -> None:
    with pytest.raises(StoreUnavailable, match="PostgreSQL cannot be reached"):
        await create_tables("postgresql://postgres@127.0.0.1:1/veobot")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:my%secretpw@127.0.0.1:1/veobot",
        "postgresql://me:secret%ff@127.0.0.1:1/veobot",
        "postgresql://me:secret@127.0.0.1:1/veobot?secret=1",
    ],
)
async def test_an_address_that_cannot_be_understood_is_told_in_a_sentence_without_it(address: str) -> None:
    with pytest.raises(StoreUnavailable) as tables_refused:
        await create_tables(address)
    with pytest.raises(StoreUnavailable) as pool_refused:
        open_pool(address)
    for refused in (tables_refused, pool_refused):
        assert "is no address" in str(refused.value)
        assert "secret" not in "".join(traceback.format_exception_only(refused.value))
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__


async def test_a_user_who_may_make_no_tables_is_told_in_a_sentence(empty_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(empty_url, autocommit=True) as connection:
        await connection.execute("CREATE ROLE veobot_reader LOGIN")
        try:
            reader = empty_url.replace("postgres@", "veobot_reader@")
            with pytest.raises(StoreUnavailable, match="grant it CREATE"):
                await create_tables(reader)
        finally:
            await connection.execute("DROP ROLE veobot_reader")
    assert await tables(empty_url) == []

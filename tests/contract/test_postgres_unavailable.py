"""Where PostgreSQL cannot be used, that is said in a sentence, and the same store works again afterwards."""

import asyncio
import signal
from contextlib import ExitStack, suppress

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from support.postgres import PostgresServer
from support.postgres_mishaps import (
    PASSWORD,
    REQUEST,
    UNREACHABLE,
    WRONG,
    ask,
    assert_no_secret,
    database,
    unavailable,
    url,
)
from support.rows import EVERYTHING, NOON, a_request, admitted
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore

__all__ = ["database", "url"]


# -- the server is not there


async def test_a_server_that_does_not_run_is_named_and_found_again(
    own_server: PostgresServer, database: PostgresDatabase, store: SqlRequestStore
) -> None:
    own_server.stop()
    try:
        with unavailable(UNREACHABLE):
            await store.admit(REQUEST, EVERYTHING, lambda _: None)
        with unavailable(rf"{database.name} \(connection to server .* Connection refused\)"):
            await store.claim(REQUEST.id, "second", NOON)
    finally:
        own_server.start()
    await admitted(store, REQUEST)


async def test_a_store_can_be_made_before_its_server_runs(own_server: PostgresServer, url: str) -> None:
    own_server.stop()
    try:
        database = PostgresDatabase(url, sleep=asyncio.sleep)
        with unavailable(UNREACHABLE):
            await database.read(lambda _: None)
    finally:
        own_server.start()
    await admitted(SqlRequestStore(database), REQUEST)
    await database.leave()


async def test_a_server_that_was_started_again_between_two_transactions_costs_nobody_anything(
    own_server: PostgresServer, store: SqlRequestStore
) -> None:
    await asyncio.gather(*(admitted(store, a_request(number)) for number in range(8)))
    own_server.stop(signal.SIGQUIT)
    own_server.start()
    answers = await asyncio.gather(*(store.get(a_request(number).id) for number in range(8)))
    assert len(answers) == 8
    await admitted(store, a_request(9))


async def test_a_transaction_whose_server_is_killed_between_two_statements_is_not_half_done(
    own_server: PostgresServer, database: PostgresDatabase, store: SqlRequestStore
) -> None:
    request = await admitted(store, REQUEST)
    kills = iter([True])

    def be_killed(connection: Connection) -> None:
        connection.execute(text("UPDATE requests SET failure_detail = 'half done'"))
        if next(kills, False):
            own_server.stop(signal.SIGQUIT)
        connection.execute(text("UPDATE requests SET failure_detail = 'done'"))

    try:
        with unavailable(UNREACHABLE):
            await database.write(be_killed)
    finally:
        own_server.start()
    assert await store.get(request.id) == request


async def test_a_name_that_leads_nowhere_is_named(url: str) -> None:
    database = PostgresDatabase(url.replace("127.0.0.1", "nowhere.invalid"), sleep=asyncio.sleep)
    with unavailable(
        r"nowhere\.invalid.* \(failed to resolve host 'nowhere\.invalid'.*\); look whether it runs"
    ):
        await database.read(lambda _: None)


# -- the server turns us away


async def test_a_wrong_password_is_named_and_a_right_one_lets_in(
    own_server: PostgresServer, url: str
) -> None:
    ask(own_server.url, f"CREATE ROLE careful LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    own_server.let_in("host all careful 127.0.0.1/32 scram-sha-256")
    address = url.replace("postgres@", f"careful:{WRONG}@")
    database = PostgresDatabase(address, sleep=asyncio.sleep)
    with unavailable(r"^PostgreSQL does not accept the password in VEOBOT_DATABASE_URL\.$"):
        await database.read(lambda _: None)
    ask(own_server.url, f"ALTER ROLE careful PASSWORD '{WRONG}'")
    await database.read(lambda _: None)
    await database.leave()
    with unavailable(r"^PostgreSQL does not accept the password in VEOBOT_DATABASE_URL\.$"):
        await PostgresDatabase(url.replace("postgres@", "careful@"), sleep=asyncio.sleep).read(lambda _: None)


@pytest.mark.parametrize("rule", ["host all ghost 127.0.0.1/32 trust", "host all ghost 127.0.0.1/32 reject"])
async def test_a_user_that_is_not_let_in_is_named(own_server: PostgresServer, url: str, rule: str) -> None:
    own_server.let_in(rule)
    database = PostgresDatabase(url.replace("postgres@", "ghost@"), sleep=asyncio.sleep)
    with unavailable(
        r"^PostgreSQL does not let this user in: look at VEOBOT_DATABASE_URL and .* pg_hba\.conf\.$"
    ):
        await database.read(lambda _: None)


async def test_a_missing_database_is_named_and_used_once_it_is_there(
    own_server: PostgresServer, url: str
) -> None:
    database = PostgresDatabase(f"{url}_missing", sleep=asyncio.sleep)
    with unavailable(
        r"^The database named in VEOBOT_DATABASE_URL does not exist: create it, or name another\.$"
    ):
        await database.read(lambda _: None)
    name = url.rpartition("/")[2] + "_missing"
    ask(
        own_server.url,
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    await admitted(SqlRequestStore(database), REQUEST)
    await database.leave()
    ask(own_server.url, f"DROP DATABASE {name}")


async def test_a_user_without_rights_is_told_which_to_grant(
    own_server: PostgresServer, database: PostgresDatabase, url: str
) -> None:
    ask(own_server.url, "CREATE ROLE guest LOGIN")
    guest = PostgresDatabase(url.replace("postgres@", "guest@"), sleep=asyncio.sleep)
    with unavailable(
        r"^The database's user may not do this: grant it the database, its schema and its tables\.$"
    ):
        await guest.read(lambda _: None)
    await database.write(lambda c: c.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest")))
    await database.write(lambda c: c.execute(text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest")))
    await admitted(SqlRequestStore(guest), REQUEST)
    await guest.leave()


async def test_a_server_with_no_connection_left_says_so(
    own_server: PostgresServer, database: PostgresDatabase, store: SqlRequestStore
) -> None:
    await database.leave()
    with ExitStack() as taken:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            take_all_connections(own_server.url, taken)
        with unavailable(
            r"^PostgreSQL has no connection left: raise max_connections, or run fewer processes\.$"
        ):
            await admitted(store, REQUEST)
    await until_let_in(own_server.url)
    await admitted(store, REQUEST)


async def until_let_in(url: str) -> None:
    """Wait until the server has noticed that its clients are gone."""
    while True:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return
        await asyncio.sleep(0.01)


def take_all_connections(url: str, taken: ExitStack) -> None:
    while True:
        taken.enter_context(psycopg.connect(url))


async def test_a_read_only_server_is_named_and_another_is_looked_for(
    own_server: PostgresServer, database: PostgresDatabase, store: SqlRequestStore, url: str
) -> None:
    name = url.rpartition("/")[2]
    ask(own_server.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await database.leave()
    for _ in range(2):
        with unavailable(
            r"^PostgreSQL is read-only: VEOBOT_DATABASE_URL names a standby, or a failover is under way"
        ):
            await store.admit(REQUEST, EVERYTHING, lambda _: None)
    ask(own_server.url, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await admitted(store, REQUEST)


# -- what an error says


async def test_a_broken_rule_is_named_without_the_row(
    database: PostgresDatabase, store: SqlRequestStore
) -> None:
    await admitted(store, REQUEST)
    with pytest.raises(IntegrityError, match="requests_charge") as raised:
        await database.write(lambda c: c.execute(text("UPDATE requests SET charged_micro_usd = -1")))
    assert_no_secret(raised.value)


def test_a_database_s_name_has_no_password_in_it() -> None:
    database = PostgresDatabase(f"postgres://bot:{PASSWORD}@db.example/veobot", sleep=asyncio.sleep)
    assert database.name == "postgresql://bot:***@db.example/veobot"
    assert PASSWORD not in repr(database.engine)

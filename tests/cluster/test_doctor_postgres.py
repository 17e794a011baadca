"""`veobot doctor` on a real PostgreSQL: each thing that can be wrong with it has a sentence and a remedy."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from aiohttp.test_utils import unused_port

from support import postgres
from support.postgres import PostgresServer, fresh_database, running_server
from veobot.config import Settings, load_settings
from veobot.doctor import State, diagnose
from veobot.doctor.findings import Finding
from veobot.doctor.postgres import postgres_findings
from veobot.store.postgres import PostgresDatabase

NEEDED = {
    "VEOBOT_DISCORD_TOKEN": "MTQ0.token",
    "VEOBOT_GOOGLE_PROJECT": "my-project-123",
    "VEOBOT_BUCKET": "my-videos",
}
WHO_IS_LET_IN = "host all outsider all reject\nhost all member all scram-sha-256\nhost all all all trust\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own, with one user who needs a password, and one who is not let in."""
    with running_server() as server:
        run(server.url, "CREATE ROLE guest LOGIN", "CREATE ROLE outsider LOGIN")
        run(server.url, "CREATE ROLE member LOGIN PASSWORD 'right-password'")
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            row = connection.execute("SHOW hba_file").fetchone()
            assert row is not None
            Path(row[0]).write_text(WHO_IS_LET_IN)
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def url(server: PostgresServer) -> Iterator[str]:
    with fresh_database(server.url) as url:
        yield url


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def where(url: str) -> str:
    return url.rpartition("/")[0].rpartition("@")[2]


def as_user(url: str, user: str) -> str:
    return url.replace("//postgres@", f"//{user}@")


def run(url: str, *statements: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def migrate(url: str) -> None:
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    await database.read(lambda _: None)
    await database.leave()


def settings(url: str) -> Settings:
    return load_settings({**NEEDED, "VEOBOT_DATABASE_URL": url})


async def found(url: str) -> list[Finding]:
    return await postgres_findings(settings(url))


async def problem(url: str) -> tuple[State, str, str]:
    """The one thing that is not well: how bad, the sentence, and what mends it."""
    [finding] = [f for f in await found(url) if f.state in {State.WRONG, State.WARNING}]
    assert finding.fix is not None
    return finding.state, finding.sentence, finding.fix


async def test_a_fresh_database_and_a_current_one_are_well(url: str) -> None:
    fresh = await found(url)
    assert [f.state for f in fresh] == [State.OK] * 5
    assert fresh[3].sentence == f"The database {name_of(url)} has no tables yet: the first start makes them."
    await migrate(url)
    current = await found(url)
    assert [f.state for f in current] == [State.OK] * 5
    assert current[3].sentence == f"The tables in {name_of(url)} are current."


async def test_an_older_schema_is_to_be_migrated(url: str) -> None:
    await migrate(url)
    run(url, "DELETE FROM alembic_version")
    state, sentence, fix = await problem(url)
    assert (state, sentence) == (State.WARNING, f"The tables in {name_of(url)} are of an older version.")
    assert "veobot migrate" in fix


async def test_a_newer_schema_is_refused(url: str) -> None:
    await migrate(url)
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    state, sentence, fix = await problem(url)
    assert (state, sentence) == (
        State.WRONG,
        f"The tables in {name_of(url)} were made by a newer version of veobot.",
    )
    assert fix.startswith("Run that version")


async def test_another_programs_tables_are_not_taken_for_ours(url: str) -> None:
    run(url, "CREATE TABLE requests (title text)")
    state, sentence, fix = await problem(url)
    assert (state, sentence) == (
        State.WRONG,
        f"The database {name_of(url)} has tables of another program by the names that veobot uses.",
    )
    assert "Name another database" in fix


async def test_a_wrong_password_is_said_without_the_password(url: str) -> None:
    address = as_user(url, "member:wrong-password")
    state, sentence, fix = await problem(address)
    assert (state, sentence) == (State.WRONG, "PostgreSQL does not accept the password of the user member.")
    assert fix.endswith("ALTER ROLE member PASSWORD '…'.")
    report = await diagnose(settings(address))
    assert "wrong-password" not in str(report)
    assert any(finding.sentence == sentence for finding in report.findings)


@pytest.mark.parametrize("user", ["outsider", "stranger"])
async def test_a_user_who_is_not_let_in_is_named(url: str, user: str) -> None:
    state, sentence, fix = await problem(as_user(url, user))
    assert (state, sentence) == (State.WRONG, f"PostgreSQL does not let the user {user} in.")
    assert "pg_hba.conf" in fix


async def test_a_database_that_does_not_exist_is_to_be_created(url: str) -> None:
    state, sentence, fix = await problem(f"{url}_lost")
    assert (state, sentence) == (State.WRONG, f"There is no database {name_of(url)}_lost at {where(url)}.")
    assert f"CREATE DATABASE {name_of(url)}_lost OWNER postgres" in fix


async def test_a_database_that_the_user_may_not_connect_to(url: str) -> None:
    run(url, f"REVOKE CONNECT ON DATABASE {name_of(url)} FROM PUBLIC")
    state, sentence, fix = await problem(as_user(url, "guest"))
    assert (state, sentence) == (
        State.WRONG,
        f"The user guest may not connect to the database {name_of(url)}.",
    )
    assert f"GRANT CONNECT ON DATABASE {name_of(url)} TO guest" in fix


async def test_a_server_that_is_not_there_costs_the_other_checks() -> None:
    port = unused_port()
    findings = await found(f"postgresql://postgres@127.0.0.1:{port}/veobot")
    assert [f.state for f in findings] == [State.WRONG, *[State.SKIPPED] * 4]
    assert findings[0].sentence.startswith(f"PostgreSQL cannot be reached at 127.0.0.1:{port}")
    assert "Connection refused" in findings[0].sentence
    assert "firewall" in str(findings[0].fix)


async def test_a_schema_in_which_the_user_may_create_nothing(url: str) -> None:
    run(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    state, sentence, fix = await problem(as_user(url, "guest"))
    assert (state, sentence) == (
        State.WRONG,
        f"The user guest may not create tables in the schema public of {name_of(url)}.",
    )
    assert fix == "Let it: GRANT USAGE, CREATE ON SCHEMA public TO guest."


async def test_tables_that_the_user_may_not_write(url: str) -> None:
    await migrate(url)
    run(
        url,
        "GRANT USAGE, CREATE ON SCHEMA public TO guest",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest",
        "REVOKE UPDATE ON submissions FROM guest",
    )
    state, sentence, fix = await problem(as_user(url, "guest"))
    assert (state, sentence) == (State.WRONG, "The user guest may not UPDATE in the table submissions.")
    assert "ON ALL TABLES IN SCHEMA public TO guest" in fix


async def test_an_encoding_that_cannot_hold_every_prompt(server: PostgresServer) -> None:
    run(server.url, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    state, sentence, fix = await problem(server.url_of("latin"))
    assert (state, sentence) == (
        State.WRONG,
        "The database latin is kept in LATIN1, which has no room for every prompt.",
    )
    assert "ENCODING 'UTF8'" in fix


async def test_a_server_with_few_connections_and_a_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres._SETTINGS, "max_connections", "20")
    with running_server() as small:
        state, sentence, fix = await problem(small.url)
        assert state is State.WARNING
        assert sentence == "Only 16 connections are free; one more process takes up to 25."
        assert "max_connections" in fix
        small.stop()
        (small._data / "standby.signal").touch()
        small.start()
        [standby] = [f for f in await found(small.url) if f.state is State.WRONG]
    assert standby.sentence == f"The server at 127.0.0.1:{small.port} is a standby, which takes no writes."
    assert standby.fix == "Name the primary server in VEOBOT_DATABASE_URL."

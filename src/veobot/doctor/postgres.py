"""The PostgreSQL database: reached, new enough, writable by the bot's user, with the right schema, and with room."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, make_url, text
from sqlalchemy.exc import DBAPIError

from veobot.config import Settings
from veobot.store.errors import NotADatabase, PostgresMissing
from veobot.store.migrate import SchemaState, state_of
from veobot.store.opening import postgres_at
from veobot.store.postgres_errors import meaning_of
from veobot.store.postgres_errors import state_of as sqlstate_of
from veobot.store.schema import cluster, metadata

from .findings import Finding, not_tried, ok, warning, wrong

OLDEST_VERSION = 13
"""What Procrastinate needs; the rows themselves ask for nothing newer."""

CONNECTIONS_OF_A_PROCESS = 25
"""At most, with all that it may do under way at once: rows 8, commands 4, what is shared 3, jobs 8, listening 2."""

_SERVER, _VERSION, _RIGHTS, _SCHEMA, _ROOM = (
    "PostgreSQL", "Version of PostgreSQL", "Rights in the database", "Tables", "Connections",
)  # fmt: skip
_AFTER_THE_SERVER = (_VERSION, _RIGHTS, _SCHEMA, _ROOM)


_NETWORK_FIX = "See whether it runs there, listens on that address, and is not behind a firewall."


@dataclass(frozen=True, slots=True)
class _Address:
    """What the sentences name of the address."""

    where: str
    user: str
    database: str


_REFUSALS = {
    "28P01": (
        "PostgreSQL does not accept the password of the user {user}.",
        "Put the right one into VEOBOT_DATABASE_URL, or give the user a new one: ALTER ROLE {user} PASSWORD '…'.",
    ),
    "28000": (
        "PostgreSQL does not let the user {user} in.",
        "Create it (CREATE ROLE {user} LOGIN PASSWORD '…'), or let it in from this machine in pg_hba.conf.",
    ),
    "3D000": (
        "There is no database {database} at {where}.",
        "Create it: CREATE DATABASE {database} OWNER {user} ENCODING 'UTF8' TEMPLATE template0.",
    ),
    "42501": (
        "The user {user} may not connect to the database {database}.",
        "Let it: GRANT CONNECT ON DATABASE {database} TO {user}.",
    ),
    "53300": (
        "PostgreSQL has no connection left for another process.",
        "Raise max_connections on the server, or run fewer processes.",
    ),
    "57P03": ("PostgreSQL is just starting or stopping.", "Try again in a minute."),
}
"""Who is turned away while connecting, by SQLSTATE."""

_FACTS = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS version,
        current_setting('server_version') AS version_name,
        current_setting('server_encoding') AS encoding,
        pg_is_in_recovery() AS standby,
        current_schema() AS schema,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS allowed,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used
""")

_MISSING_RIGHTS = text("""
    SELECT tables.tablename, rights.name
    FROM pg_tables AS tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS rights (name)
    WHERE tables.schemaname = current_schema()
        AND (tables.tablename = ANY(:ours)
            OR tables.tablename LIKE 'procrastinate\\_%')
        AND NOT has_table_privilege(format('%I.%I', tables.schemaname, tables.tablename), rights.name)
    ORDER BY tables.tablename
""")


async def postgres_findings(settings: Settings) -> list[Finding]:
    """Connect, and look; changes nothing."""
    url = make_url(settings.database_url)
    where = f"{url.host or 'the local socket'}:{url.port or 5432}"
    address = _Address(where, url.username or "of this process", url.database or "")
    try:
        database = postgres_at(settings.database_url, sleep=asyncio.sleep, create=False)
    except PostgresMissing as error:
        fix = "Install them: pip install --require-hashes -r requirements/postgres.txt."
        return [wrong(_SERVER, f"{str(error).partition(';')[0]}.", fix), *_nothing_else()]
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(lambda c: _examined(c, address))
    except (DBAPIError, OSError) as error:
        return [_refusal(error, address), *_nothing_else()]
    finally:
        await database.leave()


def _nothing_else() -> list[Finding]:
    return [not_tried(check, "PostgreSQL was not reached") for check in _AFTER_THE_SERVER]


def _refusal(error: DBAPIError | OSError, address: _Address) -> Finding:
    sentence, fix = _REFUSALS.get(sqlstate_of(error) or "", ("", ""))
    if sentence:
        names = {"user": address.user, "database": address.database, "where": address.where}
        return wrong(_SERVER, sentence.format_map(names), fix.format_map(names))
    meaning = str(meaning_of(error, address.where, committing=False)).partition("; ")[0].rstrip(".")
    return wrong(_SERVER, f"{meaning}.", _NETWORK_FIX)


def _examined(connection: Connection, address: _Address) -> list[Finding]:
    facts = connection.execute(_FACTS).mappings().one()
    return [
        _server(facts, address),
        _version(facts),
        _rights(connection, facts, address),
        _schema(connection, address),
        _room(facts),
    ]


def _server(facts: RowMapping, address: _Address) -> Finding:
    if facts["standby"]:
        sentence = f"The server at {address.where} is a standby, which takes no writes."
        return wrong(_SERVER, sentence, "Name the primary server in VEOBOT_DATABASE_URL.")
    return ok(_SERVER, f"PostgreSQL answers at {address.where}.")


def _version(facts: RowMapping) -> Finding:
    name = str(facts["version_name"]).split(" ")[0]
    if facts["version"] < OLDEST_VERSION:
        sentence = f"PostgreSQL {name} is too old."
        return wrong(_VERSION, sentence, f"Upgrade the server to PostgreSQL {OLDEST_VERSION} or newer.")
    return ok(_VERSION, f"PostgreSQL {name} is new enough.")


def _rights(connection: Connection, facts: RowMapping, address: _Address) -> Finding:
    user, database = address.user, address.database
    if facts["encoding"] != "UTF8":
        sentence = (
            f"The database {database} is kept in {facts['encoding']}, which has no room for every prompt."
        )
        fix = f"Create another: CREATE DATABASE … OWNER {user} ENCODING 'UTF8' TEMPLATE template0."
        return wrong(_RIGHTS, sentence, fix)
    if not facts["may_create"]:
        schema = facts["schema"] or "public"
        sentence = f"The user {user} may not create tables in the schema {schema} of {database}."
        return wrong(_RIGHTS, sentence, f"Let it: GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}.")
    ours = [*metadata.tables, *cluster.tables]
    missing = connection.execute(_MISSING_RIGHTS, {"ours": ours}).all()
    if missing:
        table, right = missing[0]
        sentence = f"The user {user} may not {right} in the table {table}."
        fix = f"Let it: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {facts['schema']} TO {user}."
        return wrong(_RIGHTS, sentence, fix)
    return ok(_RIGHTS, f"The user {user} may do all it needs in the database {database}.")


def _schema(connection: Connection, address: _Address) -> Finding:
    name = address.database
    try:
        state = state_of(connection)
    except NotADatabase:
        sentence = f"The database {name} has tables of another program by the names that veobot uses."
        return wrong(_SCHEMA, sentence, "Name another database in VEOBOT_DATABASE_URL.")
    match state:
        case SchemaState.CURRENT:
            return ok(_SCHEMA, f"The tables in {name} are current.")
        case SchemaState.EMPTY:
            return ok(_SCHEMA, f"The database {name} has no tables yet: the first start makes them.")
        case SchemaState.BEHIND:
            fix = "Back it up, then run `veobot migrate`; `veobot run` also does it by itself."
            return warning(_SCHEMA, f"The tables in {name} are of an older version.", fix)
        case SchemaState.AHEAD:
            sentence = f"The tables in {name} were made by a newer version of veobot."
            return wrong(_SCHEMA, sentence, "Run that version, or a newer one; or restore an older backup.")


def _room(facts: RowMapping) -> Finding:
    free = facts["allowed"] - facts["used"]
    if free < CONNECTIONS_OF_A_PROCESS:
        sentence = (
            f"Only {free} connections are free; one more process takes up to {CONNECTIONS_OF_A_PROCESS}."
        )
        return warning(_ROOM, sentence, "Raise max_connections on the server, or run fewer processes.")
    return ok(_ROOM, f"{free} of {facts['allowed']} connections are free.")

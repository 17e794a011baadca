"""Writes a database of today's schema, full of requests in every state, as SQL.

    PYTHONPATH=tests python -m upgrade.write

It is for a new schema, before its release, and for a new word (a status, a failure …) in a released one: that gets a
second file, `python -m upgrade.write 0001-2`. What has been written never changes: it is what users have.
"""

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from upgrade.dumps import DATABASES
from upgrade.pen import Pen
from upgrade.states import write_states
from veobot.store.migrate import HEAD_REVISION
from veobot.store.sqlite import open_database

_BESIDE_TABLES = ("CREATE INDEX", "CREATE TRIGGER")


async def write(file: Path) -> None:
    """Write the dump. Raises FileExistsError where there is one."""
    with tempfile.TemporaryDirectory() as directory:
        database = await open_database(Path(directory) / "veobot.db", sleep=asyncio.sleep)
        await write_states(Pen(database))
        database.close()
        with closing(sqlite3.connect(database.path)) as connection:
            statements = list(connection.iterdump())
    with file.open("x", encoding="utf-8") as new:
        new.writelines(f"{statement}\n" for statement in _in_order(statements))


def _in_order(statements: list[str]) -> list[str]:
    """Sort the indexes and triggers, which a fresh schema makes in any order."""
    *others, commit = [s for s in statements if not s.startswith(_BESIDE_TABLES)]
    return [*others, *sorted(s for s in statements if s.startswith(_BESIDE_TABLES)), commit]


def main(arguments: list[str]) -> int:
    """Write `databases/<name>.sql`; the name is the schema's version, unless it is given."""
    name = arguments[0] if arguments else HEAD_REVISION
    if name.partition("-")[0] != HEAD_REVISION:
        print(f"Today's schema is {HEAD_REVISION}: {name} would be no database of it.", file=sys.stderr)
        return 2
    try:
        asyncio.run(write(DATABASES / f"{name}.sql"))
    except FileExistsError:
        print(f"{name}.sql is there already, and a released database never changes.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

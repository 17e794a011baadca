"""Where the database cannot be used, that is said in a sentence, nothing is half done, and it is tried again."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from support.rows import NOON, a_request, admitted, completed
from veobot.core.errors import StoreUnavailable
from veobot.core.request import VideoRequest
from veobot.core.status import DeliveryRoute
from veobot.store.errors import DatabaseMissing, NotADatabase, StoreBusy
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import BUSY_WAITS_SECONDS, SqliteDatabase, open_database

SECONDS_TO_ANSWER_DISCORD = 3.0


@pytest.fixture
def database(sqlite_database: SqliteDatabase) -> SqliteDatabase:
    return sqlite_database


class Sleeper:
    """Counts the waits; `then` runs at the third."""

    def __init__(self) -> None:
        self.waited_seconds: list[float] = []
        self.then: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.waited_seconds.append(seconds)
        if len(self.waited_seconds) == 3:
            self.then()


# -- another program writes


async def test_a_writer_waits_on_the_loop_until_another_has_committed(path: Path) -> None:
    sleeper = Sleeper()
    store = SqlRequestStore(await open_database(path, sleep=sleeper.sleep))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sleeper.then = lambda: other.execute("COMMIT").close()
    await admitted(store)
    assert len(sleeper.waited_seconds) == 3


async def test_a_writer_gives_up_while_discord_still_waits(path: Path) -> None:
    sleeper = Sleeper()
    store = SqlRequestStore(await open_database(path, sleep=sleeper.sleep))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="Another program is holding the database"):
        await admitted(store)
    assert sleeper.waited_seconds == list(BUSY_WAITS_SECONDS)
    assert sum(BUSY_WAITS_SECONDS) < SECONDS_TO_ANSWER_DISCORD
    other.execute("ROLLBACK")
    await admitted(store)


async def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    sleeper = Sleeper()
    store = SqlRequestStore(await open_database(path, sleep=sleeper.sleep))
    request = await admitted(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await store.get(request.id) == request
    assert sleeper.waited_seconds == []


HOLD_THE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


async def test_a_writer_waits_for_another_process(path: Path) -> None:
    waited = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waited.set()
        await asyncio.sleep(seconds)

    store = SqlRequestStore(await open_database(path, sleep=sleep))
    arguments = (sys.executable, "-c", HOLD_THE_LOCK, str(path))
    holder = await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    admitting = asyncio.create_task(admitted(store))
    await waited.wait()
    assert not admitting.done()
    await holder.communicate(b"go\n")
    assert (await admitting).id == a_request().id


# -- the disk


async def admit_without_end(store: SqlRequestStore, accepted: list[VideoRequest]) -> None:
    for number in range(1, 1000):
        accepted.append(await admitted(store, a_request(number)))  # noqa: PERF401 - the last one raises


async def test_a_full_disk_refuses_and_changes_nothing(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    earlier = await completed(store, a_request(0))
    await database.write(_fill_the_disk)
    accepted: list[VideoRequest] = []
    with pytest.raises(StoreUnavailable, match=r"The disk is full: the database .* free some space"):
        await admit_without_end(store, accepted)
    refused = a_request(len(accepted) + 1)
    with pytest.raises(KeyError):
        await store.get(refused.id)
    assert await store.get(earlier.id) == earlier
    await database.write(lambda c: c.execute(text("PRAGMA max_page_count = 100000")))
    await admitted(store, refused)
    assert len(await store.claim_incomplete("second", NOON)) == len(accepted) + 2


async def test_a_transaction_is_whole_or_not_at_all_on_a_full_disk(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    request = await completed(store, a_request(0))

    def close_and_fill(connection: Connection) -> None:
        connection.execute(text("UPDATE requests SET delivery_route = 'edit', delivery_started_at = 1"))
        connection.execute(text("UPDATE requests SET failure_detail = zeroblob(10000000)"))

    await database.write(_fill_the_disk)
    with pytest.raises(StoreUnavailable):
        await database.write(close_and_fill)
    assert await store.get(request.id) == request


async def test_a_transaction_that_cannot_even_be_rolled_back_stops_no_other(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    request = await admitted(store)

    def fail(connection: Connection) -> None:
        connection.execute(text("UPDATE requests SET prompt = 'half done'"))
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.close()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    assert await store.get(request.id) == request


def _fill_the_disk(connection: Connection) -> None:
    pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    connection.execute(text(f"PRAGMA max_page_count = {pages}"))


async def test_a_database_that_cannot_be_written_says_so(
    database: SqliteDatabase, store: SqlRequestStore
) -> None:
    request = await completed(store)
    await database.read(lambda c: c.execute(text("PRAGMA query_only = ON")))
    with pytest.raises(
        StoreUnavailable, match="cannot be written; check the file's and directory's permissions"
    ):
        await store.begin_delivery(request, DeliveryRoute.EDIT, NOON)
    # The file is opened again, and is writable by now.
    await store.begin_delivery(request, DeliveryRoute.EDIT, NOON)


async def test_a_directory_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"The directory .* cannot be made: File exists"):
        await open_database(tmp_path / "file" / "veobot.db", sleep=asyncio.sleep)


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened: Is a directory"):
        await open_database(tmp_path, sleep=asyncio.sleep)


# -- the file


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def move_away(path: Path) -> None:
    path.rename(path.with_suffix(".before"))


async def test_a_file_that_is_no_database_says_so_and_is_left_alone(path: Path) -> None:
    letter = b"This is a letter to my aunt. " * 1000
    write(path, letter)
    with pytest.raises(NotADatabase, match="is not a database; move it away or name another"):
        await open_database(path, sleep=asyncio.sleep)
    assert read(path) == letter


async def test_another_programs_database_says_so_and_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    before = read(path)
    with pytest.raises(NotADatabase, match="is another program's database"):
        await open_database(path, sleep=asyncio.sleep)
    assert read(path) == before
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


async def test_a_refused_file_may_be_exchanged_for_a_good_one(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    store = SqlRequestStore(SqliteDatabase(path, sleep=asyncio.sleep))
    with pytest.raises(NotADatabase):
        await store.claim_incomplete("second", NOON)
    move_away(path)
    await admitted(store)


async def test_a_damaged_database_says_so_and_a_mended_one_works_again(path: Path) -> None:
    database = await open_database(path, sleep=asyncio.sleep)
    store = SqlRequestStore(database)
    for number in range(50):
        await admitted(store, a_request(number))
    database.close()
    whole = read(path)
    write(path, whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(StoreUnavailable, match="is damaged; restore it from a backup"):
        await store.claim_incomplete("second", NOON)
    write(path, whole)
    assert len(await store.claim_incomplete("second", NOON)) == 50


async def test_a_store_can_be_made_before_its_database_can_be_read(path: Path) -> None:
    write(path, b"no database" * 1000)
    store = SqlRequestStore(SqliteDatabase(path, sleep=asyncio.sleep))
    with pytest.raises(NotADatabase):
        await store.claim_incomplete("second", NOON)
    write(path, b"")
    assert await store.claim_incomplete("second", NOON) == []


async def test_a_missing_database_is_not_made_by_who_only_looks(path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="There is no database at"):
        await open_database(path, sleep=asyncio.sleep, create=False)
    assert not path.parent.exists()

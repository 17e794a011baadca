"""The connection by which a process is called when a slot is free: made with just what the address says."""

import asyncio
from contextlib import closing

import psycopg
import pytest

from support.postgres import running_server
from veobot.core.limits import Limits
from veobot.store.postgres import PostgresDatabase
from veobot.store.slots import SqlSlotBook


@pytest.mark.parametrize(
    ("password", "written"), [("open sesame", "open%20sesame"), ("100%20@/", "100%2520%40%2F")]
)
async def test_a_password_with_any_sign_in_it_lets_a_process_listen(password: str, written: str) -> None:
    with running_server() as server:
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(f"CREATE ROLE member LOGIN PASSWORD '{password}'".encode())
            server.let_in("host all member 127.0.0.1/32 scram-sha-256")
            connection.execute("SELECT pg_reload_conf()")
        url = f"postgresql://member:{written}@127.0.0.1:{server.port}/postgres"
        failed = asyncio.Event()
        listening = asyncio.Event()

        async def sleep(_: float) -> None:
            failed.set()
            await asyncio.Event().wait()

        database = PostgresDatabase(url, sleep=asyncio.sleep)
        book = SqlSlotBook(database, "me", 1, Limits(), sleep=sleep)
        tasks = [
            asyncio.create_task(work)
            for work in (book.listen(listening.set), failed.wait(), listening.wait())
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await database.leave()
        assert listening.is_set()

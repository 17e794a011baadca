"""What the tests of a PostgreSQL that cannot be used have in common."""

import asyncio
import os
import signal
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from support.postgres import PostgresServer, fresh_database
from support.rows import a_request
from veobot.core.errors import StoreUnavailable
from veobot.store.postgres import PostgresDatabase

CANCEL_SECONDS = 10.0
"""What the driver spends on a server that does not even cancel."""
SLACK_SECONDS = 5.0
PASSWORD = "hunter2-is-secret"
WRONG = "hunter3-is-secret"
REQUEST = replace(a_request(), prompt="a secret prompt", interaction_token="a secret token")
UNREACHABLE = r"at postgresql://.*; look whether it runs\."


@pytest.fixture
def url(own_server: PostgresServer) -> Iterator[str]:
    """The address of a database on a server that may be stopped and killed."""
    with fresh_database(own_server.url) as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    """A database on that server, with its tables made."""
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    await database.read(lambda _: None)
    yield database
    await database.leave()


@contextmanager
def unavailable(match: str) -> Iterator[None]:
    """Expect that the database cannot be used, in these words, and that no word of it is a secret."""
    with pytest.raises(StoreUnavailable, match=match) as raised:
        yield
    assert_no_secret(raised.value)


def assert_no_secret(error: BaseException) -> None:
    """See that nothing of an error, as a log would show it, is a secret."""
    said = "".join(traceback.format_exception(error))
    for secret in (PASSWORD, WRONG, REQUEST.prompt, str(REQUEST.interaction_token)):
        assert secret not in said


def ask(url: str, statement: str) -> None:
    """Run a statement on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Stop processes of the server without a word, and let them go on afterwards."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

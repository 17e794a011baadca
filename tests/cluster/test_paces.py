"""Turns that several processes take together, on a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest

from support.postgres import running_server
from support.rows import recorded_statements
from veobot.core.errors import Retryable, StoreUnavailable
from veobot.core.pacing import LONGEST_PATIENCE_SECONDS, PaceBook, Rate
from veobot.pace import MemoryPaceBook, Pace
from veobot.store.paces import SqlPaceBook
from veobot.store.postgres import PostgresDatabase

RATE = Rate(permits=45, seconds=1.0)
NAME = "discord"


@asynccontextmanager
async def databases(url: str, count: int) -> AsyncIterator[list[PostgresDatabase]]:
    opened = [PostgresDatabase(url, sleep=asyncio.sleep, pool_size=2) for _ in range(count)]
    try:
        for database in opened:
            await database.read(lambda _: None)
        yield opened
    finally:
        for database in opened:
            await database.leave()


def a_pace(book: PaceBook, *, patience_seconds: float = 5.0, without_book: Pace | None = None) -> Pace:
    return Pace(NAME, RATE, book, patience_seconds=patience_seconds, without_book=without_book)


async def calls(pace: Pace, until: float, made: list[float]) -> None:
    """Make calls as fast as the pace lets them."""
    while time.time() < until:
        await pace.permit()
        made.append(time.time())  # PostgreSQL's clock as well: it is on this machine


def most_in_any(seconds: float, times: Sequence[float]) -> int:
    ordered = sorted(times)
    return max(sum(1 for later in ordered[n:] if later < at + seconds) for n, at in enumerate(ordered))


async def test_three_processes_together_keep_the_rate_and_use_it(url: str) -> None:
    async with databases(url, 3) as opened:
        made: list[float] = []
        lasts = 4.0
        until = time.time() + lasts
        paces = [a_pace(SqlPaceBook(database)) for database in opened]
        await asyncio.gather(*(calls(pace, until, made) for pace in paces for _ in range(8)))
    assert most_in_any(RATE.seconds, made) <= RATE.permits
    assert len(made) >= 0.75 * RATE.permits * lasts


async def test_many_calls_at_once_ask_the_database_once(url: str) -> None:
    async with databases(url, 1) as (database,):
        pace = a_pace(SqlPaceBook(database))
        await pace.permit()
        with recorded_statements(database) as statements:
            await asyncio.gather(*(pace.permit() for _ in range(20)))
        assert sum("INSERT INTO paces" in statement for statement in statements) <= 3


async def test_a_turn_too_far_off_is_not_taken_and_says_when_to_come_again(url: str) -> None:
    async with databases(url, 2) as (one, other):
        await SqlPaceBook(one).take(NAME, RATE, [10.0] * 100)  # somebody's, for 2.4 s
        pace = a_pace(SqlPaceBook(other), patience_seconds=0.2)
        for _ in range(3):
            with pytest.raises(Retryable) as refused:
                await pace.permit()
            assert 1.0 < refused.value.retry_after_seconds < 2.5


async def test_each_pace_is_kept_by_itself(url: str) -> None:
    async with databases(url, 1) as (database,):
        book = SqlPaceBook(database)
        await book.take("vertex", RATE, [10.0] * 100)
        await a_pace(book, patience_seconds=0.2).permit()


async def test_what_was_taken_before_the_clock_was_set_back_keeps_nobody_waiting_for_long(url: str) -> None:
    async with databases(url, 1) as (database,):
        book = SqlPaceBook(database)
        await book.take(NAME, RATE, [0.0])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE paces SET next_at = next_at + 86400")
        (wait,) = await book.take(NAME, RATE, [0.0])
        assert wait <= LONGEST_PATIENCE_SECONDS + RATE.interval_seconds


async def test_while_the_database_is_away_calls_keep_a_pace_of_their_own_and_then_the_common_one_again() -> (
    None
):
    with running_server() as own:
        async with databases(own.url, 1) as (database,):
            alone = Pace(NAME, Rate(5, 1.0), MemoryPaceBook(), patience_seconds=0.5)
            pace = a_pace(SqlPaceBook(database), patience_seconds=0.5, without_book=alone)
            strict = a_pace(SqlPaceBook(database), patience_seconds=0.5)
            await pace.permit()
            own.stop()
            made: list[float] = []
            await calls(pace, time.time() + 1.5, made)
            assert 3 <= len(made) <= 10
            with pytest.raises(StoreUnavailable):
                await strict.permit()
            own.start()
            await until_kept(strict)
            made.clear()
            await calls(pace, time.time() + 1.0, made)
            assert len(made) > 10


async def until_kept(pace: Pace) -> None:
    """Wait until the database is found again."""
    async with asyncio.timeout(20):
        while True:
            try:
                await pace.permit()
            except StoreUnavailable:
                continue
            return


async def test_a_database_that_is_too_slow_counts_as_away(url: str) -> None:
    async with databases(url, 2) as (one, other):
        await SqlPaceBook(one).take(NAME, RATE, [0.0])
        alone = Pace(NAME, Rate(5, 1.0), MemoryPaceBook(), patience_seconds=0.3)
        pace = a_pace(SqlPaceBook(other), patience_seconds=0.3, without_book=alone)
        with psycopg.connect(url) as slow:
            slow.execute("LOCK TABLE paces")
            began = time.monotonic()
            await pace.permit()
            with pytest.raises(StoreUnavailable):
                await a_pace(SqlPaceBook(one), patience_seconds=0.3).permit()
            assert time.monotonic() - began < 2.0
        await pace.permit()

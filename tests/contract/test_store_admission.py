"""Quota, budget and insert are one transaction."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from support.programs import running
from support.rows import DAY, EVERYTHING, NOON, SECOND, a_request, admitted, completed
from veobot.core.admission import (
    AdmissionPolicy,
    BudgetSpent,
    OverQuota,
    QueueFull,
    Refusal,
    Usage,
    UsageWindow,
    check_usage,
)
from veobot.core.errors import AlreadyKnown
from veobot.store.database import Database
from veobot.store.requests import SqlRequestStore

MILLISECOND = timedelta(milliseconds=1)
PRICE = a_request().charged_micro_usd


def policy(quota: int = 100, budget: int = 1000 * PRICE, max_waiting: int = 1000) -> AdmissionPolicy:
    return AdmissionPolicy(frozenset(), False, quota, DAY, budget, max_waiting)


def rule(allowed: AdmissionPolicy) -> Callable[[Usage], Refusal | None]:
    return lambda usage: check_usage(usage, allowed, PRICE)


def window(now: datetime) -> UsageWindow:
    return UsageWindow(now - DAY, now - DAY)


async def test_a_request_is_stored_as_it_was_asked(store: SqlRequestStore) -> None:
    assert await store.admit(a_request(), EVERYTHING, lambda _: None) is None
    assert await store.get(a_request().id) == a_request()


async def test_a_replayed_command_is_known_before_anything_is_decided(store: SqlRequestStore) -> None:
    await admitted(store)

    def never(_: Usage) -> Refusal | None:
        raise AssertionError

    with pytest.raises(AlreadyKnown):
        await store.admit(replace(a_request(), prompt="another one"), EVERYTHING, never)
    assert (await store.get(a_request().id)).prompt == a_request().prompt


async def test_a_refused_request_leaves_no_row(store: SqlRequestStore) -> None:
    assert await store.admit(a_request(), EVERYTHING, lambda _: QueueFull(3)) == QueueFull(3)
    with pytest.raises(KeyError):
        await store.get(a_request().id)


async def test_a_decision_that_breaks_leaves_no_row(store: SqlRequestStore) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.admit(a_request(), EVERYTHING, lambda _: QueueFull(1 // 0))
    with pytest.raises(KeyError):
        await store.get(a_request().id)


async def test_usage_counts_what_counts(store: SqlRequestStore) -> None:
    await admitted(store, a_request(1, created_at=NOON - DAY))
    await admitted(store, a_request(2, created_at=NOON - 2 * SECOND))
    await admitted(store, a_request(3, created_at=NOON - 3 * SECOND))
    await admitted(store, a_request(4, created_at=NOON, user_id=8, charged_micro_usd=5))
    await admitted(store, a_request(5, created_at=NOON, counts_toward_quota=False, charged_micro_usd=0))
    await completed(store, a_request(6, created_at=NOON - DAY))
    seen: list[tuple[list[datetime], int, int, list[tuple[datetime, int]]]] = []

    def look(usage: Usage) -> None:
        charges = list(usage.charges())
        seen.append((list(usage.member_requests), usage.spent_micro_usd, usage.waiting, charges))

    await store.admit(a_request(9), EVERYTHING, look)
    earlier, later = NOON - 3 * SECOND, NOON - 2 * SECOND
    assert seen == [([earlier, later], 2 * PRICE + 5, 5, [(earlier, PRICE), (later, PRICE), (NOON, 5)])]


async def test_a_row_with_a_time_that_does_not_exist_lets_everybody_in(
    database: Database, store: SqlRequestStore
) -> None:
    damaged = await admitted(store, a_request(1, created_at=NOON - 2 * SECOND))
    whole = await admitted(store, a_request(2, created_at=NOON - SECOND))
    statement = text("UPDATE requests SET created_at = 9000000000000000 WHERE id = :id")
    await database.write(lambda c: c.execute(statement, {"id": damaged.id}))
    seen: list[tuple[list[datetime], int, list[tuple[datetime, int]]]] = []

    def look(usage: Usage) -> None:
        seen.append((list(usage.member_requests), usage.spent_micro_usd, list(usage.charges())))

    assert await store.admit(a_request(3), EVERYTHING, look) is None
    assert seen == [([whole.created_at], PRICE, [(whole.created_at, PRICE)])]
    assert await store.get(a_request(3).id) == a_request(3)


async def test_the_moment_a_quota_refusal_names_is_the_moment_that_admits(store: SqlRequestStore) -> None:
    decide = rule(policy(quota=2))
    await admitted(store, a_request(1))
    await admitted(store, a_request(2, created_at=NOON + SECOND))
    refusal = await store.admit(a_request(3), window(NOON + 5 * SECOND), decide)
    assert isinstance(refusal, OverQuota)
    assert refusal.next_at == NOON + DAY
    assert await store.admit(a_request(3), window(refusal.next_at - MILLISECOND), decide) == refusal
    assert await store.admit(a_request(3), window(refusal.next_at), decide) is None


async def test_the_moment_a_budget_refusal_names_is_the_moment_that_admits(store: SqlRequestStore) -> None:
    decide = rule(policy(budget=2 * PRICE))
    await admitted(store, a_request(1, user_id=1))
    await admitted(store, a_request(2, user_id=2, created_at=NOON + SECOND))
    refusal = await store.admit(a_request(3), window(NOON + 5 * SECOND), decide)
    assert refusal == BudgetSpent(NOON + DAY)
    assert await store.admit(a_request(3), window(NOON + DAY - MILLISECOND), decide) == refusal
    assert await store.admit(a_request(3), window(NOON + DAY), decide) is None


async def test_ten_commands_at_once_pass_a_quota_of_one_once(store: SqlRequestStore) -> None:
    decide = rule(policy(quota=1))
    answers = await asyncio.gather(*(store.admit(a_request(n), EVERYTHING, decide) for n in range(10)))
    assert answers.count(None) == 1
    assert [type(answer) for answer in answers].count(OverQuota) == 9


async def test_ten_members_at_once_do_not_overspend(store: SqlRequestStore) -> None:
    decide = rule(policy(budget=3 * PRICE + PRICE // 2))
    answers = await asyncio.gather(
        *(store.admit(a_request(n, user_id=n), EVERYTHING, decide) for n in range(10))
    )
    assert answers.count(None) == 3


async def test_a_sum_beyond_one_column_s_largest_number_is_still_a_number(store: SqlRequestStore) -> None:
    for number in (1, 2, 3):
        await admitted(store, a_request(number, charged_micro_usd=2**62 // 2))
    refusal = await store.admit(a_request(4), EVERYTHING, rule(policy()))
    assert isinstance(refusal, BudgetSpent)


PROCESSES = 5
ADMIT_TWO = """
import asyncio, sys
from support.rows import EVERYTHING, DAY, a_request
from veobot.core.admission import AdmissionPolicy, check_usage
from veobot.store.opening import database_at
from veobot.store.requests import SqlRequestStore

async def main(address, number):
    database = database_at(address, sleep=asyncio.sleep)
    await database.read(lambda _: None)
    store = SqlRequestStore(database)
    decide = lambda usage: check_usage(usage, AdmissionPolicy(frozenset(), False, 1, DAY, 10**9, 99), 1)
    print("ready", flush=True)
    sys.stdin.readline()
    pair = (store.admit(a_request(n), EVERYTHING, decide) for n in (number, number + 1))
    for refusal in await asyncio.gather(*pair):
        print("admitted" if refusal is None else "refused")

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_ten_commands_in_five_processes_pass_a_quota_of_one_once(
    store: SqlRequestStore, address: str
) -> None:
    processes = [await running(ADMIT_TWO, address, str(2 * number)) for number in range(PROCESSES)]
    outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    answers = [line for output, _ in outputs for line in output.decode().split()]
    assert sorted(answers) == ["admitted"] + ["refused"] * 9
    assert len(await store.claim_incomplete("reader", NOON)) == 1

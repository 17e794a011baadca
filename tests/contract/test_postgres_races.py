"""Many connections and processes at once on one PostgreSQL: whatever gets in between, nothing is lost or done twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from sqlalchemy import text

from support.programs import running
from support.rows import (
    COMPLETED,
    DAY,
    EVERYTHING,
    NOON,
    OPERATION,
    SECOND,
    VIDEO,
    a_request,
    admitted,
    completed,
    intended,
)
from veobot.core.admission import AdmissionPolicy, BudgetSpent, OverQuota, Refusal, Usage, check_usage
from veobot.core.errors import AlreadyKnown, Superseded
from veobot.core.ports import UnreadableRow
from veobot.core.request import OperationName, RequestId, VideoRequest
from veobot.core.status import Closure, Status
from veobot.store.inspection import show_request
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore

PRICE = a_request().charged_micro_usd


@pytest.fixture
def database(postgres_database: PostgresDatabase) -> PostgresDatabase:
    return postgres_database


@pytest.fixture
async def other_store(postgres_url: str) -> AsyncIterator[SqlRequestStore]:
    """The same database as another process has it, with connections of its own."""
    database = PostgresDatabase(postgres_url, sleep=asyncio.sleep)
    yield SqlRequestStore(database)
    await database.leave()


def rule(quota: int, budget: int) -> Callable[[Usage], Refusal | None]:
    allowed = AdmissionPolicy(frozenset(), False, quota, DAY, budget, 1000)
    return lambda usage: check_usage(usage, allowed, PRICE)


# -- admission


async def test_twenty_commands_at_once_over_two_gateways_pass_a_quota_of_one_once(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    decide = rule(quota=1, budget=1000 * PRICE)
    gateways = (store, other_store)
    commands = (gateways[n % 2].admit(a_request(n), EVERYTHING, decide) for n in range(20))
    answers = Counter(type(answer) for answer in await asyncio.gather(*commands))
    assert answers == {type(None): 1, OverQuota: 19}


async def test_twenty_members_at_once_over_two_gateways_do_not_overspend(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    decide = rule(quota=1, budget=3 * PRICE + PRICE // 2)
    gateways = (store, other_store)
    commands = (gateways[n % 2].admit(a_request(n, user_id=n), EVERYTHING, decide) for n in range(20))
    answers = Counter(type(answer) for answer in await asyncio.gather(*commands))
    assert answers == {type(None): 3, BudgetSpent: 17}


async def test_a_command_that_two_gateways_receive_is_one_request(
    database: PostgresDatabase, store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    for number in range(10):
        request = a_request(number)
        receive = (gateway.admit(request, EVERYTHING, lambda _: None) for gateway in (store, other_store))
        answers = await asyncio.gather(*receive, return_exceptions=True)
        assert [type(answer) for answer in answers if answer is not None] == [AlreadyKnown]
        moves = (await show_request(database, request.id)).transitions
        assert [move.event for move in moves] == ["admitted"]


# -- owners


async def test_two_who_claim_a_request_at_once_get_two_epochs_and_the_older_decides_nothing(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    for number in range(20):
        request = await admitted(store, a_request(number))
        claims = (s.claim(request.id, owner, NOON) for s, owner in ((store, "a"), (other_store, "b")))
        epochs = await asyncio.gather(*claims)
        assert sorted(epoch for epoch in epochs if epoch) == [2, 3]
        claimed = await store.get(request.id)
        assert (claimed.epoch, claimed.owner) == (3, "a" if epochs[0] == 3 else "b")


async def test_two_who_claim_a_request_of_nobody_at_once_get_two_epochs(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    for number in range(20):
        request = await admitted(store, a_request(number, owner=""))
        epochs = await asyncio.gather(*(s.claim(request.id, "a", NOON) for s in (store, other_store)))
        assert sorted(epoch for epoch in epochs if epoch) == [1, 2]


async def test_of_two_starts_at_once_each_takes_every_request_over_in_turn(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    requests = [await admitted(store, a_request(number)) for number in range(50)]
    claims = (s.claim_incomplete(owner, NOON) for s, owner in ((store, "a"), (other_store, "b")))
    for claimed in await asyncio.gather(*claims):
        assert [row.id for row in claimed] == [request.id for request in requests]
        assert not [row for row in claimed if isinstance(row, UnreadableRow)]
    assert {(await store.get(request.id)).epoch for request in requests} == {3}


async def test_two_intents_from_one_look_are_one_submission(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    for number in range(10):
        request = await admitted(store, a_request(number))
        intents = (s.record_intent(request, 1, f"veo/{request.id}/1/", NOON) for s in (store, other_store))
        answers = await asyncio.gather(*intents, return_exceptions=True)
        assert sum(isinstance(answer, Superseded) for answer in answers) == 1
        assert len((await store.get(request.id)).submissions) == 1


async def test_two_answers_to_one_submission_are_both_kept(
    database: PostgresDatabase, store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    for number in range(10):
        request, submission = await intended(store, a_request(number))
        names = [OperationName(name) for name in ("one", "other")]
        await asyncio.gather(
            *(
                s.record_operation(request, submission, name, NOON)
                for s, name in zip((store, other_store), names, strict=True)
            )
        )
        kept = (await store.get(request.id)).submissions[0].operation
        assert kept in names
        moves = (await show_request(database, request.id)).transitions
        [again] = [move.detail for move in moves if move.event == "submission accepted again"]
        assert {again, f"attempt 1: {kept}"} == {f"attempt 1: {name}" for name in names}


# -- a decision that meets a row that is being changed


class Holding:
    """Another process's transaction that has changed a request's row, and has not committed yet."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None

    async def change(self, statement: str, request_id: RequestId) -> None:
        self._connection = await psycopg.AsyncConnection.connect(self._url)
        # The test's own statement.
        await self._connection.execute(statement.encode(), {"id": request_id})

    async def commit_once_somebody_waits(self) -> None:
        assert self._connection is not None
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as looking:
            waiting = b"SELECT count(*) FROM pg_locks WHERE NOT granted"
            while (await (await looking.execute(waiting)).fetchone()) == (0,):  # noqa: ASYNC110 -- nobody tells us
                await asyncio.sleep(0.005)
        await self._connection.commit()
        await self._connection.close()


ERASE = "UPDATE requests SET interaction_token = NULL WHERE id = %(id)s"
CLAIM = "UPDATE requests SET epoch = epoch + 1, owner = 'second' WHERE id = %(id)s"
ACCEPT = (
    "UPDATE submissions SET operation = 'late', accepted_at = 1, state = 'accepted' WHERE request_id = %(id)s"
)


async def test_a_decision_that_meets_a_change_of_the_same_row_is_made_all_the_same(
    store: SqlRequestStore, postgres_url: str
) -> None:
    request, _ = await intended(store)
    holding = Holding(postgres_url)
    await holding.change(ERASE, request.id)
    deciding = asyncio.create_task(store.record_outcome(request, COMPLETED, [VIDEO], NOON))
    await holding.commit_once_somebody_waits()
    await deciding
    changed = await store.get(request.id)
    assert (changed.status, changed.interaction_token) == (Status.COMPLETED, None)


async def test_a_decision_that_meets_a_claim_is_superseded(store: SqlRequestStore, postgres_url: str) -> None:
    request, _ = await intended(store)
    holding = Holding(postgres_url)
    await holding.change(CLAIM, request.id)
    deciding = asyncio.create_task(store.record_outcome(request, COMPLETED, [VIDEO], NOON))
    await holding.commit_once_somebody_waits()
    with pytest.raises(Superseded):
        await deciding
    changed = await store.get(request.id)
    assert (changed.status, changed.epoch) == (Status.PENDING, 2)


async def test_a_decision_that_meets_an_answer_of_a_paused_owner_is_superseded(
    store: SqlRequestStore, postgres_url: str
) -> None:
    paused, _ = await intended(store)
    await store.claim(paused.id, "second", NOON)
    request = await store.get(paused.id)
    holding = Holding(postgres_url)
    await holding.change(ACCEPT, request.id)
    deciding = asyncio.create_task(store.record_outcome(request, COMPLETED, [VIDEO], NOON))
    await holding.commit_once_somebody_waits()
    with pytest.raises(Superseded):
        await deciding
    assert (await store.get(request.id)).submissions[0].operation == "late"


async def test_a_fact_that_meets_a_change_of_the_same_row_is_recorded(
    store: SqlRequestStore, postgres_url: str
) -> None:
    request, submission = await intended(store)
    holding = Holding(postgres_url)
    await holding.change(CLAIM, request.id)
    recording = asyncio.create_task(store.record_operation(request, submission, OPERATION, NOON))
    await holding.commit_once_somebody_waits()
    await recording
    changed = await store.get(request.id)
    assert (changed.submissions[0].operation, changed.status, changed.epoch) == (OPERATION, Status.PENDING, 2)


async def test_fifty_facts_about_one_row_at_once_are_all_recorded(
    database: PostgresDatabase, store: SqlRequestStore
) -> None:
    request, submission = await intended(store)
    names = [OperationName(f"operation {number}") for number in range(50)]
    await asyncio.gather(*(store.record_operation(request, submission, name, NOON) for name in names))
    moves = (await show_request(database, request.id)).transitions
    assert sum(move.event == "submission accepted again" for move in moves) == 49


# -- retention

FORGET = """
import asyncio, sys
from support.rows import NOON, SECOND
from veobot.store.postgres import PostgresDatabase
from veobot.store.requests import SqlRequestStore

async def main(url):
    database = PostgresDatabase(url, sleep=asyncio.sleep)
    store = SqlRequestStore(database)
    await database.read(lambda _: None)
    print("ready", flush=True)
    sys.stdin.readline()
    print(await store.erase_expired_tokens(NOON + SECOND), await store.delete_closed(NOON + SECOND, 1000))
    await database.leave()

asyncio.run(main(sys.argv[1]))
"""


async def test_two_processes_that_forget_at_once_forget_and_write_down_everything_once(
    database: PostgresDatabase, store: SqlRequestStore, address: str
) -> None:
    for number in range(40):
        await admitted(store, a_request(number))
    for number in range(40, 60):
        await store.close(await completed(store, a_request(number)), Closure.DELIVERED, NOON)
    processes = [await running(FORGET, address) for _ in range(2)]
    outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    counts = [tuple(map(int, output.split())) for output, _ in outputs]
    assert [sum(column) for column in zip(*counts, strict=True)] == [40, 20]
    erased = text("SELECT count(*) FROM transitions WHERE event = 'token erased'")
    assert await database.read(lambda c: c.scalar(erased)) == 40


async def test_who_finds_a_token_being_erased_by_another_does_not_write_it_down_again(
    database: PostgresDatabase, store: SqlRequestStore, postgres_url: str
) -> None:
    request = await admitted(store)
    holding = Holding(postgres_url)
    await holding.change(ERASE, request.id)
    erasing = asyncio.create_task(store.erase_expired_tokens(NOON + SECOND))
    await holding.commit_once_somebody_waits()
    assert await erasing == 0
    moves = (await show_request(database, request.id)).transitions
    assert [move.event for move in moves] == ["admitted"]


async def test_who_finds_a_request_being_deleted_by_another_does_not_count_it(
    store: SqlRequestStore, postgres_url: str
) -> None:
    request = await completed(store)
    await store.close(request, Closure.DELIVERED, NOON)
    holding = Holding(postgres_url)
    await holding.change("DELETE FROM requests WHERE id = %(id)s", request.id)
    deleting = asyncio.create_task(store.delete_closed(NOON + SECOND, 100))
    await holding.commit_once_somebody_waits()
    assert await deleting == 0


async def test_what_is_forgotten_while_it_is_decided_on_is_decided_all_the_same(
    store: SqlRequestStore, other_store: SqlRequestStore
) -> None:
    requests = [await admitted(store, a_request(number)) for number in range(30)]

    async def decide(request: VideoRequest) -> None:
        await store.assume_acknowledged(request, NOON)
        await store.record_intent(await store.get(request.id), 1, f"veo/{request.id}/1/", NOON)

    await asyncio.gather(*map(decide, requests), other_store.erase_expired_tokens(NOON + SECOND))
    for request in requests:
        changed = await store.get(request.id)
        assert (changed.interaction_token, len(changed.submissions)) == (None, 1)

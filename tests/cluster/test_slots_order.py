"""The oldest first, also while nobody has them in line: their process has gone, and no other has come to them yet."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from support.cluster import Cluster, ClusterBot
from support.cluster_parts import GIVEN_UP, Machine, age, machines
from support.rows import EVERYTHING, NOON, PLACEHOLDER, SECOND, a_request
from veobot.core.request import VideoRequest
from veobot.core.slot_book import TURN_KEPT_SECONDS
from veobot.sandbox.client import SandboxClient
from veobot.store.claims import NOBODY

A_LOOK_SECONDS = 1.5
"""In which every process has looked once more whether there is a slot."""
HANG = [{"result": "hang"}]


async def accepted(machine: Machine, number: int, *, owner: str, shown: bool = True) -> VideoRequest:
    """Store a request of so many seconds after noon, whose member was shown that it was accepted."""
    request = replace(a_request(number, created_at=NOON + number * SECOND), owner=owner)
    assert await machine.store.admit(request, EVERYTHING, lambda _: None) is None
    if shown:
        await machine.store.record_placeholder(request.id, PLACEHOLDER, machine.clock.now())
    return await machine.store.get(request.id)


async def ended(machine: Machine, request: VideoRequest) -> None:
    """Let the request have an outcome, and give its slot or its place up."""
    request = await machine.store.get(request.id)
    await machine.store.record_outcome(request, GIVEN_UP, [], machine.clock.now())
    machine.slots.release(request.id)


async def gets_a_slot(machine: Machine, request: VideoRequest) -> bool:
    return await machine.slots.wait(request, 10)


async def stays_in_line(machine: Machine, *requests: VideoRequest) -> bool:
    waited = await asyncio.gather(*(machine.slots.wait(r, A_LOOK_SECONDS) for r in requests))
    return not any(waited)


def missed_long_ago(url: str) -> None:
    """Let all that is missed have been missed for longer than it is waited for."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE slot_absentees SET missed_at = missed_at - make_interval(secs => %s)",
            (TURN_KEPT_SECONDS + 1,),
        )


async def test_what_a_dead_process_had_in_line_comes_before_what_is_younger(url: str) -> None:
    blocker = a_request(100).id
    async with machines(url, 3, limit=1) as (one, other, successor):
        old, young = [await accepted(one, n, owner=one.name) for n in range(2)]
        other.slots.hold(blocker)
        await other.exchanged()
        one.slots.line_up(old)
        await one.exchanged()
        other.slots.line_up(young)
        await one.vanish()
        age(url, one.name)
        other.slots.release(blocker)
        assert await stays_in_line(other, young)
        assert await gets_a_slot(successor, old)
        assert await stays_in_line(other, young)
        await ended(successor, old)
        assert await gets_a_slot(other, young)


async def test_what_a_dead_process_had_a_slot_for_comes_before_what_is_younger(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        old, young = [await accepted(one, n, owner=one.name) for n in range(2)]
        assert await gets_a_slot(one, old)
        await one.vanish()
        age(url, one.name)
        assert await stays_in_line(other, young)
        assert await gets_a_slot(other, old)


async def test_what_a_leaving_process_hands_over_comes_before_what_is_younger(url: str) -> None:
    blocker = a_request(100).id
    async with machines(url, 3, limit=1) as (leaving, other, successor):
        old, young = [await accepted(leaving, n, owner=leaving.name) for n in range(2)]
        other.slots.hold(blocker)
        await other.exchanged()
        leaving.slots.line_up(old)
        await leaving.exchanged()
        other.slots.line_up(young)
        await other.exchanged()
        leaving.slots.close()
        await leaving.exchanged()
        other.slots.release(blocker)
        assert await stays_in_line(other, young)
        leaving.slots.release(old.id)  # as its lifecycle ends
        await leaving.exchanged()
        assert await stays_in_line(other, young)
        await leaving.leave()
        assert await stays_in_line(other, young)
        assert await gets_a_slot(successor, old)
        await ended(successor, old)
        assert await gets_a_slot(other, young)


@pytest.mark.parametrize("owner", ["gone for days", NOBODY])
async def test_what_was_left_before_a_start_comes_before_what_is_younger(url: str, owner: str) -> None:
    """Whoever looks first, and however long the others take to come to the oldest."""
    async with machines(url, 2, limit=2) as (one, other):
        requests = [await accepted(one, n, owner=owner) for n in range(6)]
        for request in reversed(requests[2:]):
            other.slots.line_up(request)
        assert await stays_in_line(other, *requests[2:])
        assert await gets_a_slot(one, requests[1])
        assert await stays_in_line(other, *requests[2:])
        assert await gets_a_slot(one, requests[0])
        await ended(one, requests[1])
        assert await gets_a_slot(other, requests[2])
        assert await stays_in_line(other, *requests[3:])


async def test_slots_are_kept_free_only_for_as_many_as_are_missed(url: str) -> None:
    async with machines(url, 1, limit=3) as (one,):
        requests = [await accepted(one, n, owner="gone") for n in range(4)]
        assert await gets_a_slot(one, requests[2])
        assert await stays_in_line(one, requests[3])


async def test_what_nobody_takes_up_is_passed_over_after_a_while_however_many_they_are(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        *missed, young = [await accepted(one, n, owner="gone") for n in range(5)]
        assert await stays_in_line(one, young)
        missed_long_ago(url)
        assert await gets_a_slot(one, young)
        await ended(one, young)
        assert await gets_a_slot(one, missed[0])


async def test_what_stood_in_line_again_is_waited_for_again(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        old, young = [await accepted(one, n, owner="gone") for n in range(2)]
        assert await stays_in_line(other, young)
        missed_long_ago(url)
        assert await gets_a_slot(one, old)
        await one.vanish()
        age(url, one.name)
        assert await stays_in_line(other, young)


async def test_what_has_an_outcome_is_not_missed_any_longer(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        first, second, third = [await accepted(one, n, owner="gone") for n in range(3)]
        assert await stays_in_line(one, third)
        await ended(one, first)
        assert await stays_in_line(one, third)
        await ended(one, second)
        assert await gets_a_slot(one, third)
        await ended(one, third)
        await accepted(one, 3, owner="gone")
        assert await stays_in_line(one, await accepted(one, 4, owner=one.name))
        assert missed(url) == [a_request(3).id]


def missed(url: str) -> list[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute("SELECT request_id FROM slot_absentees")]


async def test_what_is_younger_or_not_accepted_or_may_be_running_keeps_no_slot_free(url: str) -> None:
    async with machines(url, 1, limit=2) as (one,):
        await accepted(one, 0, owner=NOBODY, shown=False)
        running = await accepted(one, 1, owner="gone")
        await one.store.record_intent(running, 1, "veo/1/1/", one.clock.now())
        mine = await accepted(one, 2, owner=one.name)
        await accepted(one, 3, owner="gone")
        assert await gets_a_slot(one, mine)


async def test_what_a_process_was_refused_that_may_not_start_anything_holds_nobody_up(url: str) -> None:
    async with machines(url, 2, limit=1) as (refused, other):
        old, young = [await accepted(refused, n, owner=refused.name) for n in range(2)]
        assert await gets_a_slot(refused, old)
        refused.slots.close_for(60)
        refused.slots.release(old.id)
        assert await gets_a_slot(other, young)
        await ended(other, young)
        refused.slots.close()
        await refused.exchanged()
        assert await gets_a_slot(other, await accepted(other, 2, owner=other.name))


def keepers_of(bot: ClusterBot) -> list[str]:
    owners = [str(row["owner"]) for row in bot.rows("slot_keepers")]
    return [owner for owner in owners if f":{bot.process.pid}:" in owner]


async def asked(sandbox: SandboxClient, member: str, prompt: str) -> str:
    request_id = await sandbox.command(member, prompt)
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="acknowledged")
    return request_id


async def test_a_full_line_of_killed_workers_is_submitted_before_what_is_asked_next(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    await cluster.gateway()
    workers = [await cluster.worker(name, VEOBOT_CONCURRENT_GENERATIONS="1") for name in ("first", "second")]
    await sandbox.vertex(script=HANG)
    running = await sandbox.command("mira", "Pearl 0")
    await sandbox.wait_for_count(1, kind="submission")
    await workers[0].reaches(running, "generating")
    pearls = [f"Pearl {number}" for number in range(1, 7)]
    for pearl in pearls:
        await asked(sandbox, "mira", pearl)
    owners = [owner for bot in workers for owner in keepers_of(bot)]
    await workers[0].until(lambda: len(workers[0].rows("slots")) == 1 + len(pearls), "the whole line")
    for bot in workers:
        bot.kill()
    # As if they had hung before they died: the book forgets them well before their jobs are freed.
    age(cluster.url, *owners)
    await sandbox.vertex(script=[], generation_seconds=0)
    successors = [
        cluster.bot(name, "worker", VEOBOT_CONCURRENT_GENERATIONS="2") for name in ("third", "fourth")
    ]
    for bot in successors:
        await bot.start()
    newest = await asked(sandbox, "jonas", "The latest pearl")
    await successors[0].closed(newest, timeout_seconds=60)
    # One slot is the first pearl's for as long as Vertex is at it; so the others come one by one.
    submitted = [e.fields["prompt"] for e in await sandbox.ledger(kind="submission")]
    assert submitted == ["Pearl 0", *pearls, "The latest pearl"]

"""One window of slots over several processes, on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import psycopg

from support.clock import RealClock
from support.cluster_parts import (
    A_SLEEP,
    Machine,
    admitted,
    age,
    cut_connections,
    machines,
    unreachable,
    until,
)
from support.rows import NOON, SECOND, a_request
from veobot.core.limits import Limits
from veobot.core.request import VideoRequest
from veobot.workqueue.shared_slots import CHANGES_AT_ONCE


def asked_in_order(count: int) -> list[VideoRequest]:
    return [a_request(n, created_at=NOON + n * SECOND) for n in range(count)]


async def settled(*running: Machine) -> None:
    """Wait until each process has told what changed with it, and been told what the others did."""
    for _ in range(2):
        for machine in running:
            await machine.exchanged()


def held(machine: Machine, requests: list[VideoRequest]) -> list[int]:
    return [number for number, request in enumerate(requests) if machine.slots.holds(request.id)]


async def test_slots_go_to_the_oldest_of_all_processes_one_by_one(url: str) -> None:
    async with machines(url, 3, limit=1) as running:
        running[0].slots.hold(a_request(100).id)
        await settled(running[0])
        requests = asked_in_order(9)
        carried = {request.id: running[n % 3] for n, request in enumerate(requests)}
        for request in reversed(requests):
            carried[request.id].slots.line_up(request)
        await settled(*running)
        running[0].slots.release(a_request(100).id)
        for request in requests:
            slots = carried[request.id].slots
            await until(lambda s=slots, r=request: s.holds(r.id), "its turn")  # type: ignore[misc]  # bound at once
            assert sum(machine.slots.holds(r.id) for machine in running for r in requests) == 1
            slots.release(request.id)


async def test_no_more_than_the_limit_over_all_processes(url: str) -> None:
    async with machines(url, 2, limit=3) as (one, other):
        requests = asked_in_order(6)
        for n, request in enumerate(requests):
            (one, other)[n % 2].slots.line_up(request)
        await settled(one, other)
        assert len(held(one, requests) + held(other, requests)) == 3


class NeverBored(RealClock):
    """Waits for events only: nobody looks by itself once a second."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:  # noqa: ARG002 -- that is the point
        return await event.wait()


async def test_what_is_given_up_goes_to_another_process_by_a_call(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        other = Machine(url, "other", 1, clock=NeverBored())
        other.slots.open()
        first, second = asked_in_order(2)
        assert await one.slots.wait(first, 10)
        waiting = asyncio.create_task(other.slots.wait(second, 10))
        await until(lambda: one.slots.position(a_request(9)) == 2, "the second in line")
        one.slots.release(first.id)
        assert await asyncio.wait_for(waiting, 5)
        await other.vanish()


async def test_calls_are_heard_again_after_a_lost_connection(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        other = Machine(url, "other", 1, clock=NeverBored())
        other.slots.open()
        first, second = asked_in_order(2)
        assert await one.slots.wait(first, 10)
        waiting = asyncio.create_task(other.slots.wait(second, 10))
        await until(lambda: one.slots.position(a_request(9)) == 2, "the second in line")
        cut_connections(url)
        one.slots.release(first.id)
        assert await asyncio.wait_for(waiting, 10)
        await other.vanish()


async def test_a_position_counts_those_of_all_processes(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        requests = asked_in_order(5)
        one.slots.hold(a_request(100).id)
        await settled(one)
        for n, request in enumerate(requests):
            (one, other)[n % 2].slots.line_up(request)
        await settled(one, other)
        for request in requests:  # as a process asks that shows it
            for machine in (one, other):
                if request.id in machine.slots._turns:
                    assert not await machine.slots.wait(request, 0)
        await settled(one, other)
        assert [(one, other)[n % 2].slots.position(r) for n, r in enumerate(requests)] == [1, 2, 3, 4, 5]
        assert one.slots.position(a_request(50)) == 6
        assert not one.slots.is_free()


async def test_a_slot_is_free_where_nobody_of_any_process_waits(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        assert one.slots.is_free()
        first = a_request()
        assert await other.slots.wait(first, 10)
        await settled(one)
        assert not one.slots.is_free()
        other.slots.release(first.id)
        await settled(other, one)
        assert one.slots.is_free()


async def test_what_may_be_running_takes_its_slot_even_beyond_the_limit(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        first, second, third = asked_in_order(3)
        one.slots.hold(first.id)
        one.slots.hold(second.id)
        await settled(one)
        assert not await other.slots.wait(third, 0.5)
        one.slots.release(first.id)
        assert not await other.slots.wait(third, 0.5)
        one.slots.release(second.id)
        assert await other.slots.wait(third, 10)


async def test_a_process_that_vanishes_leaves_its_slots_and_places_to_the_others(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        first, second, third = asked_in_order(3)
        assert await one.slots.wait(first, 10)
        one.slots.line_up(second)
        await settled(one)
        assert not await other.slots.wait(third, 0.5)
        await one.vanish()
        assert not await other.slots.wait(third, 0.5)
        age(url, one.name)
        assert await other.slots.wait(third, 10)


async def test_what_may_be_running_of_a_process_that_vanished_counts_until_its_deadline(url: str) -> None:
    limits = Limits()
    async with machines(url, 2, limit=1) as (one, other):
        now = one.clock.now()
        first = await admitted(one, 1, now)
        assert await one.slots.wait(first, 10)
        assert await one.submit(first)
        await one.vanish()
        age(url, one.name)
        second = a_request(2, created_at=now)
        assert not await other.slots.wait(second, 1.5)
        other.clock.ahead += limits.submit_timeout + limits.generation_deadline
        assert await other.slots.wait(second, 10)


async def test_what_may_be_running_counts_where_the_whole_book_is_lost(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        now = one.clock.now()
        first = await admitted(one, 1, now)
        assert await one.slots.wait(first, 10)
        assert await one.submit(first)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("TRUNCATE slot_keepers, slots")
        second, third = a_request(2, created_at=now), a_request(3, created_at=now + SECOND)
        other.slots.line_up(third)
        one.slots.line_up(second)
        await settled(one, other)
        assert not other.slots.holds(third.id)
        assert not one.slots.holds(second.id)
        await one.end(await one.store.get(first.id))
        assert await one.slots.wait(second, 10)


async def test_a_process_that_leaves_hands_over_at_once(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        first, second = asked_in_order(2)
        assert await one.slots.wait(first, 10)
        waiting = asyncio.create_task(other.slots.wait(second, 10))
        await settled(other)
        await one.leave()
        assert await waiting
        assert not one.slots.is_sure(first.id)
        one.slots.line_up(a_request(3))
        await settled(other)
        assert other.slots.position(a_request(9)) == 1, "it has come back"


async def test_a_process_that_may_not_start_anything_holds_nobody_up(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        first, second = asked_in_order(2)
        one.slots.close_for(60)
        one.slots.line_up(first)
        await settled(one)
        assert await other.slots.wait(second, 10)
        other.slots.release(second.id)
        assert not await one.slots.wait(first, 1.5)
        one.clock.ahead += timedelta(seconds=60)
        assert await one.slots.wait(first, 10)


async def test_closing_wakes_everybody_who_waits(url: str) -> None:
    async with machines(url, 1, limit=1, opened=False) as (one,):
        waiting = asyncio.create_task(one.slots.wait(a_request(), 60))
        await settled(one)
        one.slots.close()
        assert not await waiting


async def test_a_slot_given_before_a_long_sleep_is_not_used_after_it(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        now = one.clock.now()
        first = await admitted(one, 1, now)
        assert await one.slots.wait(first, 10)
        await one.fall_asleep()
        age(url, one.name)
        second = await admitted(other, 2, now + SECOND)
        assert await other.slots.wait(second, 10)
        assert await other.submit(second)
        one.wake_up()
        assert not await one.submit(first)
        await settled(one)
        assert not one.slots.holds(first.id)
        await other.end(await other.store.get(second.id))
        assert await one.slots.wait(first, 10)


async def test_a_slot_that_came_during_a_long_sleep_is_not_used_after_it(url: str) -> None:
    """The grant is committed, and its answer read only when the process wakes."""
    async with machines(url, 2, limit=1) as (one, other):
        first, second = asked_in_order(2)
        assert await other.slots.wait(second, 10)
        one.slots.line_up(first)
        await settled(one)
        asked = one.book.exchanges
        await one.fall_asleep()
        other.slots.release(second.id)
        await settled(other)
        assert one.book.exchanges <= asked + 1
        age(url, one.name)
        assert await other.slots.wait(a_request(5), 10)
        one.wake_up()
        await asyncio.sleep(0)
        assert not one.slots.is_sure(first.id)
        await settled(one)
        assert not one.slots.holds(first.id)


async def test_two_processes_with_one_request_take_one_slot_for_it(url: str) -> None:
    """It was taken over, and who had it has not noticed yet."""
    async with machines(url, 2, limit=2) as (one, other):
        first, second = asked_in_order(2)
        assert await one.slots.wait(first, 10)
        assert await other.slots.wait(first, 10)
        assert await other.slots.wait(second, 10)
        one.slots.release(first.id)
        await settled(one)
        assert not await one.slots.wait(a_request(3), 1.5)


async def test_while_the_database_is_away_nobody_gets_a_slot_and_afterwards_it_goes_on(
    postgres_server: str, url: str
) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        first, second, third = asked_in_order(3)
        assert await one.slots.wait(first, 10)
        other.slots.line_up(second)
        await settled(other)
        with unreachable(postgres_server, url):
            one.slots.release(first.id)
            assert not await other.slots.wait(second, 2)
            assert not await one.slots.wait(third, 0.5)
        assert await other.slots.wait(second, 10)
        other.slots.release(second.id)
        assert await one.slots.wait(third, 10)
        assert not one.failed
        assert not other.failed


async def test_lost_connections_lose_nothing(url: str) -> None:
    async with machines(url, 2, limit=1) as (one, other):
        one.slots.hold(a_request(100).id)
        await settled(one)
        requests = asked_in_order(6)
        for n, request in enumerate(requests):
            (one, other)[n % 2].slots.line_up(request)
        await settled(one, other)
        one.slots.release(a_request(100).id)
        for n, request in enumerate(requests):
            cut_connections(url)
            assert await (one, other)[n % 2].slots.wait(request, 10)
            cut_connections(url)
            (one, other)[n % 2].slots.release(request.id)


async def test_a_line_longer_than_one_exchange_is_told_whole(url: str) -> None:
    async with machines(url, 2, limit=1, opened=False) as (one, other):
        requests = asked_in_order(2 * CHANGES_AT_ONCE + 10)
        for request in requests:
            one.slots.line_up(request)
        newest = a_request(5000, created_at=NOON + 5000 * SECOND)
        await until(lambda: other.slots.position(newest) == len(requests) + 1, "the whole line")
        age(url, one.name)
        other.slots.line_up(newest)
        await settled(other)
        await until(lambda: other.slots.position(a_request(5001)) == len(requests) + 2, "the line told anew")


async def test_who_was_forgotten_with_a_slot_is_the_first_in_line_again(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        first, second = asked_in_order(2)
        assert await one.slots.wait(first, 10)
        one.slots.line_up(second)
        await settled(one)
        age(url, one.name)
        await settled(one)
        assert held(one, [first, second]) == [0]
        assert one.slots.is_sure(first.id)


async def test_what_took_a_slot_is_sure_of_it_only_once_the_others_know(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        first = a_request()
        one.slots.hold(first.id)
        assert one.slots.holds(first.id)
        assert not one.slots.is_sure(first.id)
        await settled(one)
        assert one.slots.is_sure(first.id)


async def test_nothing_is_left_of_a_request_that_was_given_up_before_it_was_told(url: str) -> None:
    async with machines(url, 1, limit=1) as (one,):
        first, second = asked_in_order(2)
        one.slots.line_up(first)
        one.slots.release(first.id)
        assert await one.slots.wait(second, 10)
        one.clock.ahead += A_SLEEP
        assert not one.slots.is_sure(second.id)
        await settled(one)
        assert one.slots.is_sure(second.id)

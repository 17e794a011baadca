"""How many at once, and who is next."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from support.clock import RealClock
from support.requests import NOON, a_request
from veobot.core.request import RequestId, VideoRequest
from veobot.core.slots import Slots


def asked_in_order(count: int) -> list[VideoRequest]:
    return [a_request(request_id=RequestId(n), asked=NOON + timedelta(seconds=n)) for n in range(count)]


async def waits(slots: Slots, request: VideoRequest) -> bool:
    return await slots.wait(request, seconds=0)


async def test_nobody_gets_a_slot_before_the_door_opens() -> None:
    slots = Slots(3, RealClock())
    first = a_request()
    assert not await waits(slots, first)
    slots.open()
    assert slots.holds(first.id)


@given(order=st.permutations(range(8)), limit=st.integers(1, 4))
def test_slots_go_to_the_oldest_whatever_order_they_came_in(order: list[int], limit: int) -> None:
    slots = Slots(limit, RealClock())
    requests = asked_in_order(8)
    for index in order:
        slots.line_up(requests[index])
    slots.open()
    started = []
    while held := [r for r in requests if slots.holds(r.id) and r not in started]:
        assert len([r for r in requests if slots.holds(r.id)]) <= limit
        started += held
        slots.release(started[-len(held)].id)
    assert started == requests


async def test_a_slow_one_holds_nobody_else_up() -> None:
    slots = Slots(2, RealClock())
    slots.open()
    slow, second, third, fourth = asked_in_order(4)
    assert await waits(slots, slow)
    assert await waits(slots, second)
    for request, done in ((third, second), (fourth, third)):
        assert not await waits(slots, request)
        slots.release(done.id)
        assert slots.holds(request.id)


async def test_what_may_be_running_takes_its_slot_even_beyond_the_limit() -> None:
    slots = Slots(1, RealClock())
    slots.open()
    first, second, third = asked_in_order(3)
    slots.hold(first.id)
    slots.hold(second.id)
    assert not await waits(slots, third)
    slots.release(first.id)
    assert not slots.holds(third.id)
    slots.release(second.id)
    assert slots.holds(third.id)


async def test_a_position_counts_those_who_asked_earlier() -> None:
    slots = Slots(1, RealClock())
    requests = asked_in_order(3)
    for request in reversed(requests):
        slots.line_up(request)
    assert [slots.position(r) for r in requests] == [1, 2, 3]
    slots.open()
    assert [slots.position(r) for r in requests[1:]] == [1, 2]


async def test_closing_wakes_everybody_who_waits() -> None:
    slots = Slots(1, RealClock())
    waiting = asyncio.create_task(slots.wait(a_request(), seconds=60))
    await asyncio.sleep(0)
    slots.close()
    assert not await waiting


async def test_a_pause_lets_nobody_through_until_it_is_over() -> None:
    clock = RealClock()
    slots = Slots(1, clock)
    slots.open()
    slots.close_for(60)
    assert not await waits(slots, a_request())
    clock.ahead += timedelta(seconds=60)
    assert await waits(slots, a_request())

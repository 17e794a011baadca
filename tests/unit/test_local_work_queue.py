"""One task for each request, and what happens to one that keeps crashing."""

import asyncio

from support.event_log import RecordingLog
from veobot.core.errors import StoreUnavailable
from veobot.core.request import RequestId
from veobot.workqueue.carrying import CRASHES_BEFORE_GIVING_UP
from veobot.workqueue.local import LocalWorkQueue

ONE, OTHER = RequestId(1), RequestId(2)


class HurriedClock:
    """Waits for nothing, and remembers how long it should have."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        await asyncio.sleep(0)
        return event.is_set()


async def nothing(_request_id: RequestId, _epoch: int) -> None:
    pass


def queue(carry: object, give_up: object, clock: HurriedClock) -> LocalWorkQueue:
    return LocalWorkQueue(carry, give_up, clock, RecordingLog())  # type: ignore[arg-type]  # plain stand-ins


async def test_a_request_that_crashes_for_days_keeps_being_tried_and_stops_no_other() -> None:
    crashes, others = 0, 0

    async def carry(request_id: RequestId, _epoch: int) -> None:
        nonlocal crashes, others
        if request_id == OTHER:
            others += 1
            return
        crashes += 1
        if crashes < 1200:
            raise ZeroDivisionError

    clock = HurriedClock()
    work = queue(carry, nothing, clock)
    work.submit(ONE, 1)
    work.submit(OTHER, 1)
    await work.join([ONE, OTHER])
    assert (crashes, others) == (1200, 1)
    assert max(clock.waited) == 300


async def test_giving_up_is_tried_again_until_it_succeeds() -> None:
    given_up: list[int] = []

    async def carry(_request_id: RequestId, _epoch: int) -> None:
        if len(given_up) < 2:
            raise ZeroDivisionError

    async def give_up(_request_id: RequestId, epoch: int) -> None:
        given_up.append(epoch)
        if len(given_up) == 1:
            raise StoreUnavailable

    clock = HurriedClock()
    work = queue(carry, give_up, clock)
    work.submit(ONE, 7)
    await work.join([ONE])
    assert given_up == [7, 7]
    assert len(clock.waited) == CRASHES_BEFORE_GIVING_UP + 1


async def test_submitting_what_is_carried_already_does_nothing() -> None:
    carried = 0

    async def carry(_request_id: RequestId, _epoch: int) -> None:
        nonlocal carried
        carried += 1
        await asyncio.sleep(0)

    work = queue(carry, nothing, HurriedClock())
    work.submit(ONE, 1)
    work.submit(ONE, 1)
    await work.join([ONE])
    assert carried == 1

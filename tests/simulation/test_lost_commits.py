"""What was committed though the database said that it failed: it is carried all the same, and never twice."""

import asyncio
from datetime import timedelta
from pathlib import Path

from simulation.loop import run
from simulation.test_bounds import HOUR, World
from veobot.core.admission import AdmissionPolicy, Place, Refusal, Unavailable, UsageWindow
from veobot.core.door import Door
from veobot.core.ports import NotAcknowledged
from veobot.core.progress import Progress
from veobot.core.recovery import Recovery
from veobot.core.request import ChannelId, MessageId, Placeholder, VideoRequest
from veobot.core.status import Closure, Status

POLICY = AdmissionPolicy(
    allowed_channels=frozenset(),
    age_restricted_only=False,
    quota=1000,
    quota_window=timedelta(hours=24),
    daily_budget_micro_usd=10**12,
    max_waiting=1000,
)
"""More than any test asks for."""


class RefusedReply:
    """Takes nothing but a refusal, and keeps it."""

    def __init__(self) -> None:
        self.reasons: list[Refusal | Unavailable] = []

    def accepted(self) -> None:
        raise AssertionError

    async def acknowledge(self, request: VideoRequest, first: Progress) -> Placeholder | None:
        del request, first
        raise AssertionError

    async def refuse(self, request: VideoRequest, reason: Refusal | Unavailable) -> None:
        del request
        self.reasons.append(reason)


async def is_told_that_it_was_not_stored(world: World, number: int, *, owner: str = "first") -> None:
    """Have a command come to the door while the database fails."""
    recovery = Recovery(world.parts, world.queue, owner)
    door = Door(world.parts, recovery, world.queue, POLICY, owner)
    reply = RefusedReply()
    await door.receive(world.asked(number), Place(ChannelId(3), None, age_restricted=False), reply)
    assert reply.reasons == [Unavailable.NO_RECORDS]


def test_what_a_claim_took_over_that_was_reported_as_failed_is_resumed(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        for number in (1, 2):
            await world.admit(number)
        world.store.commits_misreported = 1
        recovering = asyncio.create_task(Recovery(world.parts, world.queue, "second").run())
        await asyncio.sleep(0.5)
        assert world.store.commits_misreported == 0
        new = world.asked(3, owner="second")
        now = world.clock.now()
        await world.store.admit(new, UsageWindow(now, now), lambda _: None)
        await world.store.record_placeholder(new.id, Placeholder(MessageId(1003)), now)
        world.queue.submit(new.id, new.epoch)
        await recovering
        await asyncio.sleep(60)
        assert world.log.events.count("request.resumed") == 2
        ends = [await world.look(number) for number in (1, 2, 3)]
        assert [end.closure for end in ends] == [Closure.DELIVERED] * 3
        assert [end.epoch for end in ends] == [2, 2, 1]
        assert sorted(world.generator.submitted) == [1, 2, 3]

    run(simulate())


def test_a_request_stored_though_its_member_was_refused_is_closed_and_its_quota_given_back(
    tmp_path: Path,
) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        world.parts.slots.open()
        world.messenger.on_find_acknowledgement = NotAcknowledged
        world.store.commits_misreported = 1
        world.store.reads_refused = 3
        await is_told_that_it_was_not_stored(world, 1)
        await asyncio.sleep(60)
        request = await world.look(1)
        assert (request.status, request.closure) == (Status.CANCELLED, Closure.UNACKNOWLEDGED)
        assert not request.counts_toward_quota
        assert request.charged_micro_usd == 0
        assert world.generator.submitted == []

    run(simulate())


def test_a_refused_command_that_is_another_owners_request_is_left_to_it(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        world.parts.slots.open()
        request = await world.admit(1)
        world.store.admissions_refused = 1
        await is_told_that_it_was_not_stored(world, 1, owner="second")
        await asyncio.sleep(60)
        assert await world.look(1) == request

    run(simulate())


def test_a_look_for_a_refused_request_ends_when_the_process_leaves(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        world.store.commits_misreported = 1
        world.store.reads_refused = 10**6
        refusing = asyncio.create_task(is_told_that_it_was_not_stored(world, 1))
        await asyncio.sleep(HOUR)
        assert not refusing.done()
        world.parts.stopping.set()
        async with asyncio.timeout(1):
            await refusing

    run(simulate())

"""A generator that awaits turns."""

import asyncio

import pytest

from support.requests import OPTIONS, a_submission
from veobot.core.errors import Stopping, StoreUnavailable
from veobot.core.ports import PollAnswer, Running, VideoGenerator
from veobot.core.request import OperationName, Submission, VideoOptions
from veobot.core.status import SubmissionState
from veobot.vertex.pace import PacedGenerator, unless_stopping

OPERATION = OperationName("operations/1")


class Recorded(VideoGenerator):
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def prepare(self, options: VideoOptions) -> None:  # noqa: ARG002 -- the port's
        self.seen.append("prepare")

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:  # noqa: ARG002 -- the port's
        self.seen.append("submit")
        return OPERATION

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:  # noqa: ARG002 -- the port's
        self.seen.append("poll")
        return Running()

    async def turn(self) -> None:
        self.seen.append("turn")


async def test_a_submissions_turn_is_awaited_when_all_else_is_ready_and_nothing_right_before_the_call() -> (
    None
):
    generator = Recorded()
    paced = PacedGenerator(generator, generator.turn)
    await paced.prepare(OPTIONS)
    assert generator.seen == ["prepare", "turn"]
    assert await paced.submit("a fox", OPTIONS, a_submission(SubmissionState.INTENDED)) == OPERATION
    assert generator.seen == ["prepare", "turn", "submit"]


async def test_a_look_awaits_its_own_turn_where_it_has_one() -> None:
    generator = Recorded()
    await PacedGenerator(generator, generator.turn).poll(OPERATION, OPTIONS)
    await PacedGenerator(generator, generator.turn, generator.turn).poll(OPERATION, OPTIONS)
    assert generator.seen == ["poll", "turn", "poll"]


async def test_without_the_database_nothing_is_submitted_and_nothing_refused() -> None:
    async def away() -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await PacedGenerator(Recorded(), away).prepare(OPTIONS)


async def test_a_process_that_leaves_waits_for_no_turn() -> None:
    stopping, waiting, given_up = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def far_off() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    generator = PacedGenerator(Recorded(), lambda: unless_stopping(far_off, stopping))
    preparing = asyncio.create_task(generator.prepare(OPTIONS))
    async with asyncio.timeout(5):
        await waiting.wait()
        stopping.set()
        with pytest.raises(Stopping):
            await preparing
        await given_up.wait()


async def test_a_turn_that_comes_or_fails_while_nobody_leaves_is_as_without() -> None:
    generator = Recorded()
    await unless_stopping(generator.turn, asyncio.Event())
    assert generator.seen == ["turn"]

    async def away() -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await unless_stopping(away, asyncio.Event())

"""A call is made only with a slot that is sure."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from support.clock import RealClock
from support.event_log import RecordingLog
from support.rows import PLACEHOLDER, a_request, admitted
from veobot.core.errors import Stopping
from veobot.core.lifecycle import Lifecycle
from veobot.core.limits import Limits
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import Messenger, PollAnswer, Running, VideoBucket, VideoGenerator
from veobot.core.request import OperationName, RequestId, Submission, VideoOptions
from veobot.core.slots import Slots
from veobot.core.status import SubmissionState
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import open_database


class UnsureAtFirst(Slots):
    """Slots that others may have been given, twice."""

    doubts = 2

    def is_sure(self, request_id: RequestId) -> bool:
        self.doubts -= 1
        return super().is_sure(request_id) and self.doubts < 0


class Generator(VideoGenerator):
    """Accepts everything, and lets the process leave."""

    def __init__(self, slots: UnsureAtFirst, leave: asyncio.Event) -> None:
        self._slots = slots
        self._leave = leave
        self.calls: list[int] = []

    async def prepare(self, options: VideoOptions) -> None:
        pass

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:  # noqa: ARG002 -- the port's
        self.calls.append(self._slots.doubts)
        self._leave.set()
        return OperationName("operations/1")

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:  # noqa: ARG002 -- the port's
        return Running()


async def test_a_slot_that_may_have_gone_to_another_makes_no_call_and_costs_no_attempt(
    tmp_path: Path,
) -> None:
    database = await open_database(tmp_path / "veobot.db", sleep=asyncio.sleep)
    store, stopping, clock = SqlRequestStore(database), asyncio.Event(), RealClock()
    slots = UnsureAtFirst(1, clock)
    slots.open()
    generator = Generator(slots, stopping)
    parts = Parts(
        store=store,
        generator=generator,
        bucket=cast(VideoBucket, None),
        messenger=cast(Messenger, None),  # nobody is told anything
        clock=clock,
        log=RecordingLog(),
        slots=slots,
        notices=NoticePacer(clock),
        limits=Limits(),
        jitter=lambda: 0.0,
        stopping=stopping,
    )
    request = await admitted(store, a_request(created_at=datetime.now(UTC)))
    await store.record_placeholder(request.id, PLACEHOLDER, clock.now())
    with pytest.raises(Stopping):
        await Lifecycle(parts, request.id, request.epoch).run()
    assert generator.calls == [-1]
    (submission,) = (await store.get(request.id)).submissions
    assert (submission.attempt, submission.state) == (1, SubmissionState.ACCEPTED)
    database.close()

"""How long and how often things may go on: the real core, work queue and store, in virtual time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from simulation.loop import run
from simulation.neighbours import (
    ListedLog,
    ScriptedBucket,
    ScriptedGenerator,
    ScriptedMessenger,
    VirtualClock,
    operation_of,
)
from veobot.core.admission import Refusal, Usage, UsageWindow
from veobot.core.errors import Ambiguous, OperatorNeeded, Retryable, StoreUnavailable, TurnTooFarOff
from veobot.core.failures import Failure
from veobot.core.lifecycle import Lifecycle
from veobot.core.limits import LOST_UPLOADS_BEFORE_A_LINK, Limits
from veobot.core.models import AspectRatio, Resolution
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import NotAcknowledged, Outcome, OutcomeVideo, SubmissionEnd, UnreadableRow
from veobot.core.recovery import Recovery
from veobot.core.request import (
    ChannelId,
    GuildId,
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    UserId,
    VideoOptions,
    VideoRequest,
)
from veobot.core.slots import Slots
from veobot.core.status import Closure, Status, SubmissionState
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase
from veobot.workqueue.local import LocalWorkQueue

HOUR = 3600.0
UPLOAD_LIMIT_BYTES = 50
OPTIONS = VideoOptions(
    model="veo-3.1-fast-generate-001",
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=1,
    person_generation="allow_adult",
)


class InterruptedStore(SqlRequestStore):
    """The real store; a test may have it away for some calls, or be told of an intent just committed."""

    outcomes_refused = 0
    reads_refused = 0
    admissions_refused = 0
    commits_misreported = 0
    """So many claims and admissions are reported as failed although they took place."""
    after_intent: Callable[[], None] = staticmethod(lambda: None)

    async def admit(
        self, request: VideoRequest, window: UsageWindow, decide: Callable[[Usage], Refusal | None]
    ) -> Refusal | None:
        if self.admissions_refused:
            self.admissions_refused -= 1
            raise StoreUnavailable
        refusal = await super().admit(request, window, decide)
        self._misreport()
        return refusal

    async def get(self, request_id: RequestId) -> VideoRequest:
        if self.reads_refused:
            self.reads_refused -= 1
            raise StoreUnavailable
        return await super().get(request_id)

    async def claim_incomplete(self, owner: str, now: datetime) -> Sequence[VideoRequest | UnreadableRow]:
        rows = await super().claim_incomplete(owner, now)
        self._misreport()
        return rows

    def _misreport(self) -> None:
        if self.commits_misreported:
            self.commits_misreported -= 1
            raise StoreUnavailable

    async def record_outcome(
        self, request: VideoRequest, outcome: Outcome, ends: Sequence[SubmissionEnd], now: datetime
    ) -> None:
        if self.outcomes_refused:
            self.outcomes_refused -= 1
            raise StoreUnavailable
        await super().record_outcome(request, outcome, ends, now)

    async def record_intent(
        self, request: VideoRequest, attempt: int, prefix: str, now: datetime
    ) -> Submission:
        submission = await super().record_intent(request, attempt, prefix, now)
        self.after_intent()
        return submission


class World:
    """One process of the bot among scripted neighbours."""

    def __init__(self, directory: Path, slots: int = 3) -> None:
        self.clock, self.log = VirtualClock(), ListedLog()
        self.generator, self.bucket = ScriptedGenerator(), ScriptedBucket()
        self.messenger = ScriptedMessenger()
        self.store = InterruptedStore(SqliteDatabase(directory / "veobot.db", sleep=asyncio.sleep))
        self.parts = Parts(
            store=self.store,
            generator=self.generator,
            bucket=self.bucket,
            messenger=self.messenger,
            clock=self.clock,
            log=self.log,
            slots=Slots(slots, self.clock),
            notices=NoticePacer(self.clock),
            limits=Limits(),
            jitter=lambda: 0.5,
        )
        self.queue = LocalWorkQueue(
            lambda request_id, epoch: Lifecycle(self.parts, request_id, epoch).run(),
            lambda request_id, epoch: Lifecycle(self.parts, request_id, epoch).give_up(),
            self.clock,
            self.log,
        )

    async def admit(self, number: int, *, acknowledged: bool = True) -> VideoRequest:
        """Commit a request as `/veo` does."""
        now = self.clock.now()
        request = self.asked(number)
        await self.store.admit(request, UsageWindow(now, now), lambda _: None)
        if acknowledged:
            await self.store.record_placeholder(request.id, Placeholder(MessageId(number + 1000)), now)
        return await self.look(number)

    def asked(self, number: int, *, owner: str = "first") -> VideoRequest:
        """Return a request that is asked now."""
        return VideoRequest(
            id=RequestId(number),
            user_id=UserId(1),
            guild_id=GuildId(2),
            channel_id=ChannelId(3),
            application_id=4,
            interaction_token="token",
            upload_limit_bytes=UPLOAD_LIMIT_BYTES,
            prompt="a red fox in the snow",
            options=OPTIONS,
            created_at=self.clock.now(),
            owner=owner,
            charged_micro_usd=OPTIONS.price_micro_usd,
        )

    async def ask(self, number: int, *, acknowledged: bool = True) -> None:
        """Have a new request carried."""
        self.parts.slots.open()
        request = await self.admit(number, acknowledged=acknowledged)
        self.queue.submit(request.id, request.epoch)

    async def look(self, number: int) -> VideoRequest:
        return await self.store.get(RequestId(number))


def test_a_delivery_that_waits_for_the_operator_holds_no_other_request_up(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path, slots=1)
        world.bucket.size_bytes = UPLOAD_LIMIT_BYTES + 1
        world.bucket.signing_error = OperatorNeeded(fix="Let the account sign links.")
        waiting, others = range(1, 7), range(10, 30)
        for number in waiting:
            await world.ask(number)
        await asyncio.sleep(60)
        world.bucket.size_bytes = UPLOAD_LIMIT_BYTES
        for number in others:
            await world.ask(number)
        await asyncio.sleep(60)
        assert not any([(await world.look(number)).closed for number in waiting])
        assert {(await world.look(number)).closure for number in others} == {Closure.DELIVERED}

    run(simulate())


def test_a_slot_stays_taken_between_two_crashes_while_a_submission_may_be_running(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path, slots=1)

        def crash(operation: OperationName) -> None:
            if operation == operation_of(1):
                raise RuntimeError("nobody expected this")

        world.generator.on_poll = crash
        await world.ask(1)
        await world.ask(2)
        await asyncio.sleep(6)
        assert world.log.events.count("request.crashed") == 3
        assert world.generator.submitted == [1]
        await asyncio.sleep(60)
        assert (await world.look(1)).failure is Failure.INTERNAL
        assert (await world.look(2)).status is Status.COMPLETED

    run(simulate())


def test_giving_up_is_tried_again_when_the_database_was_away(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)

        def crash(_: OperationName) -> None:
            raise RuntimeError("nobody expected this")

        world.generator.on_poll = crash
        world.store.outcomes_refused = 1
        await world.ask(1)
        await asyncio.sleep(HOUR)
        request = await world.look(1)
        assert world.store.outcomes_refused == 0
        assert (request.failure, request.closure) == (Failure.INTERNAL, Closure.DELIVERED)

    run(simulate())


def test_a_wait_that_google_asks_for_does_not_outlast_ten_minutes(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)

        def refuse(_: Submission) -> None:
            raise Retryable(retry_after_seconds=86400, failure=Failure.PROVIDER_BUSY)

        world.generator.on_submit = refuse
        await world.ask(1)
        await asyncio.sleep(HOUR)
        request = await world.look(1)
        assert (request.failure, request.closure) == (Failure.PROVIDER_BUSY, Closure.DELIVERED)
        assert request.closed_at is not None
        # Ten minutes of patience, and one ordinary pause before the last try.
        assert request.closed_at - request.created_at < timedelta(minutes=11)

    run(simulate())


def test_waiting_for_a_turn_of_our_own_pace_is_no_refusal_however_long_it_takes(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        began = asyncio.get_running_loop().time()
        refused = list[float]()

        def prepare() -> None:
            now = asyncio.get_running_loop().time() - began
            if now < 0.9 * HOUR:
                raise TurnTooFarOff(retry_after_seconds=100.0, failure=Failure.PROVIDER_BUSY)
            if not refused:  # nor has it used up the patience with Google
                refused.append(now)
                raise Retryable(failure=Failure.PROVIDER_BUSY)

        world.generator.on_prepare = prepare
        await world.ask(1)
        await asyncio.sleep(HOUR)
        assert refused
        request = await world.look(1)
        assert (request.failure, len(world.generator.submitted)) == (None, 1)

    run(simulate())


def test_an_intent_committed_while_stopping_is_refused_and_never_submitted(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        world.store.after_intent = world.parts.stopping.set
        await world.ask(1)
        await asyncio.sleep(60)
        assert world.generator.submitted == []
        assert [s.state for s in (await world.look(1)).submissions] == [SubmissionState.REFUSED]

    run(simulate())


def test_no_submission_is_intended_once_stopping_is_set_while_preparing(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        world.generator.on_prepare = world.parts.stopping.set
        await world.ask(1)
        await asyncio.sleep(60)
        assert world.generator.submitted == []
        assert (await world.look(1)).submissions == ()

    run(simulate())


def test_an_upload_whose_answer_is_lost_three_times_gives_way_to_a_link(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)

        def lose_files(video: OutcomeVideo | None) -> Ambiguous | None:
            return Ambiguous() if video is not None and video.path is not None else None

        world.messenger.on_outcome = lose_files
        await world.ask(1)
        await asyncio.sleep(HOUR)
        tries = [video is not None and video.link is not None for video in world.messenger.outcomes]
        assert tries == [False] * LOST_UPLOADS_BEFORE_A_LINK + [True]
        assert (await world.look(1)).closure is Closure.DELIVERED

    run(simulate())


def test_a_second_submission_after_a_lost_one_waits_for_a_slot_like_any_other(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path, slots=1)
        world.generator.seconds = 60
        numbers = range(1, 6)
        for number in numbers:
            request = await world.admit(number)
            await world.store.record_intent(request, 1, f"veo/{number}/1/", world.clock.now())
        await Recovery(world.parts, world.queue, "second").run()
        assert sorted(world.generator.submitted) == list(numbers)
        assert world.generator.most_at_once == 1
        assert {(await world.look(number)).closure for number in numbers} == {Closure.DELIVERED}

    run(simulate())


def test_a_request_given_up_before_its_acknowledgement_was_confirmed_still_closes(tmp_path: Path) -> None:
    async def simulate() -> None:
        world = World(tmp_path)
        asked = 0

        def crash_at_first() -> NotAcknowledged:
            nonlocal asked
            asked += 1
            if asked <= 3:
                raise RuntimeError("nobody expected this")
            return NotAcknowledged()

        world.messenger.on_find_acknowledgement = crash_at_first
        await world.ask(1, acknowledged=False)
        await asyncio.sleep(HOUR)
        request = await world.look(1)
        assert (request.failure, request.closure) == (Failure.INTERNAL, Closure.UNACKNOWLEDGED)

    run(simulate())

"""The core's door before the real store; the work queue behind it only remembers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from simulation.neighbours import ScriptedBucket, ScriptedGenerator
from support.requests import a_request
from veobot.core.admission import AdmissionPolicy, Place, Refusal, Usage, UsageWindow
from veobot.core.door import Door
from veobot.core.limits import Limits
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import Clock, EventLog, Messenger, Reply
from veobot.core.recovery import Recovery
from veobot.core.request import Placeholder, RequestId, VideoOptions, VideoRequest
from veobot.core.slots import Slots
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase

PLENTY = AdmissionPolicy(
    allowed_channels=frozenset(),
    age_restricted_only=False,
    quota=1000,
    quota_window=timedelta(hours=24),
    daily_budget_micro_usd=10**12,
    max_waiting=1000,
    models=("veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"),
)
"""More than any test asks for, but for one model."""


class ScriptedStore(SqlRequestStore):
    """The real store; a test may have it refuse or fail, and it keeps the order of what came."""

    refusal: Refusal | None = None
    commit_error: Exception | None = None
    forecast_error: Exception | None = None
    placeholder_error: Exception | None = None

    def __init__(self, database: SqliteDatabase, events: list[str]) -> None:
        super().__init__(database)
        self.events = events

    async def admit(
        self, request: VideoRequest, window: UsageWindow, decide: Callable[[Usage], Refusal | None]
    ) -> Refusal | None:
        if self.commit_error is not None:
            raise self.commit_error
        return self.refusal or await super().admit(request, window, decide)

    async def recent_generation_seconds(
        self, options: VideoOptions, before: datetime, limit: int
    ) -> Sequence[float]:
        if self.forecast_error is not None:
            raise self.forecast_error
        return await super().recent_generation_seconds(options, before, limit)

    async def record_placeholder(
        self, request_id: RequestId, placeholder: Placeholder, now: datetime
    ) -> None:
        self.events.append("acknowledged")
        if self.placeholder_error is not None:
            raise self.placeholder_error
        await super().record_placeholder(request_id, placeholder, now)


class RecordingQueue:
    """Keeps what is handed over, and carries nothing."""

    def __init__(self, events: list[str]) -> None:
        self._events = events
        self.submitted: asyncio.Queue[tuple[RequestId, int]] = asyncio.Queue()

    def submit(self, request_id: RequestId, epoch: int) -> None:
        self._events.append("handed over")
        self.submitted.put_nowait((request_id, epoch))

    async def join(self, request_ids: Sequence[RequestId]) -> None:
        pass


@dataclass
class WatchedDoor:
    """The core's door, which remembers who came."""

    door: Door
    asked: list[tuple[VideoRequest, Place]] = field(default_factory=list)

    async def receive(self, request: VideoRequest, place: Place, reply: Reply) -> None:
        self.asked.append((request, place))
        await self.door.receive(request, place, reply)


def a_door(
    store: ScriptedStore, queue: RecordingQueue, messenger: Messenger, clock: Clock, log: EventLog
) -> WatchedDoor:
    """Build the door of a bot at which two requests wait already."""
    slots = Slots(1, clock)
    for number in (1, 2):
        slots.line_up(a_request(asked=datetime(2020, 1, number, tzinfo=UTC), request_id=RequestId(number)))
    parts = Parts(
        store=store,
        generator=ScriptedGenerator(),
        bucket=ScriptedBucket(),
        messenger=messenger,
        clock=clock,
        log=log,
        slots=slots,
        notices=NoticePacer(clock),
        limits=Limits(),
        jitter=lambda: 0.5,
    )
    return WatchedDoor(Door(parts, Recovery(parts, queue, "the test"), queue, PLENTY, "the test"))

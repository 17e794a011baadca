"""The real core, work queue and store on a loaded dump, among neighbours that remember what the dump's bot did."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from simulation.neighbours import ScriptedBucket, ScriptedGenerator, ScriptedMessenger, VirtualClock
from support.event_log import RecordingLog
from upgrade.dumps import died_at, rows
from upgrade.endings import ACKNOWLEDGEMENT, IN_BUCKET, LANDED, POLLED, RUNNING_FOR_SECONDS, Shown
from veobot.core.lifecycle import Lifecycle
from veobot.core.limits import Limits
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import (
    Finished,
    NotAcknowledged,
    OutcomeVideo,
    PollAnswer,
    Running,
    StoredVideo,
    Unknowable,
)
from veobot.core.recovery import Recovery
from veobot.core.request import (
    MessageId,
    OperationName,
    Placeholder,
    RequestId,
    Submission,
    VideoOptions,
    VideoRequest,
    VideoUri,
)
from veobot.core.slots import Slots
from veobot.store.requests import SqlRequestStore
from veobot.store.sqlite import SqliteDatabase
from veobot.workqueue.local import LocalWorkQueue

START_AFTER = timedelta(seconds=5)
"""Between the kill and the start: so young that what was under way still is."""
SLOTS = 50
"""So many that nobody waits for another: what becomes of a request follows from its own state."""
GENERATION_SECONDS = 30.0
TIME_ENOUGH_SECONDS = 48 * 3600.0
"""Longer than any request may take."""


class ClockFrom(VirtualClock):
    """The running loop's time, counted from a given beginning."""

    def __init__(self, beginning: datetime) -> None:
        self._beginning = beginning

    def now(self) -> datetime:
        return self._beginning + timedelta(seconds=asyncio.get_running_loop().time())


class RememberingGenerator(ScriptedGenerator):
    """Knows the operations of the dump too."""

    def __init__(self, names: Mapping[OperationName, str]) -> None:
        super().__init__()
        self.seconds = GENERATION_SECONDS
        self.asked: dict[str, VideoOptions] = {}
        self._names = names

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        self.asked[prompt] = options
        return await super().submit(prompt, options, submission)

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        name = self._names.get(operation)
        if name is None:
            return await super().poll(operation, options)
        if asyncio.get_running_loop().time() < RUNNING_FOR_SECONDS.get(name, 0.0):
            return Running()
        return POLLED.get(name, Finished(VideoUri(f"gs://bucket/{operation}")))


class RememberingBucket(ScriptedBucket):
    """Holds what was finished while nobody asked."""

    def __init__(self, prefixes: frozenset[str]) -> None:
        super().__init__()
        self._prefixes = prefixes

    async def find(self, prefix: str) -> StoredVideo | None:
        if prefix not in self._prefixes:
            return None
        return StoredVideo(VideoUri(f"gs://bucket/{prefix}video.mp4"), self.size_bytes)


class RememberingMessenger(ScriptedMessenger):
    """Knows what members saw before, and keeps what they are shown since."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[RequestId, tuple[Shown, ...]] = {}

    async def find_acknowledgement(self, request: VideoRequest) -> Placeholder | NotAcknowledged | Unknowable:
        return ACKNOWLEDGEMENT.get(request.prompt) or Placeholder(MessageId(request.id + 1))

    async def edit_outcome(
        self, request: VideoRequest, video: OutcomeVideo | None, *, through_token: bool
    ) -> None:
        del video
        self._show(request, Shown.EDIT if through_token else Shown.CHANNEL_EDIT)

    async def find_outcome(self, request: VideoRequest) -> MessageId | None:
        return MessageId(request.id + 2) if request.prompt in LANDED else None

    async def post_outcome(self, request: VideoRequest, video: OutcomeVideo | None) -> MessageId:
        del video
        self._show(request, Shown.POST)
        return MessageId(request.id + 2)

    def _show(self, request: VideoRequest, shown: Shown) -> None:
        self.shown[request.id] = (*self.shown.get(request.id, ()), shown)


class World:
    """One process of today's bot, started on an older one's database."""

    def __init__(self, path: Path) -> None:
        names = {row["id"]: str(row["prompt"]) for row in rows(path)}
        submissions = rows(path, "submissions")
        self.clock, self.log = ClockFrom(died_at(path) + START_AFTER), RecordingLog()
        self.generator = RememberingGenerator(
            {
                OperationName(str(s["operation"])): names[s["request_id"]]
                for s in submissions
                if s["operation"]
            }
        )
        self.messenger = RememberingMessenger()
        self.database = SqliteDatabase(path, sleep=asyncio.sleep)
        self.parts = Parts(
            store=SqlRequestStore(self.database),
            generator=self.generator,
            bucket=RememberingBucket(
                frozenset(
                    str(s["prefix"])
                    for s in submissions
                    if IN_BUCKET.get(names[s["request_id"]]) == s["attempt"]
                )
            ),
            messenger=self.messenger,
            clock=self.clock,
            log=self.log,
            slots=Slots(SLOTS, self.clock),
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

    async def resume(self) -> None:
        """Start; return when all that was resumed has ended."""
        async with asyncio.timeout(TIME_ENOUGH_SECONDS):
            await Recovery(self.parts, self.queue, "today").run()
        self.database.close()

    def submitted(self) -> Counter[RequestId]:
        """Return how often each request was submitted since the start."""
        return Counter(self.generator.submitted)

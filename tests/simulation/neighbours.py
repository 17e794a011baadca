"""Google, Discord, time and log as a script has them: each does well until a test says otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from veobot.core.errors import Retryable, VeobotError
from veobot.core.ports import (
    Finished,
    NotAcknowledged,
    OutcomeVideo,
    PollAnswer,
    Running,
    SignedLink,
    StoredVideo,
    Unknowable,
)
from veobot.core.progress import Progress
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

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
"""When every simulation begins."""


class VirtualClock:
    """The running loop's time."""

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        return event.is_set()


class ListedLog:
    """Keeps the names of what was logged."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **fields: object) -> None:
        del fields
        self.events.append(event)

    warning = error = exception = info


class ScriptedGenerator:
    """Accepts every submission and takes `seconds` for each video."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.submitted: list[RequestId] = []
        self.most_at_once = 0
        self.on_prepare: Callable[[], None] = lambda: None
        self.on_submit: Callable[[Submission], None] = lambda _: None
        self.on_poll: Callable[[OperationName], None] = lambda _: None
        self._ready_at: dict[OperationName, float] = {}
        self._running: set[OperationName] = set()

    async def prepare(self, options: VideoOptions) -> None:
        del options
        self.on_prepare()

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        del prompt, options
        self.submitted.append(submission.request_id)
        self.on_submit(submission)
        operation = operation_of(submission.request_id, submission.attempt)
        self._ready_at[operation] = asyncio.get_running_loop().time() + self.seconds
        self._running.add(operation)
        self.most_at_once = max(self.most_at_once, len(self._running))
        return operation

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        del options
        self.on_poll(operation)
        if asyncio.get_running_loop().time() < self._ready_at[operation]:
            return Running()
        self._running.discard(operation)
        return Finished(VideoUri(f"gs://bucket/{operation}"))


def operation_of(request_id: int, attempt: int = 1) -> OperationName:
    """Return the name that the scripted generator gives to a submission."""
    return OperationName(f"operations/{request_id}-{attempt}")


class ScriptedBucket:
    """Holds every finished video, each of `size_bytes`; finds none by prefix."""

    def __init__(self) -> None:
        self.size_bytes = 10
        self.signing_error: Retryable | None = None

    async def find(self, prefix: str) -> StoredVideo | None:
        del prefix
        return None

    async def stat(self, uri: VideoUri) -> StoredVideo:
        return StoredVideo(uri, self.size_bytes)

    @asynccontextmanager
    async def download(self, uri: VideoUri, size_bytes: int | None) -> AsyncIterator[Path]:
        del size_bytes
        yield Path(uri.rpartition("/")[2])

    async def signed_link(self, uri: VideoUri, lifetime: timedelta, now: datetime) -> SignedLink:
        if self.signing_error is not None:
            raise self.signing_error
        return SignedLink(f"https://storage.example/{uri}", now + lifetime)


class ScriptedMessenger:
    """Shows what it is told to show, and keeps every try at an outcome."""

    def __init__(self) -> None:
        self.outcomes: list[OutcomeVideo | None] = []
        self.on_outcome: Callable[[OutcomeVideo | None], VeobotError | None] = lambda _: None
        self.on_find_acknowledgement: Callable[[], NotAcknowledged | None] = lambda: None

    async def find_acknowledgement(self, request: VideoRequest) -> Placeholder | NotAcknowledged | Unknowable:
        return self.on_find_acknowledgement() or Placeholder(MessageId(request.id + 1000))

    async def check_reachable(self, request: VideoRequest) -> None:
        del request

    async def show_progress(self, request: VideoRequest, progress: Progress) -> None:
        del request, progress

    async def edit_outcome(
        self, request: VideoRequest, video: OutcomeVideo | None, *, through_token: bool
    ) -> None:
        del request, through_token
        self._tell(video)

    async def repeat_outcome_text(self, request: VideoRequest, video: OutcomeVideo | None) -> None:
        del request, video

    async def shows_video(self, request: VideoRequest) -> bool:
        del request
        return False

    async def find_outcome(self, request: VideoRequest) -> MessageId | None:
        del request
        return None

    async def post_outcome(self, request: VideoRequest, video: OutcomeVideo | None) -> MessageId:
        self._tell(video)
        return MessageId(request.id + 2000)

    async def point_to_outcome(self, request: VideoRequest, message_id: MessageId) -> None:
        del request, message_id

    def _tell(self, video: OutcomeVideo | None) -> None:
        self.outcomes.append(video)
        error = self.on_outcome(video)
        if error is not None:
            raise error

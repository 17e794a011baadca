"""What one process has of the world: the core's ports, scripted. Each call may go wrong as the schedule says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from veobot.core.errors import (
    Ambiguous,
    MessageGone,
    OperatorNeeded,
    Permanent,
    Retryable,
    TokenExpired,
    VeobotError,
)
from veobot.core.failures import Failure
from veobot.core.models import AspectRatio, Resolution
from veobot.core.ports import (
    Deleted,
    NotAcknowledged,
    OutcomeVideo,
    PollAnswer,
    SignedLink,
    StoredVideo,
    Unknowable,
)
from veobot.core.progress import Progress
from veobot.core.request import (
    MessageId,
    OperationName,
    Placeholder,
    Submission,
    VideoOptions,
    VideoRequest,
    VideoUri,
)

from .discord_side import Shown
from .google_side import LARGE_BYTES, SMALL_BYTES, prefix_of
from .record import BEGINNING, NEGATIVE_PROMPT, Call, Command, Content, Kind, Logged
from .schedule import How

if TYPE_CHECKING:
    from .process import Process

T = TypeVar("T")

OPTIONS = VideoOptions(
    model="veo-3.1-fast-generate-001",
    location="us-central1",
    duration_seconds=4,
    aspect_ratio=AspectRatio.LANDSCAPE,
    resolution=Resolution.P720,
    audio=True,
    seed=1,
    person_generation="allow_adult",
    negative_prompt=NEGATIVE_PROMPT,
)
PRICE_MICRO_USD = OPTIONS.price_micro_usd
RETENTION = timedelta(hours=24)
"""The shortest that the application allows: quota and budget count a day."""

ACKNOWLEDGEMENT_TRIES_SECONDS = 2.5
ACKNOWLEDGEMENT_PAUSE_SECONDS = 0.2
LINK = "https://storage.example/"


def moment(seconds: float) -> datetime:
    """Return the time that lies so many seconds after the beginning; a snowflake keeps whole milliseconds."""
    return BEGINNING + timedelta(milliseconds=round(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of call fails."""

    patience_seconds: float
    """How long the adapter waits for an answer."""
    of_google: bool
    """Else Discord's."""
    repeatable: bool
    """Whether it only reads, for Google: an answer that was lost is `Retryable` then, else `Ambiguous`."""


READ_GOOGLE = Shape(30, of_google=True, repeatable=True)
SUBMIT = Shape(60, of_google=True, repeatable=False)
PROGRESS = Shape(5, of_google=False, repeatable=False)
DISCORD = Shape(15, of_google=False, repeatable=False)
UPLOAD = Shape(120, of_google=False, repeatable=False)
ANSWER = Shape(ACKNOWLEDGEMENT_TRIES_SECONDS, of_google=False, repeatable=False)


class ProcessClock:
    """Discord's time, as this process believes it."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self.ahead_seconds = 0.0

    def now(self) -> datetime:
        return moment(self._process.world.now() + self.ahead_seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        return event.is_set()


class ProcessLog:
    """Keeps what was logged."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        process = self._process
        if not process.dead:
            process.world.record.log.append(
                Logged(process.world.now(), process.life.number, level, event, fields)
            )

    def info(self, event: str, **fields: object) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        self._write("exception", event, fields)


class Wire:
    """Makes the calls of one process."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._world = process.world

    async def call(self, name: str, request_id: int, shape: Shape, effect: Callable[[Call], T]) -> T:
        """Make one call: its effect takes place whether or not the caller lives to see it."""
        process, world = self._process, self._world
        call = world.begin(name, process, request_id)
        # Paused here, it would be sent by a process that looked long ago: a window of microseconds, left out.
        await process.point(f"{name}: before", may_pause=False)
        how, seconds = world.spoiled(name, shape)
        call.fault = how or ""
        there, back = world.latencies(name, request_id)
        if how is How.SLOW:
            there += seconds
        answer: asyncio.Future[T | Exception] = asyncio.get_running_loop().create_future()
        lands = how not in {How.REFUSED, How.NOT_SENT, How.LOST_BEFORE, How.OPERATOR}
        result: list[T | Exception] = []

        def land() -> None:
            call.landed_at = world.now()
            try:
                result.append(effect(call))
            except VeobotError as error:
                result.append(error)

        def reply() -> None:
            if process.dead or answer.done():
                return
            value = _answer(how, shape, seconds, result)
            call.answered_at = world.now()
            call.end = type(value).__name__ if isinstance(value, Exception) else "ok"
            answer.set_result(value)

        if lands:
            world.later(there + (seconds if how is How.LATE else 0.0), land)
        world.later(shape.patience_seconds if how is How.HANGS else there + back, reply)
        process.calls_in_hand += 1
        await process.point(f"{name}: sent")
        value = await answer
        process.calls_in_hand -= 1
        await process.point(f"{name}: after")
        if isinstance(value, Exception):
            raise value
        return value


def _answer(how: How | None, shape: Shape, seconds: float, result: list[T | Exception]) -> T | Exception:
    """Return what the caller sees."""
    if how is None or how is How.SLOW:
        return result[0]
    failure = Failure.PROVIDER_UNAVAILABLE if shape.of_google else Failure.INTERNAL
    match how:
        case How.REFUSED:
            busy = Failure.PROVIDER_BUSY if shape.of_google else failure
            return Retryable("429", retry_after_seconds=seconds, failure=busy)
        case How.NOT_SENT:
            return Retryable("no connection", failure=failure)
        case How.OPERATOR:
            return OperatorNeeded("401", fix="Mend the credentials.")
        case How.BROKEN:
            return RuntimeError("nobody expected this")
        case How.MALFORMED if shape.repeatable:
            return Retryable("not understood", failure=Failure.PROVIDER_ERROR)
        case _ if shape.repeatable:
            return Retryable("the connection dropped", failure=failure)
        case _:
            return Ambiguous("the connection dropped")


class ScriptedReply:
    """The one answer to a command."""

    def __init__(self, process: "Process", command: Command) -> None:
        self._wire = Wire(process)
        self._world = process.world
        self._command = command

    def accepted(self) -> None:
        """Nothing to note."""

    async def acknowledge(self, request: VideoRequest, first: Progress) -> Placeholder | None:
        """Try for as long as Discord takes an answer, as the adapter does."""
        del first
        until = self._world.now() + ACKNOWLEDGEMENT_TRIES_SECONDS
        while self._world.now() < until:
            try:
                message_id = await self._wire.call("acknowledge", request.id, ANSWER, self._acknowledge)
            except Permanent:
                return None
            except (Retryable, Ambiguous):
                await asyncio.sleep(ACKNOWLEDGEMENT_PAUSE_SECONDS)
            else:
                return Placeholder(message_id)
        return None

    def _acknowledge(self, call: Call) -> MessageId:
        committed = self._world.is_stored(call.request_id)
        return self._world.discord.acknowledge(self._command, self._world.now(), committed=committed)

    async def refuse(self, request: VideoRequest, reason: object) -> None:
        """Say why not, once; best effort."""
        text = type(reason).__name__
        with suppress(Permanent, Retryable, Ambiguous):
            await self._wire.call(
                "refuse",
                request.id,
                ANSWER,
                lambda _: self._world.discord.refuse(self._command, text, self._world.now()),
            )


class ScriptedGenerator:
    """Vertex, as one process reaches it."""

    def __init__(self, process: "Process") -> None:
        self._wire = Wire(process)
        self._process = process
        self._world = process.world

    async def prepare(self, options: VideoOptions) -> None:
        del options
        await self._wire.call("prepare", 0, READ_GOOGLE, lambda _: None)

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        def effect(call: Call) -> OperationName:
            return self._world.google.submit(
                submission,
                prompt,
                options.negative_prompt,
                life=self._process.life.number,
                begun_at=call.begun_at,
                now=self._world.now(),
            )

        return await self._wire.call("submit", submission.request_id, SUBMIT, effect)

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        del options
        request_id = int(operation.partition("/")[2].partition("-")[0])
        return await self._wire.call(
            "poll", request_id, READ_GOOGLE, lambda _: self._world.google.poll(operation, self._world.now())
        )


class ScriptedBucket:
    """The bucket, as one process reaches it."""

    def __init__(self, process: "Process") -> None:
        self._wire = Wire(process)
        self._process = process
        self._world = process.world

    async def find(self, prefix: str) -> StoredVideo | None:
        return await self._wire.call(
            "find",
            _request_of(prefix),
            READ_GOOGLE,
            lambda _: self._world.google.find(prefix, self._world.now()),
        )

    async def stat(self, uri: VideoUri) -> StoredVideo:
        return await self._wire.call(
            "stat",
            _request_of(prefix_of(uri)),
            READ_GOOGLE,
            lambda _: self._world.google.stat(uri, self._world.now()),
        )

    @asynccontextmanager
    async def download(self, uri: VideoUri, size_bytes: int | None) -> AsyncIterator[Path]:
        del size_bytes
        prefix = prefix_of(uri)
        await self._wire.call(
            "download",
            _request_of(prefix),
            READ_GOOGLE,
            lambda _: self._world.google.stat(uri, self._world.now()),
        )
        self._process.files_open += 1
        try:
            yield Path(prefix)
        finally:
            self._process.files_open -= 1

    async def signed_link(self, uri: VideoUri, lifetime: timedelta, now: datetime) -> SignedLink:
        prefix = prefix_of(uri)
        return await self._wire.call(
            "signed_link",
            _request_of(prefix),
            READ_GOOGLE,
            lambda _: SignedLink(f"{LINK}{prefix}?signature", now + lifetime),
        )


class ScriptedMessenger:
    """Discord, as one process reaches it."""

    def __init__(self, process: "Process") -> None:
        self._wire = Wire(process)
        self._process = process
        self._world = process.world

    async def find_acknowledgement(
        self, request: VideoRequest
    ) -> Placeholder | Deleted | NotAcknowledged | Unknowable:
        command, token = self._command(request), request.interaction_token is not None
        hint = request.token_alive(self._process.clock.now())
        return await self._wire.call(
            "find_acknowledgement",
            request.id,
            DISCORD,
            lambda _: self._world.discord.find_acknowledgement(
                command, self._world.now(), token=token, hint=hint
            ),
        )

    async def check_reachable(self, request: VideoRequest) -> None:
        """Raise only what is proven."""
        with suppress(Retryable, Ambiguous):
            await self._wire.call(
                "check_reachable",
                request.id,
                DISCORD,
                lambda _: self._world.discord.check_reachable(self._command(request)),
            )

    async def show_progress(self, request: VideoRequest, progress: Progress) -> None:
        del progress
        await self._edit_text("show_progress", request, Kind.PROGRESS, None)

    async def repeat_outcome_text(self, request: VideoRequest, video: OutcomeVideo | None) -> None:
        await self._edit_text("repeat_outcome_text", request, Kind.OUTCOME, video)

    async def point_to_outcome(self, request: VideoRequest, message_id: MessageId) -> None:
        del message_id
        await self._edit_text("point_to_outcome", request, Kind.POINTER, None)

    async def _edit_text(
        self, name: str, request: VideoRequest, kind: Kind, video: OutcomeVideo | None
    ) -> None:
        if request.placeholder is None:
            raise MessageGone
        shown = _shown(request, video)
        content = Content(
            kind,
            request.id,
            request.prompt,
            failure=shown.failure if kind is Kind.OUTCOME else None,
            video=shown.file or shown.link,
            link=shown.link is not None,
        )
        token = request.token_alive(self._process.clock.now())
        await self._wire.call(
            name,
            request.id,
            PROGRESS,
            lambda _: self._world.discord.edit_text(
                self._command(request), content, self._world.now(), token=token
            ),
        )

    async def edit_outcome(
        self, request: VideoRequest, video: OutcomeVideo | None, *, through_token: bool
    ) -> None:
        if request.placeholder is None:
            raise MessageGone
        if through_token and request.interaction_token is None:
            raise TokenExpired
        shown = _shown(request, video)
        await self._wire.call(
            "edit_outcome",
            request.id,
            UPLOAD if shown.file else DISCORD,
            lambda _: self._world.discord.edit_outcome(
                self._command(request), shown, self._world.now(), through_token=through_token
            ),
        )

    async def shows_video(self, request: VideoRequest) -> bool:
        return await self._wire.call(
            "shows_video",
            request.id,
            DISCORD,
            lambda _: self._world.discord.shows_video(
                self._command(request),
                self._world.now(),
                token=request.token_alive(self._process.clock.now()),
            ),
        )

    async def find_outcome(self, request: VideoRequest) -> MessageId | None:
        return await self._wire.call(
            "find_outcome",
            request.id,
            DISCORD,
            lambda _: self._world.discord.find_outcome(self._command(request)),
        )

    async def post_outcome(self, request: VideoRequest, video: OutcomeVideo | None) -> MessageId:
        shown = _shown(request, video)
        return await self._wire.call(
            "post_outcome",
            request.id,
            UPLOAD if shown.file else DISCORD,
            lambda _: self._world.discord.post_outcome(self._command(request), shown, self._world.now()),
        )

    def _command(self, request: VideoRequest) -> Command:
        return self._world.record.commands[request.id]


def _shown(request: VideoRequest, video: OutcomeVideo | None) -> Shown:
    """Return what the card of an outcome would say."""
    link = None if video is None or video.link is None else video.link.url
    file = None if video is None or video.path is None else f"{video.path}/"
    large = request.video is not None and request.video.video_size_bytes == LARGE_BYTES
    return Shown(
        failure=None if request.failure is None else request.failure.value,
        prompt=request.prompt,
        user_id=request.user_id,
        channel_id=request.channel_id,
        file=file,
        link=None if link is None else link.removeprefix(LINK).partition("?")[0],
        size_bytes=LARGE_BYTES if large else SMALL_BYTES,
    )


def _request_of(prefix: str) -> int:
    return int(prefix.split("/")[1])

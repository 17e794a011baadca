"""The operations behind the imitated Vertex AI: they run and finish by the sandbox's clock, whoever watches."""

import asyncio
import base64
import logging
import random
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from veobot.sandbox.clips import FORMATS, ClipFormat, render_clip
from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.ledger import JsonValue, Ledger
from veobot.sandbox.models import GenerationRequest

log = logging.getLogger(__name__)

# The one published measurement of a fast generation is 113 s; half of it keeps a demo lively.
DEFAULT_GENERATION_SECONDS = 60.0

# A filtered answer's reason ends in the codes of Google's safety documentation; this one means a celebrity.
DEFAULT_SUPPORT_CODE = "15236754"
DEFAULT_ERROR_CODE = 13  # google.rpc.Code.INTERNAL, the one that is reported in the wild
DEFAULT_ERROR_MESSAGE = "Video generation failed due to an internal server issue. Please try again later."

# google.rpc.Code.NOT_FOUND, for an output bucket that does not exist.
_NOT_FOUND_CODE = 5


class Result(StrEnum):
    """How a scripted generation ends."""

    DONE = "done"
    FILTERED = "filtered"
    FAILED = "failed"
    NO_VIDEOS = "no_videos"
    EMPTY_FILE = "empty_file"
    HANG = "hang"
    GONE = "gone"
    MALFORMED = "malformed"
    UNKNOWN_SHAPE = "unknown_shape"


# What the ledger calls these ends; all others count as done, since Google would say so and charge.
_LEDGER_RESULTS = {Result.FILTERED: "filtered", Result.FAILED: "failed", Result.GONE: "gone"}
_WITH_VIDEO = {Result.DONE, Result.EMPTY_FILE, Result.HANG}


@dataclass(slots=True)
class Scene:
    """A line of the script: what becomes of the next generations whose prompt contains a text.

    Attributes:
        result: how they end.
        contains: the text; None fits every prompt.
        generation_seconds: sandbox seconds until then; None is the usual time.
        times: for how many of them; None is all.
    """

    result: Result = Result.DONE
    contains: str | None = None
    error_code: int = DEFAULT_ERROR_CODE
    message: str = DEFAULT_ERROR_MESSAGE
    support_code: str = DEFAULT_SUPPORT_CODE
    generation_seconds: float | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown result with a ValueError."""
        self.result = Result(self.result)
        if self.times is not None and self.times < 1:
            msg = "A scene's times must be at least 1."
            raise ValueError(msg)


@dataclass(slots=True)
class Operation:
    """One accepted submission and what has become of it.

    Attributes:
        videos: as Google lists them, once finished.
        finished: whether a poll is answered with the end.
    """

    name: str
    request: GenerationRequest
    scene: Scene
    videos: list[Mapping[str, JsonValue]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    finished: bool = False
    rendering: bool = False
    task: asyncio.Task[None] | None = None


class ObjectStore(Protocol):
    """Where finished videos go."""

    async def put(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        """Store the object; False if the bucket does not exist."""


class Generations:
    """Starts operations, remembers them for the process's life and finishes each at its time.

    Args:
        seed: makes the folders' names and the jitter repeatable.
        jitter: how much longer or shorter than usual a generation may take, as a share of the usual time.
    """

    def __init__(
        self,
        clock: SandboxClock,
        ledger: Ledger,
        store: ObjectStore,
        *,
        clip_format: ClipFormat = FORMATS["full"],
        seed: int = 0,
        jitter: float = 0.0,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._store = store
        self._clip_format = clip_format
        self._jitter = jitter
        # One clip at a time: more would only take the processor from the servers on the loop.
        self._renderer = ThreadPoolExecutor(1, thread_name_prefix="veobot-clips")
        self._operations: dict[str, Operation] = {}
        # Goes on over a reset: a new world's operations must not bear the old one's names.
        self._random = random.Random(seed)  # noqa: S311  # a simulation's dice
        self._start_over()

    def _start_over(self) -> None:
        self.generation_seconds = DEFAULT_GENERATION_SECONDS
        self.script: list[Scene] = []

    def start(self, request: GenerationRequest, location_path: str) -> Operation:
        """Accept the submission, charge for it and begin to generate.

        Args:
            request: what was understood of it.
            location_path: `projects/P/locations/L/publishers/google/models/M`.
        """
        unique = uuid.UUID(int=self._random.getrandbits(128), version=4)
        name = f"{location_path}/operations/{unique}"
        operation = Operation(name, request, self._scene_for(request.prompt))
        self._operations[name] = operation
        self._ledger.record(
            "submission",
            operation=name,
            prompt=request.prompt,
            model=request.model,
            parameters=request.parameters,
            storage_uri=request.storage_uri,
            labels=request.labels,
            cost_usd=request.cost_usd,
        )
        self._spawn(operation, self._run(operation))
        return operation

    def find(self, name: str) -> Operation | None:
        """Return the operation of this name, None if there never was one or it is gone."""
        return self._operations.get(name)

    def finish_now(self, *, contains: str | None = None, name: str | None = None) -> int:
        """Finish the running operations that fit, hanging ones too, and return how many they are."""
        chosen = [
            operation
            for operation in self._operations.values()
            if not operation.finished
            and not operation.rendering
            and (name is None or operation.name == name)
            and (contains is None or contains in operation.request.prompt)
        ]
        for operation in chosen:
            if operation.task is not None:
                operation.task.cancel()
            operation.rendering = True
            self._spawn(operation, self._finish(operation))
        return len(chosen)

    def state(self) -> list[Mapping[str, JsonValue]]:
        """Describe all operations, oldest first."""
        return [
            {
                "operation": operation.name,
                "prompt": operation.request.prompt,
                "status": "finished" if operation.finished else "running",
                "result": operation.scene.result.value if operation.finished else None,
                "objects": operation.objects,
            }
            for operation in self._operations.values()
        ]

    async def reset(self) -> None:
        """Forget all operations and the script; what was running never finishes."""
        await self._cancel(operation.task for operation in self._operations.values())
        self._operations.clear()
        self._start_over()

    async def close(self) -> None:
        """Stop what is running, at the server's end."""
        await self.reset()
        self._renderer.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    async def _cancel(tasks: Iterable[asyncio.Task[None] | None]) -> None:
        running = [task for task in tasks if task is not None and not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _scene_for(self, prompt: str) -> Scene:
        for scene in self.script:
            if scene.contains is None or scene.contains in prompt:
                if scene.times is not None:
                    scene.times -= 1
                    if scene.times == 0:
                        self.script.remove(scene)
                return scene
        return Scene()

    @staticmethod
    def _spawn(operation: Operation, work: Coroutine[None, None, None]) -> None:
        operation.task = asyncio.create_task(work, name=operation.name)
        operation.task.add_done_callback(_report)

    async def _run(self, operation: Operation) -> None:
        if operation.scene.result is Result.HANG:
            return  # until somebody finishes it by hand
        seconds = operation.scene.generation_seconds
        if seconds is None:
            spread = self._random.uniform(1 - self._jitter, 1 + self._jitter)
            seconds = self.generation_seconds * spread
        await self._clock.sleep(seconds)
        operation.rendering = True
        await self._finish(operation)

    async def _finish(self, operation: Operation) -> None:
        result = operation.scene.result
        if result in _WITH_VIDEO and not await self._deliver(operation):
            message = f"The output bucket of {operation.request.storage_uri} does not exist."
            operation.scene = Scene(Result.FAILED, error_code=_NOT_FOUND_CODE, message=message)
            result = Result.FAILED
        operation.finished = True
        if result is Result.GONE:
            del self._operations[operation.name]
        self._ledger.record(
            "finished",
            operation=operation.name,
            result=_LEDGER_RESULTS.get(result, "done"),
            object=operation.objects[0] if operation.objects else None,
        )

    async def _deliver(self, operation: Operation) -> bool:
        """Render the video and put it where the request says; False if there is no such bucket."""
        request = operation.request
        content = b""
        if operation.scene.result is not Result.EMPTY_FILE:
            content = await asyncio.get_running_loop().run_in_executor(self._renderer, self._render(request))
        if request.storage_uri is None:
            encoded = base64.b64encode(content).decode()
            operation.videos = [
                {"bytesBase64Encoded": encoded, "mimeType": "video/mp4"}
            ] * request.sample_count
            return True
        bucket, _, prefix = request.storage_uri.removeprefix("gs://").partition("/")
        folder = f"{prefix}{self._random.getrandbits(64)}"
        for number in range(request.sample_count):
            name = f"{folder}/sample_{number}.mp4"
            if not await self._store.put(bucket, name, content, "video/mp4"):
                return False
            operation.objects.append(f"gs://{bucket}/{name}")
        operation.videos = [{"gcsUri": uri, "mimeType": "video/mp4"} for uri in operation.objects]
        return True

    def _render(self, request: GenerationRequest) -> Callable[[], bytes]:
        size = self._clip_format.size(request.aspect_ratio)
        seconds = self._clip_format.fixed_seconds or request.duration_seconds
        return lambda: render_clip(request.prompt, seconds, size, audio=request.generate_audio)


def _report(task: asyncio.Task[None]) -> None:
    """Say so when the sandbox itself failed: the operation stays running, which its bot cannot explain."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("The sandbox could not finish %s.", task.get_name(), exc_info=error)

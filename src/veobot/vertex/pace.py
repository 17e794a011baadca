"""Videos asked for no faster than Google allows, over all who keep the same pace."""

import asyncio
from collections.abc import Awaitable, Callable

from veobot.core.errors import Stopping
from veobot.core.ports import PollAnswer, VideoGenerator
from veobot.core.request import OperationName, Submission, VideoOptions

Permit = Callable[[], Awaitable[None]]


async def unless_stopping(permit: Permit, stopping: asyncio.Event) -> None:
    """Await a turn. Raises `Stopping` as soon as the process is about to leave, and keeps no turn then."""
    turn = asyncio.ensure_future(permit())
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({turn, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not turn.done():
            raise Stopping
        await turn
    finally:
        turn.cancel()
        stop.cancel()


class PacedGenerator(VideoGenerator):
    """A generator whose calls await their turns.

    A submission's turn is awaited in `prepare`, the last thing before its intent is committed: the proof that the
    request is still ours is asked for after that, and nothing may be awaited between that proof and the call.

    Args:
        generator: makes the calls.
        submission: awaited for each submission. Its errors are `prepare`'s: `TurnTooFarOff`; `StoreUnavailable` where
            the database keeps the pace and is away. Neither counts as a refusal of Google's.
        poll: awaited for each look at an operation, which may simply come later. Google's documents count requests to
            a model, and do not say whether these are among them; to be sure, give both the same pace.
    """

    def __init__(self, generator: VideoGenerator, submission: Permit, poll: Permit | None = None) -> None:
        self._generator = generator
        self._submission = submission
        self._poll = poll

    async def prepare(self, options: VideoOptions) -> None:
        """Do all that can be done before a submission, and await its turn."""
        await self._generator.prepare(options)
        await self._submission()

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        """Ask for one video. See `VideoGenerator`."""
        return await self._generator.submit(prompt, options, submission)

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        """Ask how an operation is doing. See `VideoGenerator`."""
        if self._poll is not None:
            await self._poll()
        return await self._generator.poll(operation, options)

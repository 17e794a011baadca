"""Links to finished videos, signed at the moment they are asked for: no link is stored, and none is old."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from .errors import OperatorNeeded, Permanent, Retryable
from .ports import Clock, EventLog, SignedLink, VideoBucket
from .request import RequestId, VideoUri

SIGNED_AT_ONCE = 4
"""Half of the bucket's threads: where signing hangs, deliveries still have the other half."""


class FreshLinks:
    """Signs what can be signed in time.

    Args:
        bucket: where the videos are.
        clock: says when a link's life begins.
        log: is told of each link that could not be had.
        lifetime: how long a link works.
    """

    def __init__(self, bucket: VideoBucket, clock: Clock, log: EventLog, lifetime: timedelta) -> None:
        self._bucket = bucket
        self._clock = clock
        self._log = log
        self._lifetime = lifetime
        self._turns = asyncio.Semaphore(SIGNED_AT_ONCE)
        self._signing: set[asyncio.Task[SignedLink]] = set()

    async def sign(
        self, wanted: Mapping[RequestId, VideoUri], seconds: float
    ) -> Mapping[RequestId, SignedLink]:
        """Return a link for each video; for none that cannot be signed within so many seconds."""
        tasks = {request_id: asyncio.create_task(self._sign(uri)) for request_id, uri in wanted.items()}
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=seconds)
        finally:
            for task in tasks.values():
                task.cancel()
        found = {request_id: self._result(request_id, task) for request_id, task in tasks.items()}
        return {request_id: link for request_id, link in found.items() if link is not None}

    def _result(self, request_id: RequestId, task: "asyncio.Task[SignedLink]") -> SignedLink | None:
        """Return the link, or say why there is none."""
        if not task.done():
            self._log.warning("link.not_signed", request_id=request_id, reason="It was not signed in time")
            return None
        try:
            return task.result()
        except OperatorNeeded as error:
            self._log.warning("link.not_signed", request_id=request_id, reason=str(error), fix=error.fix)
        except (Retryable, Permanent) as error:
            self._log.warning("link.not_signed", request_id=request_id, reason=str(error))
        return None

    async def _sign(self, uri: VideoUri) -> SignedLink:
        """Sign when it is this one's turn. What is begun is not cut off: a thread cannot be, and keeps its turn."""
        await self._turns.acquire()
        signing = asyncio.create_task(self._signed(uri))
        self._signing.add(signing)
        signing.add_done_callback(self._ended)
        return await asyncio.shield(signing)

    async def _signed(self, uri: VideoUri) -> SignedLink:
        return await self._bucket.signed_link(uri, self._lifetime, self._clock.now())

    def _ended(self, signing: "asyncio.Task[SignedLink]") -> None:
        self._signing.discard(signing)
        self._turns.release()
        if not signing.cancelled():
            signing.exception()  # of one that was late nobody wants to know any more

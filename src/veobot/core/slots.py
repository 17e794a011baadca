"""How many videos are made at once, and who is next: a moving window, the oldest request first."""

import asyncio
from bisect import bisect_left, insort
from datetime import datetime, timedelta

from .ports import Clock
from .request import RequestId, VideoRequest


class Slots:
    """At most `limit` requests hold a slot; a free one goes to the oldest in line, by the time it was asked.

    Closed at first: `open` lets requests through, once everything interrupted stands in line. A request whose
    submission may be running at Vertex takes its slot by `hold`, free or not. Every request is let go by `release`.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._open = False
        self._closed_until: datetime | None = None
        self._held: set[RequestId] = set()
        self._line: list[tuple[datetime, RequestId]] = []
        self._turns: dict[RequestId, asyncio.Event] = {}

    def open(self) -> None:
        """Let requests through from now on."""
        self._open = True
        self._grant()

    def close(self) -> None:
        """Let nobody through any more, and wake everybody who waits: the process is leaving."""
        self._open = False
        for turn in self._turns.values():
            turn.set()

    def close_for(self, seconds: float) -> None:
        """Let nobody through for a while: it would be refused."""
        self._closed_until = self._clock.now() + timedelta(seconds=seconds)

    def hold(self, request_id: RequestId) -> None:
        """Take a slot whether or not one is free: a submission of this request may be running."""
        self._leave_line(request_id)
        self._held.add(request_id)

    def holds(self, request_id: RequestId) -> bool:
        """Whether this request has a slot."""
        return request_id in self._held

    def is_sure(self, request_id: RequestId) -> bool:
        """Whether this request has a slot that nobody else can have been given: asked right before a submission."""
        return self.holds(request_id)

    def line_up(self, request: VideoRequest) -> None:
        """Take a place in line, by age; a place already taken is kept."""
        if request.id in self._held or request.id in self._turns:
            return
        insort(self._line, (request.created_at, request.id))
        self._turns[request.id] = asyncio.Event()

    async def wait(self, request: VideoRequest, seconds: float) -> bool:
        """Wait in line, at most `seconds`; return whether the request has a slot now."""
        self.line_up(request)
        self._grant()
        if not self.holds(request.id):
            await self._clock.wait(self._turns[request.id], seconds)
            self._grant()
        return self.holds(request.id)

    def position(self, request: VideoRequest) -> int:
        """Return how many requests are served before this one can be, plus one."""
        return bisect_left(self._line, (request.created_at, request.id)) + 1

    def is_free(self) -> bool:
        """Whether a request that came now would start at once."""
        return self._is_open() and not self._line and len(self._held) < self._limit

    def rounds_before(self, position: int) -> int:
        """Return how many generations' time pass before the one at `position` can start."""
        return -(-position // self._limit)

    def release(self, request_id: RequestId) -> None:
        """Give the slot or the place in line up."""
        self._held.discard(request_id)
        self._leave_line(request_id)
        self._grant()

    def _is_open(self) -> bool:
        return self._open and (self._closed_until is None or self._clock.now() >= self._closed_until)

    def _grant(self) -> None:
        while self._line and self._is_open() and len(self._held) < self._limit:
            _, request_id = self._line.pop(0)
            self._held.add(request_id)
            self._turns.pop(request_id).set()

    def _leave_line(self, request_id: RequestId) -> None:
        if self._turns.pop(request_id, None) is not None:
            self._line = [place for place in self._line if place[1] != request_id]

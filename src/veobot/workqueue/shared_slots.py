"""One window of slots over many processes: the core's `Slots`, kept in a book that all of them share.

The core asks and tells as ever, and never waits for the database: `keep` sends what changed and brings what was given,
at once where something may be had by it, else once a second. Without the database nobody is given a slot, and nothing
else happens.

What bounds how many are made at once: a slot counts as taken from the exchange that gave it until it is given up, and
a submission counts as running from the commit of its intent, for as long as it may run. Between the two a process may
be stopped, forgotten, and its slot given to another. So a submission follows its intent only if, after the intent's
commit, the process's last exchange was begun so short a time ago that it cannot have been forgotten (`is_sure`): then
the slot was counted until the intent was. What has slept longer makes no call and stands in line again.
"""

import asyncio
from bisect import insort
from datetime import datetime, timedelta
from itertools import islice

from veobot.core.errors import StoreUnavailable
from veobot.core.ports import Clock, EventLog
from veobot.core.request import RequestId, VideoRequest
from veobot.core.slot_book import SURE_FOR_SECONDS, Place, SlotBook, SlotChanges, Standing
from veobot.core.slots import Slots

EXCHANGE_SECONDS = 1.0
"""Between two exchanges where nothing calls for one: what is noticed by these alone is a process that died, a deadline
that passed, and a call that got lost."""

PAUSE_SECONDS = 1.0
"""After an exchange that failed."""

CHANGES_AT_ONCE = 500
"""In one exchange: a few milliseconds of the one lock that all processes wait for."""

ASKED_AHEAD_SECONDS = 1.5
"""How long before it is shown a position is asked for; an exchange comes in between."""

_SURE_FOR = timedelta(seconds=SURE_FOR_SECONDS)


class SharedSlots(Slots):
    """The slots of one process among many. `keep` has to run beside it, and `book` to be the same for all.

    `limit` is that of all processes together.
    """

    def __init__(self, limit: int, clock: Clock, book: SlotBook, log: EventLog) -> None:
        super().__init__(limit, clock)
        self._book = book
        self._log = log
        self._asked: dict[RequestId, datetime] = {}
        """When those were asked for that are in line, or were given a slot; not those that took one by `hold`."""
        self._changed: dict[RequestId, None] = {}
        """What the book is to be told of, in this order."""
        self._asking: dict[RequestId, None] = {}
        self._positions: dict[RequestId, int] = {}
        self._standing = Standing(known=False)
        self._exchanged_at: datetime | None = None
        """When the last exchange that succeeded was begun."""
        self._news = asyncio.Event()
        self._talking = asyncio.Lock()
        self._gave_way: bool | None = None
        """Whether others were served before this process's requests when it was closed; None until then."""
        self._left = False
        self._lost_at: datetime | None = None
        """Since when the book cannot be had."""
        self._lost_for = ""
        """Why, as it was last said."""

    async def keep(self) -> None:
        """Exchange with the other processes, until cancelled; however long the database is away."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._book.listen(self._news.set), name="slot-calls")
            tasks.create_task(self._exchange_for_ever(), name="slot-exchange")

    async def leave(self) -> None:
        """Give all places up, so that others need not wait to miss us, and exchange nothing from now on.

        What may be running takes its slot all the same. Raises `StoreUnavailable`.
        """
        self._left = True
        self._exchanged_at = None
        async with self._talking:
            await self._book.leave()

    # -- what the core asks and tells

    def open(self) -> None:
        """Let requests through from now on."""
        super().open()
        self._news.set()

    def close(self) -> None:
        """Let nobody through any more, and wake everybody who waits: the process is leaving.

        Its places count until they are given up, and then as those of a process that has gone: others take them over.
        """
        if self._gave_way is None:
            self._gave_way = not self._is_open()
        super().close()
        self._news.set()

    def close_for(self, seconds: float) -> None:
        """Let nobody of this process through for a while; others may find that they can."""
        super().close_for(seconds)
        self._news.set()

    def hold(self, request_id: RequestId) -> None:
        """Take a slot whether or not one is free: a submission of this request may be running."""
        if request_id not in self._held:
            self._changed[request_id] = None
        self._forget(request_id)
        super().hold(request_id)

    def is_sure(self, request_id: RequestId) -> bool:
        """Whether this request has a slot that nobody else can have been given: asked right before a submission."""
        return self.holds(request_id) and request_id in self._standing.held and self._is_fresh()

    def line_up(self, request: VideoRequest) -> None:
        """Take a place in line, by age; a place already taken is kept."""
        if request.id in self._held or request.id in self._turns:
            return
        super().line_up(request)
        self._asked[request.id] = request.created_at
        self._asking[request.id] = None
        self._changed[request.id] = None
        self._news.set()

    async def wait(self, request: VideoRequest, seconds: float) -> bool:
        """Wait in line, at most `seconds`; return whether the request has a slot now."""
        ahead = min(seconds, ASKED_AHEAD_SECONDS)
        if await super().wait(request, seconds - ahead):
            return True
        if request.id in self._turns:
            self._asking[request.id] = None
        return await super().wait(request, ahead)

    def position(self, request: VideoRequest) -> int:
        """Return how many requests, of all processes, are served before this one can be, plus one."""
        if request.id not in self._turns:
            return self._standing.waiting + 1  # just asked for
        return self._positions.get(request.id) or super().position(request)

    def is_free(self) -> bool:
        """Whether a request that came now would start at once."""
        nobody_waits = not self._line and not self._standing.waiting
        return self._is_open() and self._is_fresh() and nobody_waits and self._standing.taken < self._limit

    def release(self, request_id: RequestId) -> None:
        """Give the slot or the place in line up."""
        if request_id in self._held:
            self._news.set()
        if request_id in self._held or request_id in self._turns:
            self._changed[request_id] = None
        self._forget(request_id)
        super().release(request_id)

    def _grant(self) -> None:
        """Give nothing: that is the book's."""

    def _forget(self, request_id: RequestId) -> None:
        for known in (self._asked, self._asking, self._positions):
            known.pop(request_id, None)

    def _is_fresh(self) -> bool:
        """Whether the others cannot have forgotten this process yet."""
        return self._exchanged_at is not None and abs(self._clock.now() - self._exchanged_at) < _SURE_FOR

    # -- the exchange

    async def _exchange_for_ever(self) -> None:
        while True:
            await self._clock.wait(self._news, EXCHANGE_SECONDS)
            self._news.clear()
            try:
                async with self._talking:
                    if not self._left:
                        await self._exchange()
                        self._note_back()
            except StoreUnavailable as error:
                self._note_lost(str(error))
                await self._clock.sleep(PAUSE_SECONDS)

    async def _exchange(self) -> None:
        """Tell what changed, and take what is given. What may have been told and not heard is told again."""
        began_at = self._clock.now()
        told = list(islice(self._changed, CHANGES_AT_ONCE))
        asking = list(islice(self._asking, CHANGES_AT_ONCE))
        changes = self._changes(told, asking)
        for request_id in told:
            del self._changed[request_id]
        try:
            standing = await self._book.exchange(changes, began_at)
        except BaseException:
            self._changed = dict.fromkeys([*told, *self._changed])
            raise
        if self._left:
            return
        if standing.known:
            self._exchanged_at = began_at
            self._take(standing, asking)
        else:
            self._start_anew()
        if self._changed:
            self._news.set()

    def _changes(self, told: list[RequestId], asking: list[RequestId]) -> SlotChanges:
        places, given_up = list[Place](), list[RequestId]()
        for request_id in told:
            if request_id in self._held or request_id in self._turns:
                # Of slots only those are told that were taken by `hold`: the others are the book's own news.
                places.append(Place(request_id, self._asked.get(request_id)))
            else:
                given_up.append(request_id)
        gives_way = not self._is_open() if self._gave_way is None else self._gave_way
        return SlotChanges(not gives_way, places, given_up, asking)

    def _take(self, standing: Standing, asked: list[RequestId]) -> None:
        self._standing = standing
        for request_id in asked:
            self._asking.pop(request_id, None)
            if request_id in self._turns and request_id in standing.positions:
                self._positions[request_id] = standing.positions[request_id]
        # What has changed since it was told is for the next exchange.
        for request_id in standing.held - self._changed.keys():
            if (turn := self._turns.get(request_id)) is not None:
                self._leave_line(request_id)
                self._positions.pop(request_id, None)
                self._held.add(request_id)
                turn.set()
        for request_id in self._held - standing.held - self._changed.keys():
            self._lose(request_id)

    def _start_anew(self) -> None:
        """The others have forgotten this process: what it was given is lost, and all that it has is told again."""
        self._exchanged_at = None
        self._changed.clear()
        for request_id in list(self._held):
            self._lose(request_id)
        for _, request_id in self._line:
            self._changed[request_id] = None

    def _lose(self, request_id: RequestId) -> None:
        """The book does not know of this slot: put the request back in line, unless it may be running."""
        self._changed[request_id] = None
        if (asked_at := self._asked.get(request_id)) is not None:
            self._held.discard(request_id)
            insort(self._line, (asked_at, request_id))
            self._turns[request_id] = asyncio.Event()

    # -- telling the operator once, and once that it is over

    def _note_lost(self, reason: str) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock.now()
        elif reason == self._lost_for:
            return
        self._lost_for = reason
        self._log.warning("slots.unreachable", reason=reason)

    def _note_back(self) -> None:
        if self._lost_at is None:
            return
        seconds = (self._clock.now() - self._lost_at).total_seconds()
        self._lost_at = None
        self._log.info("slots.reached_again", after_seconds=round(seconds, 1))

"""Where a new request comes in: checked, and committed before anybody is told that it was accepted.

    command ──check──▶ commit ──▶ acknowledge ──▶ record the placeholder ──▶ hand over
                │         │            └────────── failed, or unknown ──────────┘
                └─────────┴──▶ refuse

Whatever becomes of the acknowledgement, a committed request goes to the work queue: the core looks the placeholder up
where its id is not recorded. So does one whose commit was reported as failed and took place all the same.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from .admission import (
    BUDGET_WINDOW,
    AdmissionPolicy,
    Place,
    Refusal,
    Unavailable,
    UsageWindow,
    check_request,
    check_usage,
)
from .errors import AlreadyKnown, RowUnreadable, Stopping, StoreUnavailable
from .forecast import forecast
from .limits import COMMAND_LIFETIME, FORECAST_SAMPLES, backoff_seconds
from .parts import Parts
from .ports import Reply, WorkQueue
from .progress import Progress, Waiting
from .request import VideoRequest


class Records(Protocol):
    """The rows, as far as the door asks before it looks at them."""

    @property
    def records_readable(self) -> bool:
        """False while nothing can be learnt from them: new commands are refused meanwhile."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets requests in, and hands them to the work queue once they are acknowledged."""

    parts: Parts
    records: Records
    queue: WorkQueue
    policy: AdmissionPolicy
    owner: str
    """Who carries what is let in; empty where that is for the work queue to find out."""

    async def receive(self, request: VideoRequest, place: Place, reply: Reply) -> None:
        """Commit the request, then tell the member; or refuse it. A command that came before gets no second answer."""
        age = self.parts.clock.now() - request.created_at
        if age > COMMAND_LIFETIME:
            seconds = int(age.total_seconds())
            self.parts.log.info("command.too_late", request_id=request.id, age_seconds=seconds)
            return
        in_doubt = False
        log = self.parts.log
        try:
            reason = await self._commit(request, place)
        except AlreadyKnown:
            log.info("command.replayed", request_id=request.id)
            return
        except StoreUnavailable as error:
            in_doubt = True
            log.error("request.not_stored", request_id=request.id, reason=str(error))
            reason = Unavailable.NO_RECORDS
        if reason is not None:
            if not isinstance(reason, Unavailable):
                log.info("request.refused", request_id=request.id, refusal=type(reason).__name__)
            await reply.refuse(request, reason)
            if in_doubt:
                await self._carry_if_stored(request)
            return
        reply.accepted()
        try:
            await self._acknowledge(request, reply)
        finally:
            self.queue.submit(request.id, request.epoch)

    async def _commit(self, request: VideoRequest, place: Place) -> Refusal | Unavailable | None:
        """Commit the request if nothing speaks against it; return what does, else None.

        Raises `AlreadyKnown` for a command that was let in before, `StoreUnavailable` where it cannot be committed.
        """
        if self.parts.stopping.is_set():
            return Unavailable.STOPPING
        if not self.records.records_readable:
            return Unavailable.NO_RECORDS
        refusal = check_request(request, place, self.policy)
        if refusal is not None:
            return refusal
        now = self.parts.clock.now()
        window = UsageWindow(quota_since=now - self.policy.quota_window, budget_since=now - BUDGET_WINDOW)
        price = request.options.price_micro_usd
        refusal = await self.parts.store.admit(
            replace(request, owner=self.owner, charged_micro_usd=price),
            window,
            lambda usage: check_usage(usage, self.policy, price),
        )
        if refusal is None:
            self.parts.log.info("request.admitted", request_id=request.id, user_id=request.user_id)
        return refusal

    async def _carry_if_stored(self, request: VideoRequest) -> None:
        """Hand over what was stored although its commit was reported as failed: nobody else would ever carry it.

        Its member was refused. That is no acknowledgement: it is closed as unacknowledged, and the quota given back.
        """
        with suppress(KeyError, RowUnreadable, Stopping):  # nothing to carry; or the next start claims it
            stored = await self._look(request)
            # A command told twice may be in another process's care, or wait to be claimed.
            if stored.owner == self.owner:
                self.queue.submit(stored.id, stored.epoch)

    async def _look(self, request: VideoRequest) -> VideoRequest:
        """Read the row, as soon as the database can be read. Raises KeyError, `RowUnreadable`, `Stopping`."""
        failures = 0
        while True:
            try:
                return await self.parts.store.get(request.id)
            except StoreUnavailable:
                failures += 1
            await self.parts.pause(backoff_seconds(failures, self.parts.jitter(), at_least=1.0))

    async def _acknowledge(self, request: VideoRequest, reply: Reply) -> None:
        """Show the member the first progress, and record which message that became, where it is known."""
        placeholder = await reply.acknowledge(request, await self._forecast(request))
        if placeholder is None:
            return
        try:
            await self.parts.store.record_placeholder(request.id, placeholder, self.parts.clock.now())
        except StoreUnavailable as error:
            self.parts.log.warning("placeholder.not_recorded", request_id=request.id, reason=str(error))
        except KeyError:
            # This process was stopped for days: another has carried the request to its end, and it was deleted.
            self.parts.log.warning("placeholder.not_recorded", request_id=request.id, reason="It is deleted")

    async def _forecast(self, request: VideoRequest) -> Progress:
        """Say what the member is shown first: a video under way where a slot is free, else a place in line."""
        now = self.parts.clock.now()
        try:
            history = await self.parts.store.recent_generation_seconds(request.options, now, FORECAST_SAMPLES)
        except StoreUnavailable:
            history = ()  # the request is committed already: what the member sees must not depend on one more read
        usual = forecast(request.options, history)
        if self.parts.slots.is_free():
            return usual.progress(now, now)
        position = self.parts.slots.position(request)
        seconds = self.parts.slots.rounds_before(position) * usual.usual_seconds
        return Waiting(position, now + timedelta(seconds=seconds))

"""Where a new request comes in: checked, and committed before anybody is told that it was accepted."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from .admission import BUDGET_WINDOW, AdmissionPolicy, Place, Refusal, UsageWindow, check_request, check_usage
from .errors import StoreUnavailable
from .forecast import forecast
from .limits import FORECAST_SAMPLES
from .parts import Parts
from .ports import WorkQueue
from .progress import Progress, Waiting
from .recovery import Recovery
from .request import Placeholder, RequestId, VideoRequest


class Unavailable(StrEnum):
    """Why nobody can be let in at the moment."""

    NO_RECORDS = "no_records"
    """The database cannot be read."""
    STOPPING = "stopping"
    """The process is about to leave."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets requests in, and hands them to the work queue once they are acknowledged."""

    parts: Parts
    recovery: Recovery
    queue: WorkQueue
    policy: AdmissionPolicy
    owner: str

    async def admit(self, request: VideoRequest, place: Place) -> Refusal | Unavailable | None:
        """Commit the request if nothing speaks against it; return what does, else None.

        Raises `AlreadyKnown` for a command that was let in before, `StoreUnavailable` where it cannot be committed.
        """
        if self.parts.stopping.is_set():
            return Unavailable.STOPPING
        if not self.recovery.records_readable:
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

    async def forecast(self, request: VideoRequest) -> Progress:
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

    async def acknowledged(self, request_id: RequestId, placeholder: Placeholder) -> None:
        """Record that the member was shown this message. Raises `StoreUnavailable`."""
        await self.parts.store.record_placeholder(request_id, placeholder, self.parts.clock.now())

    def accepted(self, request: VideoRequest) -> None:
        """Hand the request to the work queue."""
        self.queue.submit(request.id, request.epoch)

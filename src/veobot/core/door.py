"""Where a new request comes in: checked, and committed before anybody is told that it was accepted."""

from dataclasses import dataclass, replace
from enum import StrEnum

from .admission import BUDGET_WINDOW, AdmissionPolicy, Place, Refusal, UsageWindow, check_request, check_usage
from .parts import Parts
from .recovery import Recovery
from .request import VideoRequest


class Unavailable(StrEnum):
    """Why nobody can be let in at the moment."""

    NO_RECORDS = "no_records"
    """The database cannot be read."""
    STOPPING = "stopping"
    """The process is about to leave."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets requests in."""

    parts: Parts
    recovery: Recovery
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
        return await self.parts.store.admit(
            replace(request, owner=self.owner, charged_micro_usd=price),
            window,
            lambda usage: check_usage(usage, self.policy, price),
        )

"""Whether a request is still ours to act for: looked at right before whatever others can see or Google can charge for.

A process can be stopped between any two of its steps, for hours, while another takes its requests over. When it wakes,
what it read is old: it begins nothing before it has read the row again. The one call that it was in may still land.
"""

from datetime import datetime

from .errors import RowUnreadable, StoreUnavailable, Superseded
from .limits import OWNERSHIP_FRESH
from .parts import Parts
from .request import RequestId

PROOFS_TRIED = 3
"""How often the row is read for a proof that is fresh: a process may be stopped during one of them, hardly in each."""


class Ownership:
    """One owner's hold on one request, as of the last time it was proven by the row."""

    def __init__(self, parts: Parts, request_id: RequestId, epoch: int) -> None:
        self._parts = parts
        self._id = request_id
        self._epoch = epoch
        self._proven_at: datetime | None = None

    def proven(self, since: datetime) -> None:
        """Note that a transaction begun at `since` has found the request open and under our epoch."""
        self._proven_at = since

    def is_fresh(self) -> bool:
        """Whether so little time has passed since that nobody can have been stopped for long meanwhile."""
        if self._proven_at is None:
            return False
        return abs(self._parts.clock.now() - self._proven_at) < OWNERSHIP_FRESH

    async def check(self) -> None:
        """Return with the proof fresh; nothing may be awaited between this and the call that it is for.

        Raises `Superseded` where the request is another owner's, closed, or not to be read; `StoreUnavailable`, also
        where the database takes longer to answer than a proof is worth.
        """
        for _ in range(PROOFS_TRIED):
            if self.is_fresh():
                return
            await self._look()
        if not self.is_fresh():
            raise StoreUnavailable(
                "The database answers too slowly; look at the disk and at what else uses it."
            )

    async def _look(self) -> None:
        now = self._parts.clock.now()
        try:
            request = await self._parts.store.get(self._id)
        except (RowUnreadable, KeyError):
            raise Superseded from None  # the next look at the row says what is wrong with it
        if request.closed or request.epoch != self._epoch:
            raise Superseded
        self.proven(now)

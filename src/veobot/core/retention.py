"""Keeps no token and no request longer than it is needed."""

from datetime import datetime, timedelta

from .errors import StoreUnavailable
from .parts import Parts
from .request import TOKEN_LIFETIME

SWEEP_INTERVAL = timedelta(minutes=1)
"""A dead token is kept about so much longer than it lived; all that die in the same minute go together. One that was
stored when it was dead already, by a process that had been stopped, is found 15 minutes later."""
DELETION_INTERVAL = timedelta(hours=1)
"""Requests are kept for days: an hour more is nothing."""
DELETED_AT_ONCE = 200
"""Old requests deleted in one transaction: some milliseconds, so that no command waits for it."""


async def sweep_for_ever(parts: Parts, keep: timedelta) -> None:
    """Erase dead tokens, and delete requests closed longer than `keep` ago. Raises `Stopping` at the end.

    It sleeps until the oldest token dies: an idle bot reads four times an hour.
    """
    look_for_old_at = parts.clock.now() + SWEEP_INTERVAL  # a start has better things to do
    while True:
        now = parts.clock.now()
        look_again_at = now
        try:
            look_again_at = await _erase_dead_tokens(parts, now)
            if now >= look_for_old_at:
                deleted = await parts.store.delete_closed(now - keep, DELETED_AT_ONCE)
                if deleted:
                    parts.log.info("retention.deleted", requests=deleted)
                if deleted < DELETED_AT_ONCE:
                    look_for_old_at = now + DELETION_INTERVAL
            look_again_at = min(look_again_at, look_for_old_at)
        except StoreUnavailable as error:
            parts.log.warning("retention.postponed", reason=str(error))
        # From now on, and not from when it looked: the process may have been stopped in between.
        rest = max(timedelta(0), look_again_at - parts.clock.now()) + SWEEP_INTERVAL
        await parts.pause(rest.total_seconds())


async def _erase_dead_tokens(parts: Parts, now: datetime) -> datetime:
    """Erase them; return when the next one dies, at the earliest."""
    oldest = await parts.store.oldest_token()
    if oldest is not None and oldest < now - TOKEN_LIFETIME:
        await parts.store.erase_expired_tokens(now - TOKEN_LIFETIME)
        oldest = await parts.store.oldest_token()
    # One that comes a moment later lives as long.
    return min(oldest or now, now) + TOKEN_LIFETIME

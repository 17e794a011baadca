"""Keeps no token and no request longer than it is needed."""

from datetime import timedelta

from .errors import StoreUnavailable
from .parts import Parts
from .request import TOKEN_LIFETIME

SWEEP_INTERVAL_SECONDS = 60.0
"""A dead token is kept at most a minute longer than it lived."""
DELETION_INTERVAL = timedelta(hours=1)
"""Requests are kept for days: an hour more is nothing, and a look each minute would be half of an idle bot's work."""
DELETED_AT_ONCE = 200
"""Old requests deleted in one transaction: some milliseconds, so that no command waits for it."""


async def sweep_for_ever(parts: Parts, keep: timedelta) -> None:
    """Erase dead tokens, and delete requests closed longer than `keep` ago. Raises `Stopping` at the end."""
    look_for_old_at = parts.clock.now()
    while True:
        now = parts.clock.now()
        try:
            await parts.store.erase_expired_tokens(now - TOKEN_LIFETIME)
            if now >= look_for_old_at:
                deleted = await parts.store.delete_closed(now - keep, DELETED_AT_ONCE)
                if deleted:
                    parts.log.info("retention.deleted", requests=deleted)
                if deleted < DELETED_AT_ONCE:
                    look_for_old_at = now + DELETION_INTERVAL
        except StoreUnavailable as error:
            parts.log.warning("retention.postponed", reason=str(error))
        await parts.pause(SWEEP_INTERVAL_SECONDS)

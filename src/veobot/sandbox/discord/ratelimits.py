"""Discord's rate limits: buckets by route and major parameter, a global one, and the headers that tell of them.

They count in real seconds, because a bot sleeps by the real clock whatever the sandbox's says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5

from veobot.sandbox.discord.errors import TooManyRequests

# "50 requests per second" for every bot, from the documentation; interaction endpoints are exempt.
GLOBAL_REQUESTS_PER_SECOND = 50
# How many idle buckets are kept before the expired ones are thrown away.
MAX_IDLE_BUCKETS = 2_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in a window of so many real seconds."""

    requests: int
    seconds: float


# Discord publishes no numbers and asks to read the headers; these are what its headers have been seen to say.
CHANNEL_WRITES = Limit(5, 5.0)
WEBHOOK = Limit(5, 2.0)
READS = Limit(50, 1.0)
COMMANDS = Limit(5, 20.0)
TYPING = Limit(5, 5.0)


@dataclass(slots=True)
class Window:
    """What is left of a limit until the window ends (a reading of the monotonic clock)."""

    limit: Limit
    ends_at: float
    remaining: int


class RateLimits:
    """Counts requests and refuses those over a limit.

    Args:
        monotonic: the source of real seconds.
        enforced: False lets everything through, for those who look at anything else.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, *, enforced: bool = True) -> None:
        self._enforced = enforced
        self._monotonic = monotonic
        self._windows: dict[tuple[str, str], Window] = {}

    def reset(self) -> None:
        """Forget every count."""
        self._windows.clear()

    def take(self, bucket: str, major: str, limit: Limit) -> Window:
        """Count one request; `major` is the channel, guild or webhook by which a bucket is divided.

        Raises:
            TooManyRequests: if the window has none left.
        """
        window = self._window((bucket, major), limit)
        if not self._enforced:
            return window
        if window.remaining == 0:
            raise TooManyRequests(window.ends_at - self._monotonic(), scope="user")
        window.remaining -= 1
        return window

    def take_global(self) -> None:
        """Count one request against the bot's fifty a second.

        Raises:
            TooManyRequests: with the scope "global".
        """
        try:
            self.take("global", "", Limit(GLOBAL_REQUESTS_PER_SECOND, 1.0))
        except TooManyRequests as refusal:
            raise TooManyRequests(refusal.retry_after_seconds, scope="global") from None

    def headers(self, bucket: str, window: Window, epoch_seconds: float) -> dict[str, str]:
        """Return the X-RateLimit headers; `epoch_seconds` is now by the clock of the `Date` header."""
        reset_after = max(0.0, window.ends_at - self._monotonic())
        return {
            "X-RateLimit-Limit": str(window.limit.requests),
            "X-RateLimit-Remaining": str(window.remaining),
            "X-RateLimit-Reset": f"{epoch_seconds + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": bucket_hash(bucket),
        }

    def peek(self, bucket: str, major: str, limit: Limit) -> Window:
        """Return a bucket's window without counting."""
        return self._window((bucket, major), limit)

    def _window(self, key: tuple[str, str], limit: Limit) -> Window:
        now = self._monotonic()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            if len(self._windows) >= MAX_IDLE_BUCKETS:
                self._windows = {k: w for k, w in self._windows.items() if w.ends_at > now}
            window = Window(limit, now + limit.seconds, limit.requests)
            self._windows[key] = window
        return window


def bucket_hash(bucket: str) -> str:
    """Return the opaque name by which Discord's headers call a bucket."""
    return md5(bucket.encode(), usedforsecurity=False).hexdigest()

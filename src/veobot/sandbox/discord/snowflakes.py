"""Discord's ids: 64 bits, the upper 42 of which are the time of creation."""

from datetime import UTC, datetime, timedelta

from veobot.sandbox.clock import SandboxClock

# Discord's epoch, from which a snowflake's milliseconds are counted.
DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
TIMESTAMP_SHIFT = 22
MAX_SNOWFLAKE = 2**64 - 1


def snowflake_at(moment: datetime, increment: int = 0) -> int:
    """Return the snowflake of a moment (aware); `increment` tells those of one millisecond apart."""
    milliseconds = (moment - DISCORD_EPOCH) // timedelta(milliseconds=1)
    return (milliseconds << TIMESTAMP_SHIFT) | (increment % (1 << TIMESTAMP_SHIFT))


def created_at(snowflake: int) -> datetime:
    """Return the moment that a snowflake carries, aware, in UTC."""
    return DISCORD_EPOCH + timedelta(milliseconds=snowflake >> TIMESTAMP_SHIFT)


class Snowflakes:
    """Hands out ids by the sandbox's clock: never one twice, and later ones are greater while time goes forward."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._increment = 0

    def next(self, *, seconds_ago: float = 0.0) -> int:
        """Return a new id; `seconds_ago` back-dates it (in sandbox seconds)."""
        self._increment += 1
        return snowflake_at(self._clock.now() - timedelta(seconds=seconds_ago), self._increment)

"""What people did to the server, and when: the judge's excuses."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

CLOCK_TOLERANCE = timedelta(seconds=3)
"""The bot's clock follows Discord's, whose headers count whole seconds, and smaller differences are ignored."""

USUAL_HANG_SECONDS = 6.0
"""How long the wire keeps an answer back that the bot waits for."""


@dataclass(slots=True)
class Closing:
    """A time, by the sandbox's clock, in which the bot lacked a permission in a channel, or the channel was gone."""

    channel_id: str
    since: datetime
    until: datetime | None = None
    """None as long as it lasts: for ever where the channel was deleted."""
    deleted: bool = False

    def began_before(self, moment: datetime) -> bool:
        """Whether it had begun at a moment by the bot's clock."""
        return self.since - CLOCK_TOLERANCE <= moment

    def explains(self, moment: datetime) -> bool:
        """Whether what the bot decided at a moment by its clock may be due to it: an answer is late at times."""
        late = timedelta(seconds=USUAL_HANG_SECONDS) + CLOCK_TOLERANCE
        return self.began_before(moment) and (self.until is None or moment <= self.until + late)

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether any of it fell into a span of the sandbox's time."""
        return self.since <= until and (self.until is None or self.until >= since)


@dataclass(slots=True)
class Mishaps:
    """All of them, by the ledger's numbers."""

    closings: list[Closing] = field(default_factory=list)
    deleted_messages: set[str] = field(default_factory=set)

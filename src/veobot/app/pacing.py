"""How fast all processes together call Discord and Vertex."""

from veobot.bot.calls import TURN_PATIENCE_SECONDS
from veobot.config import Settings
from veobot.core.pacing import PaceBook, Rate
from veobot.pace import MemoryPaceBook, Pace

DISCORD_RATE = Rate(permits=45, seconds=1.0, at_once=5)
"""Discord takes 50 a second from one bot. The rest is for what is called without a turn: logins, registration."""
DISCORD_RATE_ALONE = Rate(permits=5, seconds=1.0)
"""For a process that cannot ask the others: ten of them keep within Discord's limit, and each delivers on."""

VERTEX_PATIENCE_SECONDS = 100.0
"""The request keeps its slot meanwhile. Whoever is further off tries again later."""
VERTEX_AT_ONCE_SHARE = 10
"""A tenth of a minute's submissions may come together: a member who asks after a pause waits for nothing."""


def discord_pace(book: PaceBook) -> Pace:
    """Return the pace of calls by the bot's token."""
    alone = Pace("discord", DISCORD_RATE_ALONE, MemoryPaceBook(), patience_seconds=TURN_PATIENCE_SECONDS)
    return Pace("discord", DISCORD_RATE, book, patience_seconds=TURN_PATIENCE_SECONDS, without_book=alone)


def vertex_pace(settings: Settings, book: PaceBook) -> Pace:
    """Return the pace of submissions."""
    permits = settings.vertex_requests_per_minute
    rate = Rate(permits, 60.0, at_once=1 + permits // VERTEX_AT_ONCE_SHARE)
    return Pace("vertex", rate, book, patience_seconds=VERTEX_PATIENCE_SECONDS)

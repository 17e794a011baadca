"""Who was in which trouble, from when to when: what the judges go by, and nothing that a bot says decides it.

All times are the machine's own, in UTC; so are the sandbox's, whose clock is left alone here.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from itertools import pairwise

DATABASE = "PostgreSQL"
"""Its name among those of the machines."""


class Trouble(Enum):
    """What can be the matter with a process."""

    DOWN = "does not run, or is not ready yet"
    STOPPED = "is stopped"
    LEAVING = "was told to leave"
    CUT = "is cut off from PostgreSQL"


ANY = tuple(Trouble)
DEAF = (Trouble.DOWN, Trouble.STOPPED, Trouble.LEAVING)
"""In which no command can be expected to be answered; one that is cut off from the database can say so."""


@dataclass(slots=True)
class Span:
    """One trouble of one process; `until` is None as long as it lasts."""

    who: str
    trouble: Trouble
    since: datetime
    until: datetime | None = None

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether any of it fell into this time."""
        return self.since < until and (self.until is None or self.until > since)


@dataclass(slots=True)
class Timeline:
    """All troubles of a campaign."""

    spans: list[Span] = field(default_factory=list)

    def begin(self, who: str, trouble: Trouble) -> Span:
        """Note that it begins now."""
        self.spans.append(Span(who, trouble, now()))
        return self.spans[-1]

    def during(
        self, who: Collection[str], since: datetime, until: datetime, troubles: Collection[Trouble] = ANY
    ) -> Iterator[Span]:
        """Yield the troubles of these that fell into a time."""
        for span in self.spans:
            if span.who in who and span.trouble in troubles and span.overlaps(since, until):
                yield span

    def is_well(
        self, who: str, since: datetime, until: datetime, troubles: Collection[Trouble] = ANY
    ) -> bool:
        """Whether it was in none of these troubles all the time."""
        return not any(self.during([who], since, until, troubles))

    def workable_seconds(self, workers: Collection[str], since: datetime, until: datetime) -> float:
        """Return for how long in that time PostgreSQL was well, and at least one of the workers."""
        spans = list(self.during([*workers, DATABASE], since, until))
        edges = {since, until}
        for span in spans:
            edges |= {edge for edge in (span.since, span.until) if edge is not None and since < edge < until}
        seconds = 0.0
        moments = sorted(edges)
        for begin, end in pairwise(moments):
            unwell = {span.who for span in spans if span.overlaps(begin, end)}
            if DATABASE not in unwell and not unwell.issuperset(workers):
                seconds += (end - begin).total_seconds()
        return seconds


def now() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)

"""How soon the requests of a process that is gone show a sign of life again.

The sign is the first line that the rows' own journal has of the request afterwards; for a process that was told to
leave, the first claim by another. Only such time counts in which PostgreSQL ran, and one worker at least was well.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chaos.campaign.judge import moment
from chaos.campaign.memory import Row
from chaos.cluster.acts import Departure, End
from chaos.cluster.timeline import DATABASE, Timeline, Trouble

TAKEN_OVER_WITHIN_SECONDS = 30.0
"""What is promised for a process that is killed, or silent."""
HANDED_OVER_WITHIN_SECONDS = 8.0
"""For one that is told to leave: it gives what it has in hand up to 5 s; the rest is a busy machine's."""


@dataclass(slots=True)
class Takeovers:
    """All of them, in workable seconds, by how the process was lost."""

    seconds: dict[End, list[float]] = field(default_factory=lambda: {end: [] for end in End})
    by_machine: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    slow: list[str] = field(default_factory=list)


def look_at_takeovers(
    departures: Sequence[Departure], transitions: Sequence[Row], timeline: Timeline, workers: Collection[str]
) -> Takeovers:
    """Time each request of each process that was lost."""
    journal: defaultdict[object, list[Row]] = defaultdict(list)
    for row in transitions:
        journal[row["request_id"]].append(row)
    found = Takeovers()
    for departure in departures:
        for request_id, epoch in departure.carried.items():
            at = _sign_of_life(journal[request_id], departure, epoch)
            if at is None:
                continue  # it ended by itself; what never ends is found among the rows
            seconds = timeline.workable_seconds(workers, departure.at, at)
            found.seconds[departure.end].append(seconds)
            found.by_machine[departure.machine].append(seconds)
            if seconds > _allowed_seconds(departure, timeline, at):
                found.slow.append(
                    f"request {request_id} showed no sign of life for {seconds:.1f} workable seconds, "
                    f"after {departure.machine} was {departure.end.value} at {departure.at:%T}"
                )
    return found


def _sign_of_life(journal: Sequence[Row], departure: Departure, epoch: int) -> datetime | None:
    def tells(row: Row) -> bool:
        if departure.end is not End.TERMINATED:
            return True
        return row["event"] == "claimed" and isinstance(row["epoch"], int) and row["epoch"] > epoch

    times = (moment(row["at"]) for row in journal if tells(row))
    return min((at for at in times if at > departure.at), default=None)


def _allowed_seconds(departure: Departure, timeline: Timeline, at: datetime) -> float:
    # Whoever cannot reach PostgreSQL while it leaves hands nothing over: its requests are missed instead.
    alone = departure.end is End.TERMINATED and timeline.is_well(
        departure.machine, departure.at, at, (Trouble.CUT,)
    )
    could = alone and timeline.is_well(DATABASE, departure.at, at)
    return HANDED_OVER_WITHIN_SECONDS if could else TAKEN_OVER_WITHIN_SECONDS

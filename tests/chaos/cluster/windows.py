"""How many videos were made at once, by the ledger.

The design's bound is exact: however many processes there are, and whatever becomes of them, there are never more videos
under way than the cluster has slots. A video is under way from Vertex's answer until it is finished, or until the bot's
deadline for it is over, after which nobody waits for it.

One thing stands beside the bound. A call that a process has begun cannot be called back: stopped between its last look
and the network, the process sends it when it wakes, and where that is more than the submission's time-out after its
intent, nobody counts on it any more. So what lands later than that is counted apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chaos.campaign.judge import moment
from chaos.campaign.memory import Row
from chaos.campaign.mishaps import CLOCK_TOLERANCE
from veobot.sandbox.ledger import Entry

SEEN_BEFORE_SAID = timedelta(milliseconds=50)
"""A video lies in the bucket, for the bot to find, a moment before the ledger says that it is finished."""


@dataclass(slots=True)
class Crowding:
    """How many were under way at once.

    Attributes:
        most: at any time, those that landed late included.
        late: how many landed so late that nobody counted on them.
        too_many: the moments at which there were more than slots, late ones not counted.
    """

    most: int = 0
    late: int = 0
    too_many: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Video:
    operation: str
    since: datetime
    until: datetime
    late: bool


def look_at_crowding(
    entries: Sequence[Entry],
    submissions: Sequence[Row],
    *,
    slots: int,
    submit_timeout: timedelta,
    generation_deadline: timedelta,
) -> Crowding:
    """Count the videos under way whenever one more begins."""
    intents = {str(row["prefix"]): moment(row["intended_at"]) for row in submissions}
    finished = {entry.text("operation"): entry.at for entry in entries if entry.kind == "finished"}
    found = Crowding()
    running: list[_Video] = []
    for entry in entries:
        if entry.kind != "submission":
            continue
        video = _video(entry, intents, finished, submit_timeout, generation_deadline)
        running = [v for v in running if v.until - SEEN_BEFORE_SAID > entry.at]
        running.append(video)
        found.late += video.late
        found.most = max(found.most, len(running))
        expected = sum(not v.late for v in running)
        if expected > slots:
            found.too_many.append(
                f"{expected} videos were under way at {entry.at:%T.%f}, of {slots} at most: entry {entry.seq}"
            )
    return found


def _video(
    entry: Entry,
    intents: Mapping[str, datetime],
    finished: Mapping[str, datetime],
    submit_timeout: timedelta,
    generation_deadline: timedelta,
) -> _Video:
    prefix = str(entry.fields["storage_uri"]).removeprefix("gs://").partition("/")[2]
    operation = entry.text("operation")
    until = min(
        entry.at + generation_deadline, finished.get(operation, datetime.max.replace(tzinfo=entry.at.tzinfo))
    )
    intended_at = intents.get(prefix)
    late = intended_at is not None and entry.at > intended_at + submit_timeout + CLOCK_TOLERANCE
    return _Video(operation, entry.at, until, late)

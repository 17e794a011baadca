"""Whether those who waited in line when all workers were killed began in their order, the oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.cluster.acts import WaitingLine
from veobot.sandbox.ledger import Entry

ROUNDS = 2


@dataclass(slots=True)
class Queues:
    """All lines that were looked at."""

    looked_at: int = 0
    in_line: int = 0
    overtaken_by: int = 0
    """By how many places at most somebody began later than in order."""
    newer_first: int = 0
    """How many began before an older one of a line, that nobody had carried when its workers were killed.

    They are told, and not held against anybody: a worker that has just started cannot tell a dead one from a slow one
    before the lease is over, and whom nobody carries need not wait for that.
    """
    out_of_order: list[str] = field(default_factory=list)


def look_at_queues(lines: Sequence[WaitingLine], entries: Sequence[Entry], slots: int) -> Queues:
    """Compare the order of the first submissions after each kill with the order of asking.

    Those that got their slots together may overtake each other on the wire, and so may those of the next round where
    one process is slower than the others: by fewer places than `ROUNDS` times the slots.
    """
    found = Queues()
    for line in lines:
        waiting = {str(request_id) for request_id in line.request_ids}
        everybody = _began(entries, line)
        began = [request_id for request_id in everybody if request_id in waiting]
        expected = [str(request_id) for request_id in line.request_ids if str(request_id) in began]
        found.newer_first += _newer_first(everybody, expected)
        moved = max((began.index(name) - place for place, name in enumerate(expected)), default=0)
        found.looked_at += 1
        found.in_line += len(began)
        found.overtaken_by = max(found.overtaken_by, moved)
        if moved >= ROUNDS * slots:
            found.out_of_order.append(
                f"of {len(began)} in line at {line.at:%T}, one began {moved} places later than in order"
            )
    return found


def _began(entries: Sequence[Entry], line: WaitingLine) -> list[str]:
    """Return all requests in the order in which they began after the kill."""
    began: dict[str, None] = {}
    for entry in entries:
        if entry.kind == "submission" and entry.at > line.at:
            began.setdefault(str(entry.fields["storage_uri"]).split("/")[-3])
    return list(began)


def _newer_first(everybody: Sequence[str], line: Sequence[str]) -> int:
    left, newer = set(line), 0
    for request_id in everybody:
        if request_id in left:
            left.discard(request_id)
        elif request_id not in line and left:
            newer += int(request_id) > min(int(waiting) for waiting in left)
    return newer

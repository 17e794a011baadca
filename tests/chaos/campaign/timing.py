"""How long interrupted members wait after a restart."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from chaos.campaign.dossier import Archive
from chaos.campaign.watch import Watch


def resumption_seconds(watch: Watch, starts: Sequence[float]) -> list[float]:
    """Return for each start that told something interrupted: how long until it had told the last of that.

    Args:
        starts: when each process was started, by the monotonic clock, oldest first.
    """
    seen_at = {entry.seq: at for entry, at in zip(watch.entries, watch.seen_at, strict=True)}
    longest: defaultdict[int, float] = defaultdict(float)
    for dossier in Archive(watch.entries).by_id.values():
        if dossier.acknowledged is None or not dossier.told:
            continue
        told_at = min(seen_at[entry.seq] for entry in dossier.told)
        life = bisect_right(starts, told_at) - 1
        if life > 0 and seen_at[dossier.acknowledged.seq] < starts[life]:
            longest[life] = max(longest[life], told_at - starts[life])
    return list(longest.values())

"""What many processes have to share so that their slots are one window: who is in line, and who holds a slot.

Each process sends what changed with it and learns how it stands; nothing here grows with how many are in line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .request import RequestId


@dataclass(frozen=True, slots=True)
class Place:
    """One process's claim for one request: a place in line by `asked_at`, or a slot that is taken, free or not."""

    request_id: RequestId
    asked_at: datetime | None
    """None for a slot that is taken."""


@dataclass(frozen=True, slots=True)
class SlotChanges:
    """What changed in one process since it was last heard of; telling it twice changes nothing."""

    open: bool
    """Whether its requests may be given slots now; while not, others are served before them."""
    places: Sequence[Place] = ()
    given_up: Sequence[RequestId] = ()
    asking: Sequence[RequestId] = ()
    """Whose positions it would like to know."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one process stands, as of one moment."""

    known: bool = True
    """False where it was forgotten, as never heard of or for too long: it has no place, and has to send all anew."""
    held: frozenset[RequestId] = frozenset()
    """Its requests that have a slot; a grant stands in here for the first time."""
    taken: int = 0
    """How many slots are taken, over all processes."""
    waiting: int = 0
    """How many requests are in line, over all processes."""
    positions: Mapping[RequestId, int] = field(default_factory=dict)
    """The places in line that it asked for, counted from 1 over all processes."""


class SlotBook(Protocol):
    """The one book of slots. Raises `StoreUnavailable`; what was told may have been written all the same."""

    async def exchange(self, changes: SlotChanges, now: datetime) -> Standing:
        """Write what changed, give free slots to the oldest in line, and tell how this process stands.

        A process that exchanges nothing for `FORGOTTEN_AFTER_SECONDS` is forgotten, with its places and its slots; but
        a request whose submission may be running, as of `now`, takes a slot whoever holds it. An older request that
        nobody has in line, as its process has gone and no other has come to it yet, keeps its turn: for
        `TURN_KEPT_SECONDS` from when it is missed a slot stays free for it.
        """

    async def leave(self) -> None:
        """Forget this process at once."""

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a slot may be free for this process, until cancelled; best effort."""


FORGOTTEN_AFTER_SECONDS = 15.0
"""By the database's clock. As long as the work queue takes to find a worker stalled."""

TURN_KEPT_SECONDS = 30.0
"""By the database's clock. Who dies is forgotten after 15 s, and its requests are taken over within 30 s: twice what
remains. What nobody takes up in this time is not waited for until it stands in line again."""

SURE_FOR_SECONDS = 10.0
"""How long after its last exchange a process may use a slot. Shorter than the time to be forgotten in, since the two
are measured by two clocks, of which the database's may be set while it runs."""

"""What becomes of each state that a dump holds, and what the world says of it meanwhile. By the state's name.

A dump never changes, so nothing is taken out of here; new states add to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from veobot.core.failures import RULES, Failure
from veobot.core.ports import Gone, NotAcknowledged, PollAnswer, Running, Unknowable, Unsuccessful
from veobot.core.status import Closure, Status


class Shown(Enum):
    """By which call a member is shown the outcome."""

    EDIT = auto()
    """The placeholder, through the interaction's token."""
    CHANNEL_EDIT = auto()
    """The placeholder, through its channel."""
    POST = auto()
    """A new message."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request is closed, by which calls its outcome was shown since the start, and what was submitted since."""

    status: Status = Status.COMPLETED
    failure: Failure | None = None
    closure: Closure = Closure.DELIVERED
    shown: tuple[Shown, ...] = (Shown.EDIT,)
    submitted: int = 0


def _failed(failure: Failure, *shown: Shown, submitted: int = 0) -> Ending:
    """Tell why there is no video; by an edit, if nothing else is said."""
    return Ending(RULES[failure].status, failure, shown=shown or (Shown.EDIT,), submitted=submitted)


_EDITED = Ending()
_POSTED = Ending(shown=(Shown.POST,))
_SHOWN_BEFORE = Ending(shown=())
_MADE_AND_EDITED = Ending(submitted=1)
_MADE_AND_POSTED = Ending(shown=(Shown.POST,), submitted=1)
_EXPIRED = _failed(Failure.EXPIRED, Shown.POST)

ENDINGS: Mapping[str, Ending] = {
    "not acknowledged, shown after all": _MADE_AND_EDITED,
    "not acknowledged, never shown": Ending(Status.CANCELLED, None, Closure.UNACKNOWLEDGED, shown=()),
    "not acknowledged, nobody can tell": _MADE_AND_POSTED,
    "not acknowledged, shown a day ago": _EXPIRED,
    "pending, untouched": _MADE_AND_EDITED,
    "pending, other options": _MADE_AND_EDITED,
    "pending, a model that left": _MADE_AND_EDITED,
    "pending, a negative prompt": _MADE_AND_EDITED,
    "pending, token dead": _MADE_AND_POSTED,
    "pending, a day old": _EXPIRED,
    "pending, ephemeral": _MADE_AND_EDITED,
    "pending, believed acknowledged": _MADE_AND_POSTED,
    "pending, refused": _MADE_AND_EDITED,
    "pending, refused and intended again": _MADE_AND_EDITED,
    "pending, accepted": _EDITED,
    # Looked for until its deadline, then made once more.
    "intended, no video yet": _MADE_AND_EDITED,
    "intended, a video meanwhile": _EDITED,
    "intended, past its deadline": _MADE_AND_EDITED,
    "intended, past its deadline, a negative prompt": _MADE_AND_EDITED,
    "intended, past its deadline, a video": _EDITED,
    "intended, a day old": _EXPIRED,
    # Never a third time. By the second's deadline the token is dead.
    "intended twice": _failed(Failure.ANSWER_LOST, Shown.POST),
    "intended twice, the first's video": _EDITED,
    "intended twice, the second's video": _EDITED,
    "intended, then refused": _MADE_AND_EDITED,
    "intended, then generating": _EDITED,
    "intended, then generating, the first's video": _EDITED,
    "generating, running": _EDITED,
    "generating, finished": _EDITED,
    "generating, gone": _failed(Failure.LOST_AT_RESTART),
    "generating, gone, a video": _EDITED,
    "generating, filtered": _failed(Failure.FILTERED),
    "generating, past its deadline": _failed(Failure.TIMED_OUT),
    "generating, past its deadline, finished": _EDITED,
    "generating, token dead, finished": _POSTED,
    "generating, a day old": _EXPIRED,
    # Paid, so it is delivered at any age.
    "generating, a day old, finished": _POSTED,
    "generating, a model that left": _EDITED,
    "completed": _EDITED,
    "completed, token dead": _POSTED,
    "completed, token erased": _POSTED,
    "completed, a day old": _POSTED,
    "completed, too large to attach": _EDITED,
    # An edit that may have landed stays an edit.
    "completed, edit begun": _EDITED,
    "completed, edit begun, token dead": Ending(shown=(Shown.CHANNEL_EDIT,)),
    "completed, post begun": _POSTED,
    "completed, post begun and landed": _SHOWN_BEFORE,
    "completed, posted": _SHOWN_BEFORE,
    "completed, ephemeral, token dead": _POSTED,
    **{f"failed: {failure}": _failed(failure) for failure in Failure},
    "failed, token dead": _failed(Failure.FILTERED, Shown.POST),
    "failed, edit begun": _failed(Failure.FILTERED),
    "failed, post begun": _failed(Failure.TIMED_OUT, Shown.POST),
    "failed, post begun and landed": Ending(Status.TIMEOUT, Failure.TIMED_OUT, shown=()),
    "failed, posted": Ending(Status.TIMEOUT, Failure.TIMED_OUT, shown=()),
    "cancelled": Ending(Status.CANCELLED),
    "pending, to be cancelled": Ending(Status.CANCELLED),
    "intended, to be dropped": Ending(Status.CANCELLED),
    "generating, to be dropped": Ending(Status.CANCELLED),
}

UNREADABLE: Mapping[str, str] = {
    "newer: a status": "status",
    "newer: a submission's state": "state",
    "newer: a shape": "aspect_ratio",
    "newer: a height": "resolution",
    "newer: a failure": "failure",
    "newer: a way of delivery": "delivery_route",
    "damaged: the seed": "seed",
    "damaged: the submission's time": "intended_at",
    "damaged: the time": "created_at",
}
"""What this version cannot read, and the column that the log names."""

# -- what the world says; where nothing stands here, an operation has finished, and a bucket holds nothing unasked

POLLED: Mapping[str, PollAnswer] = {
    "generating, gone": Gone(),
    "generating, gone, a video": Gone(),
    "generating, filtered": Unsuccessful(Failure.FILTERED, "Support codes: 58061214"),
    "generating, past its deadline": Running(),
    "generating, a day old": Running(),
    "intended, then generating, the first's video": Running(),
}

RUNNING_FOR_SECONDS: Mapping[str, float] = {"generating, running": 60.0}
"""From the start on; then it has finished."""

IN_BUCKET: Mapping[str, int] = {
    "intended, a video meanwhile": 1,
    "intended, past its deadline, a video": 1,
    "intended twice, the first's video": 1,
    "intended twice, the second's video": 2,
    "intended, then generating, the first's video": 1,
    "generating, gone, a video": 1,
}
"""The attempt whose video is found by its prefix."""

ACKNOWLEDGEMENT: Mapping[str, NotAcknowledged | Unknowable] = {
    "not acknowledged, never shown": NotAcknowledged(),
    "not acknowledged, nobody can tell": Unknowable(),
}
"""What Discord says of a placeholder that it does not show."""

LANDED = frozenset({"completed, post begun and landed", "failed, post begun and landed"})
"""Whose message is in the channel's history, though its answer got lost."""

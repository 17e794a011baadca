"""How long and how often: every bound on a request's life, in one place."""

from dataclasses import dataclass
from datetime import timedelta

ACKNOWLEDGEMENT_WINDOW = timedelta(seconds=5)
"""Discord takes an acknowledgement within 3 s of the command; 2 s more for one that is on its way."""

COMMAND_LIFETIME = timedelta(hours=24)
"""A closed request is kept at least this long. A process that was stopped wakes with commands in hand that may be
older: another may have served and forgotten them. A younger one is known, or finds nobody who waits for it."""

LAST_LOOK_PATIENCE = timedelta(hours=1)
"""How long past its deadline a request waits for Vertex and the bucket to answer the last look: a finished video is
paid, but a member is not kept waiting for ever by an outage."""

BACKOFF_BASE_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 60.0
"""Retries wait at random up to 1, 2, 4 … 60 s (capped exponential backoff with full jitter, as in Amazon's builders'
library), so that they neither hammer a neighbour in trouble nor come all at once."""

OPERATOR_PAUSE_SECONDS = 30.0
"""How long slots stay closed when credentials, permissions or billing are wrong: only the operator mends that."""

PROGRESS_SETTLE_SECONDS = 5.0
"""A progress edit whose answer was lost may still land this much later; the outcome is written once more after it."""

OWNERSHIP_FRESH = timedelta(seconds=2)
"""How old the proof that a request is ours may be when something is sent for it: a stopped process sleeps longer."""

INTENT_FRESH = timedelta(seconds=10)
"""How old a committed intent may be when its call is made: its deadline counts from the intent."""

LOOK_FRESH = timedelta(minutes=2)
"""How old a look at Vertex and the bucket may be when a request is ended by it; longer than the calls can take."""

POINTER_TRIES = 3
"""How often the placeholder's pointer to a new message is tried: the member has the outcome already."""

TAKEOVER_SETTLE = OWNERSHIP_FRESH + timedelta(seconds=PROGRESS_SETTLE_SECONDS)
"""So long after a takeover, or after a delivery began, an edit of the owner before may still land."""

SUBMISSIONS_AT_ONCE = 16
"""Submissions on their way to Vertex at once, in one process: each takes a second or two, so that some ten are made a
second. With thousands at once each would wait so long for its turn that its intent was too old when it came."""

DELIVERIES_AT_ONCE = 4
"""Finished videos on their way to Discord at once: each is a file on disk and a stream up and down."""

LOST_UPLOADS_BEFORE_A_LINK = 3
"""Uploads whose answer was lost, each after up to two minutes, before the member gets a link instead of the file."""

NOTICE_INTERVAL_SECONDS = 1.0
"""Failures told by a new message follow each other at this distance: Discord takes 5 messages in 5 s a channel."""

FORECAST_SAMPLES = 50
"""How many of the latest videos a forecast looks at."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator may set."""

    request_expiry: timedelta = timedelta(hours=24)
    """A request that waited this long is not worth its money any more."""
    generation_deadline: timedelta = timedelta(minutes=10)
    """Veo takes 11 s to 6 min; what takes longer has gone wrong."""
    submit_timeout: timedelta = timedelta(seconds=60)
    """How long a submission's answer is awaited."""
    submit_patience: timedelta = timedelta(minutes=10)
    """How long refused submissions are repeated, from the first intent on."""
    poll_interval_seconds: float = 10.0
    progress_interval_seconds: float = 15.0
    link_lifetime: timedelta = timedelta(days=7)
    """Google signs links for 7 days at most."""


def backoff_seconds(failures: int, jitter: float, at_least: float = 0.0) -> float:
    """Return how long to wait after the `failures`-th failure in a row; `jitter` is random in [0, 1)."""
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 10))
    return at_least + ceiling * jitter

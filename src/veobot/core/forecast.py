"""When a video will probably be ready, from how long the latest ones took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import Resolution
from .progress import Generating
from .request import VideoOptions

PRIOR_SECONDS = {Resolution.P720: 75.0, Resolution.P1080: 110.0}
"""The median before there is any history: Google says 11 s to 6 min; one measured 720p video took 113 s."""
PRIOR_SPREAD = 2.0
"""Before there is history, 95 in 100 videos are expected within twice the median."""
PRIOR_WEIGHT = 3
"""The prior counts as much as three videos, so that the first odd one does not rule the forecast."""

BAR_AT_USUAL_END = 0.9
"""Where the bar stands when the usual time is over; from there it creeps, and never reaches 1."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long such a video usually takes."""

    usual_seconds: float
    """Three in four were ready by then."""
    late_seconds: float
    """95 in 100 were."""

    def progress(self, started_at: datetime, now: datetime) -> Generating:
        """Return what to show of a generation: a fraction that grows with time and stays below 1."""
        elapsed = max(0.0, (now - started_at).total_seconds())
        return Generating(
            fraction=self._fraction(elapsed),
            ready_at=started_at + timedelta(seconds=self.usual_seconds),
            overdue=elapsed > self.late_seconds,
        )

    def _fraction(self, elapsed: float) -> float:
        if elapsed <= self.usual_seconds:
            return BAR_AT_USUAL_END * elapsed / self.usual_seconds
        beyond = (elapsed - self.usual_seconds) / self.usual_seconds
        return BAR_AT_USUAL_END + (0.98 - BAR_AT_USUAL_END) * (1 - math.exp(-beyond))


def forecast(options: VideoOptions, history_seconds: Sequence[float]) -> Forecast:
    """Forecast from the latest durations of the same kind of video, and the prior while they are few."""
    median = PRIOR_SECONDS[options.resolution]
    prior = [median / PRIOR_SPREAD, median, median * PRIOR_SPREAD][:PRIOR_WEIGHT]
    known = sorted([*history_seconds, *prior])
    return Forecast(usual_seconds=_quantile(known, 0.75), late_seconds=_quantile(known, 0.95))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

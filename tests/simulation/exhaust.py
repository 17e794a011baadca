"""Dies at every single point of a life, and at every pair of points of two lives; is told to stop at every point."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from inspect import getmembers, isfunction

from veobot.core.ports import RequestStore

from .explore import Tally, player
from .schedule import (
    DISCORD_CALLS,
    GOOGLE_CALLS,
    MINUTE,
    Ask,
    Cancels,
    ChannelChanges,
    Crash,
    Fault,
    How,
    Makes,
    Outage,
    Pause,
    Schedule,
    Size,
    Spoil,
    TerminateAt,
    TokenDies,
)

SOON, LATER = 1.0, 16 * MINUTE
"""How long the bot is away: the token lives on, or is dead."""

_ONE = (Ask(1.0, 0, 0),)
_TWO = (Ask(1.0, 0, 0), Ask(1.5, 1, 0))


@dataclass(frozen=True, slots=True)
class Story:
    """A life to die in: who asks, and what else goes wrong."""

    name: str
    asks: tuple[Ask, ...]
    faults: tuple[Fault, ...] = ()
    slots: int = 2
    quota: int = 5
    interval_seconds: float = 60.0
    pairs: bool = True
    """Whether to die twice, at every pair of points."""

    def schedule(self, *ends: Crash | TerminateAt) -> Schedule:
        """Return the schedule with these ends of lives."""
        return Schedule(
            1,
            self.asks,
            (*self.faults, *ends),
            slots=self.slots,
            quota=self.quota,
            interval_seconds=self.interval_seconds,
        )


STORIES = (
    Story("a video in time", _ONE),
    Story("the token dies meanwhile", _ONE, (TokenDies(0, 10.0),)),
    Story("the bot is away until the token is dead", _ONE, (Crash(1, "poll: after#1", LATER),), pairs=False),
    Story("the submission's answer is lost", _ONE, (Spoil("submit", 1, How.LOST_AFTER, 1.0),)),
    Story(
        "the submission is lost with its answer",
        _ONE,
        (Spoil("submit", 1, How.LOST_BEFORE, 1.0),),
        pairs=False,
    ),
    Story("the acknowledgement's answer is lost", _ONE, (Spoil("acknowledge", 1, How.LATE, 0.5),)),
    Story("Google's filter stops it", _ONE, (Makes(0, 1, "filtered"),)),
    Story("Vertex forgets the operation", _ONE, (Makes(0, 1, "forgotten"),)),
    Story("the video never comes", _ONE, (Makes(0, 1, "never"),), pairs=False),
    Story("the video is too large", _ONE, (Size(0, honest=False),)),
    Story(
        "nobody can tell whether it was shown",
        _ONE,
        (
            Spoil("acknowledge", 1, How.HANGS, 0.5),
            TokenDies(0, 0.5),
            ChannelChanges(0, "no_history", 0.5, None),
        ),
        pairs=False,
    ),
    Story(
        "a stopped process learns the operation's name",
        _ONE,
        (Pause(1, "submit: sent#1", 30.0, 5.0),),
        pairs=False,
    ),
    Story("a submission is refused for now", _ONE, (Spoil("submit", 1, How.REFUSED, 1.0),), pairs=False),
    Story(
        "the bucket loses a video that was shown",
        _ONE,
        (Makes(0, 1, "lost"), Crash(1, "edit_outcome: after#1", 120.0)),
        interval_seconds=2.0,
        pairs=False,
    ),
    Story("over the quota", (Ask(1.0, 0, 0), Ask(1.5, 0, 0)), quota=1, pairs=False),
    Story(
        "progress lands after its answer was lost",
        _ONE,
        tuple(Spoil("show_progress", nth, How.LATE, 4.0) for nth in range(1, 30)),
        interval_seconds=2.0,
        pairs=False,
    ),
    Story(
        "progress is slow to land",
        _ONE,
        tuple(Spoil("show_progress", nth, How.SLOW, 4.3) for nth in range(1, 30)),
        interval_seconds=2.0,
        pairs=False,
    ),
    Story(
        "the acknowledgement is slow to land", _ONE, (Spoil("acknowledge", 1, How.SLOW, 2.5),), pairs=False
    ),
    Story(
        "a new command comes while a resumed one is looked up",
        (Ask(1.0, 0, 0), Ask(3.2, 1, 1)),
        (Spoil("find_acknowledgement", 1, How.SLOW, 3.0),),
        slots=1,
        pairs=False,
    ),
    Story(
        "a command comes while the database is locked at the start",
        (Ask(0.0, 0, 0),),
        (Outage("busy", 0.5, 2.0),),
        pairs=False,
    ),
    Story(
        "the database is locked when the bot starts again",
        (Ask(1.0, 0, 0), Ask(5.65, 1, 1)),
        (Outage("busy", 2.1, 3.5),),
        slots=1,
        pairs=False,
    ),
    Story("two requests at once", _TWO, pairs=False),
    Story("a member cancels what waits", _TWO, (Cancels(1, 5.0, drop=False),), slots=1, pairs=False),
    Story("a member drops what is made", _ONE, (Cancels(0, 20.0, drop=True),)),
    Story(
        "a member drops what nobody knows of",
        _ONE,
        (Spoil("submit", 1, How.LOST_AFTER, 1.0), Cancels(0, 20.0, drop=True)),
        pairs=False,
    ),
    Story("two requests, one slot", _TWO, slots=1, pairs=False),
)


NEVER_CALLED = frozenset({"end_submission"})
"""Methods of the store that the core has no use for yet."""


def named_points() -> frozenset[str]:
    """Return the name of every point there is: read off the store's port, and the list of remote calls."""
    transactions = {name for name, _ in getmembers(RequestStore, isfunction) if not name.startswith("_")}
    calls = {*DISCORD_CALLS, *GOOGLE_CALLS}
    return frozenset(
        {f"{name}: {when}" for name in transactions - NEVER_CALLED for when in ("before", "after")}
        | {f"{name}: {when}" for name in calls for when in ("before", "sent", "after")}
    )


@dataclass(frozen=True, slots=True)
class Branch:
    """All that follows from dying at one point: the lives after it end at each of their points in turn."""

    story: Story
    life: int
    point: int
    down_seconds: float
    pairs: bool
    by: type[Crash] | type[TerminateAt] = Crash


def branches(story: Story) -> list[Branch]:
    """Return three branches for each point of each life that the story has by itself: two kills, and SIGTERM."""
    played, _ = player().play(story.schedule())
    points = [(life, point) for life, last in enumerate(played.points, 1) for point in range(1, last + 1)]
    soon = [Branch(story, life, point, SOON, story.pairs) for life, point in points]
    later = [Branch(story, life, point, LATER, pairs=False) for life, point in points]
    told = [Branch(story, life, point, SOON, pairs=False, by=TerminateAt) for life, point in points]
    return soon + later + told


def play_branch(branch: Branch) -> Tally:
    """Die at the branch's point; then, where pairs are wanted, also at each point of the life that follows."""
    return player().play_all(_schedules(branch))


def _schedules(branch: Branch) -> Iterator[Schedule]:
    first = branch.by(branch.life, branch.point, branch.down_seconds)
    once = branch.story.schedule(first)
    yield once
    if branch.pairs:
        played, _ = player().play(once)
        following = branch.life + 1
        last = played.points[branch.life] if len(played.points) > branch.life else 0
        for point in range(1, last + 1):
            yield branch.story.schedule(first, Crash(following, point, branch.down_seconds))


def once(branch: Branch) -> Branch:
    """Return the branch without what follows from its point."""
    return replace(branch, pairs=False)

"""The simulation itself: repeatable, thorough, and able to make a failure simple."""

import pytest

from simulation import schedule as vocabulary
from simulation.drawing import draw
from simulation.exhaust import STORIES, Story, branches, play_branch
from simulation.explore import Player, play_seeds
from simulation.record import Record
from simulation.regressions import REGRESSIONS
from simulation.schedule import Ask, Crash, How, Kill, Makes, Schedule, Size, Spoil
from simulation.shrink import as_code, shrink
from simulation.story import tell

A_SAMPLE = 40
"""Seeds in the ordinary suite; `make simulate` plays thousands."""


def test_a_sample_of_seeds_keeps_every_promise(stage: Player) -> None:
    del stage
    tally = play_seeds(range(A_SAMPLE))
    assert [str(breach) for failed in tally.failed for breach in failed.breaches] == []
    assert tally.crashes > 2 * A_SAMPLE


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_keeps_every_promise_when_nobody_dies(story: Story, stage: Player) -> None:
    _, breaches = stage.play(story.schedule())
    assert breaches == []


def test_dying_at_any_point_of_an_ordinary_request_keeps_every_promise(stage: Player) -> None:
    played, _ = stage.play(STORIES[0].schedule())
    tried = [branch for branch in branches(STORIES[0]) if branch.by is Crash and branch.down_seconds < 60]
    assert len(tried) == played.points[0]
    tally = stage.play_all(
        STORIES[0].schedule(Crash(1, branch.point, branch.down_seconds)) for branch in tried
    )
    assert [str(breach) for failed in tally.failed for breach in failed.breaches] == []
    assert tally.crashes == len(tried)


def test_a_pair_of_deaths_is_two_deaths(stage: Player) -> None:
    branch = branches(STORIES[0])[20]
    tally = play_branch(branch)
    assert tally.crashes == 2 * tally.schedules - 1
    assert stage is not None


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_once_broke_a_promise_keeps_it(name: str, stage: Player) -> None:
    _, breaches = stage.play(REGRESSIONS[name])
    assert [str(breach) for breach in breaches] == []


def test_a_bot_that_dies_every_four_seconds_closes_what_it_has_delivered(stage: Player) -> None:
    loop = tuple(Kill(life, 4.0, 1.0) for life in range(2, 30))
    schedule = Schedule(1, (Ask(1.0, 0, 0),), (Crash(1, "edit_outcome: sent#1", 1.0), *loop))
    record = stage.play(schedule)[0].record
    delivered_at = next(at for m in record.messages.values() for at, says in m.contents if says.video)
    closed_at = next(c.at for c in record.changes if c.row.get("closed_at") is not None)
    assert closed_at - delivered_at < 15


def test_the_same_seed_tells_the_same_story(stage: Player) -> None:
    first, second = (list(tell(stage.play(draw(7))[0].record)) for _ in range(2))
    assert first == second


def test_dropping_a_fault_changes_nothing_before_it(stage: Player) -> None:
    asks = (Ask(1.0, 0, 0), Ask(2.0, 1, 1))
    early = Spoil("poll", 1, How.SLOW, 1.0)
    with_both = stage.play(Schedule(3, asks, (early, Kill(1, 40.0, 5.0))))[0].record
    with_one = stage.play(Schedule(3, asks, (early,)))[0].record
    assert _calls(with_both, until=39) == _calls(with_one, until=39)


def test_a_failing_schedule_is_shrunk_to_the_fault_that_matters(stage: Player) -> None:
    def filtered(schedule: Schedule) -> bool:
        return any(row["failure"] == "filtered" for row in stage.play(schedule)[0].record.rows)

    guilty = Makes(0, 1, "filtered")
    schedule = Schedule(
        1, (Ask(1.0, 0, 0),), (Crash(1, 9, 1.0), Size(0, honest=True), guilty, Kill(2, 9.0, 1.0))
    )
    assert shrink(schedule, filtered).faults == (guilty,)


def test_a_schedule_is_written_as_code_that_builds_it_again() -> None:
    for seed in range(30):
        schedule = draw(seed)
        assert eval(as_code(schedule), vars(vocabulary)) == schedule  # noqa: S307 -- one's own words


def _calls(record: Record, until: float) -> list[tuple[str, int, float]]:
    return [(call.name, call.request_id, call.begun_at) for call in record.calls if call.begun_at < until]

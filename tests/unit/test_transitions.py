"""Which moves exist between the states of a request."""

from hypothesis import given
from hypothesis import strategies as st

from veobot.core.status import TRANSITIONS, Status


@given(st.lists(st.sampled_from(Status), max_size=8))
def test_no_walk_through_the_states_ever_returns_or_leaves_a_failure(wishes: list[Status]) -> None:
    walk = [Status.PENDING]
    for wish in wishes:
        if wish in TRANSITIONS[walk[-1]]:
            walk.append(wish)
    assert len(set(walk)) == len(walk), "no state comes twice"
    assert all(not status.is_outcome or status is Status.COMPLETED for status in walk[:-1])


def test_a_known_outcome_changes_only_from_completed_to_failed() -> None:
    changes = {(a, b) for a, targets in TRANSITIONS.items() for b in targets if a.is_outcome}
    assert changes == {(Status.COMPLETED, Status.FAILED)}


def test_every_state_can_be_reached_from_pending() -> None:
    reached = {Status.PENDING}
    for _ in Status:
        reached |= {target for status in reached for target in TRANSITIONS[status]}
    assert reached == set(Status)

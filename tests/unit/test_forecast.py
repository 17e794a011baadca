"""The bar and the finishing time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from support.requests import NOON, OPTIONS
from veobot.core.forecast import forecast

durations = st.lists(st.floats(1, 600), max_size=50)
elapsed = st.floats(0, 3600)


@given(durations, elapsed, elapsed)
def test_the_bar_never_goes_backwards_and_never_reaches_the_end(
    history: list[float], one: float, other: float
) -> None:
    usual = forecast(OPTIONS, history)
    earlier, later = sorted((one, other))
    first = usual.progress(NOON, NOON + timedelta(seconds=earlier))
    second = usual.progress(NOON, NOON + timedelta(seconds=later))
    assert 0 <= first.fraction <= second.fraction < 1


def test_without_history_a_documented_prior_is_used() -> None:
    usual = forecast(OPTIONS, [])
    assert usual.usual_seconds == 150
    assert usual.late_seconds == 150


def test_history_soon_outweighs_the_prior() -> None:
    usual = forecast(OPTIONS, [30.0] * 20)
    assert usual.usual_seconds == 30


def test_late_is_what_95_in_100_were_faster_than() -> None:
    usual = forecast(OPTIONS, [float(n) for n in range(1, 51)])
    assert usual.progress(NOON, NOON + timedelta(seconds=usual.late_seconds + 1)).overdue
    assert not usual.progress(NOON, NOON + timedelta(seconds=usual.late_seconds - 1)).overdue

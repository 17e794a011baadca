"""Whether things began in order, where some may begin at the same moment."""

from collections.abc import Sequence


def assert_began_in_order(seen: Sequence[str], expected: Sequence[str], at_once: int) -> None:
    """Assert that each began in its place; those that got their slots at the same moment may overtake on the wire."""
    assert sorted(seen) == sorted(expected)
    moved = {name: seen.index(name) - place for place, name in enumerate(expected)}
    assert all(abs(places) < at_once for places in moved.values()), moved

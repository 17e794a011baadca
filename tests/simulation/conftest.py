"""What the tests of the simulation need."""

from collections.abc import Iterator

import pytest

from simulation.explore import Company, Player, player


@pytest.fixture
def stage() -> Iterator[Player]:
    """Provide a player of schedules."""
    with Company(1):
        yield player()

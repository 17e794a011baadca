"""What docs/reliability.md says of the proofs is true."""

import re
from pathlib import Path

from simulation.invariants import INVARIANTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()


def test_every_invariant_is_named_in_its_own_words() -> None:
    listed = re.findall(r"^- ([a-z][a-z ]+)$", PAGE, flags=re.MULTILINE)
    assert listed == [invariant.__name__.replace("_", " ") for invariant in INVARIANTS]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert named
    assert named <= targets

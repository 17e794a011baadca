"""One hunt: the simulation on a copy of the product, and the proof that what it found is the bug's doing."""

import json
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from mutants.player import BROKEN, KEPT, Player
from mutants.seeded import Bug, DoesNotApply, copy_product, plant

OVERTIME_SECONDS = 120.0
"""How much longer than it was given a hunt may take, start and last schedule included, on a busy machine."""


class Verdict(StrEnum):
    """How a hunt ended."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    BROKEN = "broken"
    """It says nothing about the bug: the hunt failed, or what it found is not the bug's doing."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """One hunt's result. `bug` is None for the control: the product as it is."""

    bug: Bug | None
    verdict: Verdict
    invariant: str = ""
    """The invariant that was broken; where the hunt says nothing, why."""
    replay: str = ""
    """The command that shows it again, on the mutated copy."""
    schedules: int | None = None
    seconds: float | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "the product as it is" if self.bug is None else self.bug.name

    @property
    def as_expected(self) -> bool:
        """Whether the bug was caught; the control, whether it was not."""
        return self.verdict is (Verdict.SURVIVED if self.bug is None else Verdict.CAUGHT)


def hunt(bug: Bug | None, product: Path, simulation: Sequence[str], seconds: float) -> Hunt:
    """Look for a broken invariant in the product with this bug, for so many seconds at most.

    Args:
        product: a copy of the product without any bug: what is found must be the bug's doing.
        simulation: the command with `hunt` and `replay`.
    """
    with tempfile.TemporaryDirectory(prefix="veobot-mutant-") as directory:
        copy = Path(directory)
        copy_product(product, copy)
        try:
            if bug is not None:
                plant(bug, copy)
        except DoesNotApply as error:
            return Hunt(bug, Verdict.BROKEN, str(error))
        mutant, original = Player(copy, simulation), Player(product, simulation)
        mutant.assert_copy_is_used()
        try:
            return _hunt(bug, mutant, original, seconds)
        except subprocess.TimeoutExpired:
            return Hunt(bug, Verdict.BROKEN, "the simulation did not end in time")


def _hunt(bug: Bug | None, mutant: Player, original: Player, seconds: float) -> Hunt:
    if not mutant.delivers_the_ordinary():
        return Hunt(bug, Verdict.BROKEN, "a request that nothing disturbs is not delivered")
    found = _read(bug, mutant.hunt(seconds, OVERTIME_SECONDS))
    if bug is None or found.verdict is not Verdict.CAUGHT or original.keeps(_schedule(found.replay)):
        return found
    return replace(
        found, verdict=Verdict.BROKEN, invariant=f"the product itself does not keep: {found.invariant}"
    )


def _schedule(replay: str) -> str:
    """Return the schedule as code: what the command line that replays it ends with."""
    return shlex.split(replay)[-1] if replay else ""


def _read(bug: Bug | None, result: subprocess.CompletedProcess[str]) -> Hunt:
    found = _last_object(result.stdout)
    schedules, seconds = found.get("schedules"), found.get("seconds")
    counts = (
        schedules if isinstance(schedules, int) else None,
        float(seconds) if isinstance(seconds, int | float) else None,
    )
    invariant, replay = found.get("invariant"), found.get("replay")
    if result.returncode == KEPT:
        return Hunt(bug, Verdict.SURVIVED, "", "", *counts)
    if result.returncode == BROKEN and isinstance(invariant, str):
        return Hunt(bug, Verdict.CAUGHT, invariant, str(replay or ""), *counts)
    complaint = result.stderr.strip().splitlines() or ["nothing on its error stream"]
    return Hunt(bug, Verdict.BROKEN, f"exit status {result.returncode}: {complaint[-1]}")


def _last_object(output: str) -> dict[str, object]:
    """Return the JSON object on the last line; none is as good as an empty one."""
    lines = output.strip().splitlines()
    try:
        found: object = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""One hunt: the simulation, run as a process of its own on a copy of the product."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mutants.seeded import REPOSITORY, Bug, DoesNotApply, copy_product, plant

HUNTER = (sys.executable, "-m", "simulation", "hunt")
"""The command that looks for a broken invariant: exit status 1 and a JSON object on its last line once it has one."""
OVERTIME_SECONDS = 120.0
"""How much longer than it was given a hunt may take, start and last schedule included, on a busy machine."""

_FOUND, _NOTHING = 1, 0
_WHERE_IS_IT = "import pathlib, veobot; print(pathlib.Path(veobot.__file__).resolve())"


class Verdict(StrEnum):
    """How a hunt ended."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    BROKEN = "broken"
    """The hunt itself failed: it says nothing about the bug."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """One hunt's result. `bug` is None for the control: the product as it is."""

    bug: Bug | None
    verdict: Verdict
    invariant: str = ""
    """The invariant that was broken; where the hunt itself failed, why."""
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


def hunt(bug: Bug | None, hunter: Sequence[str], seconds: float) -> Hunt:
    """Look for a broken invariant in the product with this bug, for so many seconds at most."""
    with tempfile.TemporaryDirectory(prefix="veobot-mutant-") as directory:
        copy = Path(directory)
        copy_product(copy)
        try:
            if bug is not None:
                plant(bug, copy)
        except DoesNotApply as error:
            return Hunt(bug, Verdict.BROKEN, str(error))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(REPOSITORY / "tests")]),
        }
        _assert_copy_is_used(copy, environment)
        command = [*hunter, "--seconds", f"{seconds:g}", "--jobs", "1"]
        try:
            result = subprocess.run(
                command,
                cwd=copy,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds + OVERTIME_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Hunt(bug, Verdict.BROKEN, "the hunt did not end in time")
        return _read(bug, result)


def _assert_copy_is_used(copy: Path, environment: dict[str, str]) -> None:
    """The product is installed, too: make sure that the copy comes first."""
    where = subprocess.check_output(
        [sys.executable, "-c", _WHERE_IS_IT], cwd=copy, env=environment, text=True
    ).strip()
    assert Path(where).is_relative_to(copy.resolve()), (
        f"veobot would be imported from {where}, not from the copy"
    )


def _read(bug: Bug | None, result: subprocess.CompletedProcess[str]) -> Hunt:
    found = _last_object(result.stdout)
    schedules, seconds = found.get("schedules"), found.get("seconds")
    counts = (
        schedules if isinstance(schedules, int) else None,
        float(seconds) if isinstance(seconds, int | float) else None,
    )
    invariant, replay = found.get("invariant"), found.get("replay")
    if result.returncode == _NOTHING:
        return Hunt(bug, Verdict.SURVIVED, "", "", *counts)
    if result.returncode == _FOUND and isinstance(invariant, str):
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

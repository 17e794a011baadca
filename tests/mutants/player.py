"""A copy of the product, and the simulation that is played on it, in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.seeded import REPOSITORY

SIMULATION = (sys.executable, "-m", "simulation")
"""The command line with `hunt` and `replay`."""

ORDINARY = "Schedule(seed=1, asks=(Ask(at=1.0, member=0, channel=0),))"
"""One request that nothing disturbs."""
DELIVERED = "closure: None → delivered"
"""What the story of a request says at its good end."""

KEPT, BROKEN = 0, 1
"""Exit statuses of `replay` and of `hunt`: whether an invariant was broken."""

REPLAY_SECONDS = 60.0
"""A replay takes about a second, on a busy machine some more."""

_WHERE_IS_IT = "import pathlib, veobot; print(pathlib.Path(veobot.__file__).resolve())"


@dataclass(frozen=True, slots=True)
class Player:
    """Plays on the copy of the product in a directory.

    Attributes:
        copy: holds src/veobot.
        simulation: the command to which `hunt` or `replay` and their arguments are added.
    """

    copy: Path
    simulation: Sequence[str]

    def hunt(self, seconds: float, overtime_seconds: float) -> subprocess.CompletedProcess[str]:
        """Look for a broken invariant. Raises `subprocess.TimeoutExpired` where the hunt does not end."""
        return self._run(
            "hunt", "--seconds", f"{seconds:g}", "--jobs", "1", within=seconds + overtime_seconds
        )

    def keeps(self, schedule: str) -> bool:
        """Whether the copy keeps every invariant in this schedule. Raises `subprocess.TimeoutExpired`."""
        return self._run("replay", schedule, within=REPLAY_SECONDS).returncode == KEPT

    def delivers_the_ordinary(self) -> bool:
        """Whether a request that nothing disturbs is delivered. Raises `subprocess.TimeoutExpired`.

        It may break an invariant: a bug that writes secrets to the log needs no crash to be seen.
        """
        played = self._run("replay", ORDINARY, within=REPLAY_SECONDS)
        return played.returncode in {KEPT, BROKEN} and DELIVERED in played.stdout

    def assert_copy_is_used(self) -> None:
        """The product is installed, too: make sure that the copy comes first."""
        where = subprocess.check_output(
            [sys.executable, "-c", _WHERE_IS_IT], cwd=self.copy, env=self._environment, text=True
        ).strip()
        assert Path(where).is_relative_to(self.copy.resolve()), (
            f"veobot would be imported from {where}, not from the copy"
        )

    @property
    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.copy / "src"), str(REPOSITORY / "tests")])
        # The story is not told in ASCII.
        return {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}

    def _run(self, *arguments: str, within: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.simulation, *arguments],
            cwd=self.copy,
            env=self._environment,
            capture_output=True,
            encoding="utf-8",
            timeout=within,
            check=False,
        )

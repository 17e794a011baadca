"""The seeded bugs: patches to the product, each a mistake that somebody could make or has made.

A patch begins with a header: the bug as one sentence, then where such a bug was seen or why it is easily written. The
mutated code works as long as nothing goes wrong; it is what a crash, a lost answer or a second owner finds.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PRODUCT = Path("src/veobot")
BUGS = Path(__file__).parent / "bugs"

_CHANGED_FILE = re.compile(r"^--- a/(\S+)$", re.MULTILINE)


class DoesNotApply(Exception):
    """The patch is not for the present code."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One patch."""

    path: Path

    @property
    def name(self) -> str:
        """The number and the short name, as in `24-third-submission`."""
        return self.path.stem

    @property
    def number(self) -> int:
        """What `--only` names."""
        return int(self.name.split("-")[0])

    @property
    def text(self) -> str:
        """The whole file: the header, and the diff."""
        return self.path.read_text(encoding="utf-8")

    @property
    def header(self) -> list[str]:
        """What precedes the diff, by lines."""
        return self.text[: self.text.index("\n--- a/")].splitlines()

    @property
    def sentence(self) -> str:
        """What the mutated code does wrong."""
        return self.header[0]

    @property
    def changed_files(self) -> list[Path]:
        """Which files the patch changes, relative to the repository."""
        return [Path(name) for name in _CHANGED_FILE.findall(self.text)]


def all_bugs() -> list[Bug]:
    """Return every bug, by number."""
    return [Bug(path) for path in sorted(BUGS.glob("*.patch"))]


def copy_product(source: Path, target: Path) -> None:
    """Copy the product, src/veobot, from one directory to another."""
    shutil.copytree(
        source / PRODUCT,
        target / PRODUCT,
        ignore=shutil.ignore_patterns("__pycache__"),
        dirs_exist_ok=True,
    )


def plant(bug: Bug, target: Path) -> None:
    """Apply the patch to the copy in `target`. Raises `DoesNotApply`."""
    # Git would look for a repository above, and then skip what lies outside of the directory it stands in.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(target.resolve().parent)}
    result = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(bug.path.resolve())],  # noqa: S607 -- whichever git is there
        cwd=target,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise DoesNotApply(f"the patch is not for the present code: {result.stderr.strip().splitlines()[0]}")

"""Every seeded bug is a mistake in the present code, and says in a sentence which."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from mutants.seeded import PRODUCT, REPOSITORY, Bug, all_bugs, plant

AT_LEAST = 30
LONGEST_SENTENCE = 115
"""Characters: so that a report shows it in one line."""
SIMULATED = (
    "src/veobot/core/",
    "src/veobot/store/",
    "src/veobot/workqueue/carrying.py",
    "src/veobot/workqueue/local.py",
)
"""Where a bug can be found by a simulation of the core."""

BUGS = all_bugs()
each_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


def test_there_are_at_least_thirty_bugs_and_no_number_twice() -> None:
    assert len(BUGS) >= AT_LEAST
    assert len({bug.number for bug in BUGS}) == len(BUGS)


@each_bug
def test_a_bug_applies_to_the_present_code_and_leaves_it_readable(bug: Bug, tmp_path: Path) -> None:
    for file in bug.changed_files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / file)
    plant(bug, tmp_path)
    for file in bug.changed_files:
        mutated = (tmp_path / file).read_text(encoding="utf-8")
        assert mutated != (REPOSITORY / file).read_text(encoding="utf-8")
        ast.parse(mutated)


@each_bug
def test_a_bug_can_land_in_one_place_only(bug: Bug) -> None:
    for file, hunks in _hunks_by_file(bug).items():
        code = (REPOSITORY / file).read_text(encoding="utf-8")
        for expected in hunks:
            assert code.count(expected) == 1, f"found {code.count(expected)} times in {file}:\n{expected}"


@each_bug
def test_a_bug_lies_in_code_that_the_simulation_runs(bug: Bug) -> None:
    assert bug.changed_files
    for file in bug.changed_files:
        assert file.is_relative_to(PRODUCT)
        assert file.as_posix().startswith(SIMULATED)


@each_bug
def test_a_bugs_header_is_one_sentence_and_then_where_it_comes_from(bug: Bug) -> None:
    sentence, *origin = bug.header
    assert len(sentence) <= LONGEST_SENTENCE
    assert re.fullmatch(r"[A-Z][^.]*\.", sentence)
    assert any(line.strip() for line in origin)


def _hunks_by_file(bug: Bug) -> dict[Path, list[str]]:
    """Return what each hunk expects to find: its context and what it removes."""
    found: dict[Path, list[str]] = {}
    lines = iter(bug.text[bug.text.index("\n--- a/") + 1 :].splitlines(keepends=True))
    hunks: list[str] = []
    for line in lines:
        if line.startswith("--- a/"):
            hunks = found.setdefault(Path(line.removeprefix("--- a/").strip()), [])
            next(lines)
        elif line.startswith("@@"):
            hunks.append("")
        elif not line.startswith("+"):
            hunks[-1] += line[1:]
    return found

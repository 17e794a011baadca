"""The runner, before hunters that find everything, nothing, or one bug."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from mutants.__main__ import main

THIRD_SUBMISSION, PROMPT_IN_THE_LOG = "24", "59"
FOUND = '{"invariant": "At most two submissions.", "replay": "replay 7", "schedules": 12, "seconds": 0.5}'
NOTHING = '{"invariant": null, "replay": null, "schedules": 99, "seconds": 20.0}'

ONE_BUG = f"""
import sys
from veobot.core.request import MAX_ATTEMPTS
assert sys.argv[1:] == ["--seconds", "7", "--jobs", "1"], sys.argv
print("hunting")
print('{FOUND}' if MAX_ATTEMPTS > 2 else '{NOTHING}')
sys.exit(MAX_ATTEMPTS > 2)
"""
EVERYTHING = f"print('{FOUND}'); raise SystemExit(1)"
CRASHES = (
    "import veobot.core.recovery as r; raise SystemExit('prompt=' in open(r.__file__).read() and 'no memory')"
)


@pytest.fixture
def hunter(tmp_path: Path) -> Path:
    return tmp_path / "hunter.py"


def run(hunter: Path, code: str, *arguments: str) -> int:
    hunter.write_text(code, encoding="utf-8")
    return main(["--hunter", shlex.join([sys.executable, str(hunter)]), "--seconds", "7", *arguments])


def test_a_caught_bug_is_reported_with_its_invariant(
    hunter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    assert run(hunter, ONE_BUG, "--only", THIRD_SUBMISSION, "--json", str(results)) == 0
    assert "1 of 1 bugs caught" in capsys.readouterr().out
    control, bug = json.loads(results.read_text(encoding="utf-8"))
    assert (control["bug"], control["verdict"], control["schedules"]) == (None, "survived", 99)
    assert (bug["bug"], bug["verdict"]) == ("24-third-submission", "caught")
    assert (bug["invariant"], bug["replay"]) == ("At most two submissions.", "replay 7")
    assert (bug["schedules"], bug["seconds"]) == (12, 0.5)


def test_a_survivor_is_named_and_fails_the_run(hunter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(hunter, ONE_BUG, "--only", THIRD_SUBMISSION, "--only", PROMPT_IN_THE_LOG) == 1
    shown = capsys.readouterr().out
    assert "1 of 2 bugs caught" in shown
    assert "59-prompt-in-the-log: survived" in shown


def test_a_hunter_that_finds_fault_with_the_product_itself_ends_the_run(
    hunter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(hunter, EVERYTHING) == 1
    shown = capsys.readouterr().out
    assert "The product as it is: caught" in shown
    assert "0 of 0 bugs caught" in shown


def test_a_hunt_that_crashes_has_caught_nothing(hunter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(hunter, CRASHES, "--only", PROMPT_IN_THE_LOG) == 1
    shown = capsys.readouterr().out
    assert "59-prompt-in-the-log: broken" in shown
    assert "no memory" in shown


def test_an_unknown_number_is_refused(hunter: Path) -> None:
    with pytest.raises(SystemExit, match="There is no bug 999"):
        run(hunter, ONE_BUG, "--only", "999")

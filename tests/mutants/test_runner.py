"""The runner, before simulations that find everything, nothing, or one bug."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from mutants.__main__ import main
from mutants.player import DELIVERED, ORDINARY

THIRD_SUBMISSION, PROMPT_IN_THE_LOG = "24", "59"
FOUND = """{"invariant": "At most two submissions.", "replay": "play 'Schedule(7)'", "schedules": 12, "seconds": 0.5}"""
NOTHING = '{"invariant": null, "schedules": 99, "seconds": 20.0}'

BEGINNING = f"""
import sys
from pathlib import Path
import veobot.core.recovery as recovery
from veobot.core.request import MAX_ATTEMPTS
FOUND, NOTHING = {FOUND!r}, {NOTHING!r}
what, *arguments = sys.argv[1:]
third = MAX_ATTEMPTS > 2
prompt = "prompt=" in Path(recovery.__file__).read_text()
if arguments == [{ORDINARY!r}]:
    print({DELIVERED!r})
    sys.exit(0)
"""
"""Of every stub: what it is told, where it stands, and the undisturbed request."""

ONE_BUG = """
if what == "replay":
    assert arguments == ["Schedule(7)"], arguments
    sys.exit(third)
assert [what, *arguments] == ["hunt", "--seconds", "7", "--jobs", "1"], sys.argv
print("hunting")
print(FOUND if third else NOTHING)
sys.exit(third)
"""
EVERYTHING = "print(FOUND); sys.exit(1)"
CRASHES = "sys.exit('no memory' if prompt else 0)"
FLAW_OF_THE_PRODUCT = """
if what == "hunt" and not third:
    print(NOTHING)
    sys.exit(0)
print(FOUND)
sys.exit(1)
"""
"""Only in a hunt with the bug it is come upon, though the product has it, too."""


@pytest.fixture
def simulation(tmp_path: Path) -> Path:
    return tmp_path / "simulation.py"


def run(simulation: Path, code: str, *arguments: str, beginning: str = BEGINNING) -> int:
    simulation.write_text(beginning + code, encoding="utf-8")
    command = shlex.join([sys.executable, str(simulation)])
    return main(["--simulation", command, "--seconds", "7", *arguments])


def test_a_caught_bug_is_reported_with_its_invariant(
    simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    assert run(simulation, ONE_BUG, "--only", THIRD_SUBMISSION, "--json", str(results)) == 0
    assert "1 of 1 bugs caught" in capsys.readouterr().out
    control, bug = json.loads(results.read_text(encoding="utf-8"))
    assert (control["bug"], control["verdict"], control["schedules"]) == (None, "survived", 99)
    assert (bug["bug"], bug["verdict"]) == ("24-third-submission", "caught")
    assert (bug["invariant"], bug["replay"]) == ("At most two submissions.", "play 'Schedule(7)'")
    assert (bug["schedules"], bug["seconds"]) == (12, 0.5)


def test_a_survivor_is_named_and_fails_the_run(simulation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(simulation, ONE_BUG, "--only", THIRD_SUBMISSION, "--only", PROMPT_IN_THE_LOG) == 1
    shown = capsys.readouterr().out
    assert "1 of 2 bugs caught" in shown
    assert "59-prompt-in-the-log: survived" in shown


def test_a_hunt_that_finds_fault_with_the_product_itself_ends_the_run(
    simulation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(simulation, EVERYTHING) == 1
    shown = capsys.readouterr().out
    assert "The product as it is: caught" in shown
    assert "0 of 0 bugs caught" in shown


def test_a_hunt_that_crashes_has_caught_nothing(simulation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(simulation, CRASHES, "--only", PROMPT_IN_THE_LOG) == 1
    shown = capsys.readouterr().out
    assert "59-prompt-in-the-log: broken" in shown
    assert "no memory" in shown


def test_what_the_product_itself_breaks_is_no_catch(
    simulation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(simulation, FLAW_OF_THE_PRODUCT, "--only", THIRD_SUBMISSION) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 of 1 bugs caught" in shown
    assert "24-third-submission: broken (the product itself does not keep: At most two submissions.)" in shown


def test_a_bug_that_breaks_the_ordinary_request_is_no_catch(
    simulation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crashing = BEGINNING.replace(f"print({DELIVERED!r})", f"print('' if third else {DELIVERED!r})")
    assert run(simulation, ONE_BUG, "--only", THIRD_SUBMISSION, beginning=crashing) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "24-third-submission: broken (a request that nothing disturbs is not delivered)" in shown


def test_an_unknown_number_is_refused(simulation: Path) -> None:
    with pytest.raises(SystemExit, match="There is no bug 999"):
        run(simulation, ONE_BUG, "--only", "999")

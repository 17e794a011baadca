"""A small campaign of kills, and proof that its judge can fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.campaign.plan import draw_plans
from chaos.campaign.windows import WINDOWS, Window

TESTS = Path(__file__).parent.parent

# The campaign drains within seconds; a machine that runs other tests beside it is slow.
pytestmark = pytest.mark.timeout(200)


def run_campaign(
    directory: Path, *arguments: str
) -> tuple["subprocess.CompletedProcess[str]", dict[str, object]]:
    report = directory / "report.json"
    campaign = subprocess.run(
        [sys.executable, "-m", "chaos.campaign", "--jobs", "1", "--no-freeze", "--json", report, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    return campaign, json.loads(report.read_text()) if report.exists() else {}


def test_six_kills_break_no_promise(tmp_path: Path) -> None:
    campaign, report = run_campaign(tmp_path, "--kills", "6", "--seed", "20")

    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert "PASS  every promise was kept" in campaign.stdout
    assert "--kills 6 --jobs 1 --seed 20" in campaign.stdout
    assert report["kills"] == 6
    assert report["integrity_checks"] == 7
    assert [
        report[name] for name in ("lost", "duplicate_outcomes", "paid_twice", "wrong", "unclosed_rows")
    ] == [0] * 5
    assert isinstance(report["acknowledged"], int)
    assert report["acknowledged"] >= 5


def test_without_recovery_the_judge_names_every_lost_request(tmp_path: Path) -> None:
    campaign, report = run_campaign(
        tmp_path, "--kills", "4", "--seed", "18", "--no-recovery", "--patience", "6"
    )

    assert campaign.returncode == 1, campaign.stdout + campaign.stderr
    assert "FAIL  promises were broken" in campaign.stdout
    assert isinstance(report["lost"], int)
    assert report["lost"] >= 1
    assert isinstance(report["broken"], list)
    lost = [line.split()[0] for line in report["broken"] if "was told nothing" in line]
    assert len(lost) == report["lost"]
    for request_id in lost:
        assert f"request {request_id} was acknowledged, and its member was told nothing" in campaign.stdout
    assert "--seed 18 --no-freeze --no-recovery" in campaign.stdout


def test_the_same_seed_draws_the_same_campaign() -> None:
    assert draw_plans(7, 50, 2, (16.0,)) == draw_plans(7, 50, 2, (16.0,))
    assert draw_plans(7, 50, 2, (16.0,)) != draw_plans(8, 50, 2, (16.0,))


@pytest.mark.parametrize(("kills", "jobs"), [(1, 1), (6, 1), (50, 2), (51, 2)])
def test_a_plan_has_as_many_kills_as_were_asked_for(kills: int, jobs: int) -> None:
    for seed in range(20):
        plans = draw_plans(seed, kills, jobs, (16.0,))
        assert sum(strike.kills for plan in plans for strike in plan) == kills
        assert sum(strike.frozen_seconds == 16.0 for plan in plans for strike in plan) == 1


def test_a_hundred_kills_fall_in_every_named_window() -> None:
    for seed in range(20):
        plans = draw_plans(seed, 100, 2, ())
        drawn = [strike.where for plan in plans for strike in plan if isinstance(strike.where, Window)]
        assert {window.name for window in WINDOWS} <= {window.name for window in drawn}

"""A small campaign against a cluster, proof that it can fail, and a small rolling deploy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

# Each starts half a dozen processes; a machine that runs other tests beside it is slow.
pytestmark = pytest.mark.timeout(240)


def run(
    program: str, directory: Path, *arguments: str
) -> tuple["subprocess.CompletedProcess[str]", dict[str, object]]:
    report = directory / "report.json"
    finished = subprocess.run(
        [sys.executable, "-m", program, "--json", report, *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished, json.loads(report.read_text()) if report.exists() else {}


def test_six_kills_break_no_promise_of_a_cluster(tmp_path: Path) -> None:
    campaign, report = run(
        "chaos.cluster", tmp_path, "--kills", "6", "--seed", "3", "--workers", "2", "--no-long"
    )

    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert "PASS  every promise was kept" in campaign.stdout
    assert "--kills 6 --seed 3 --workers 2 --gateways 2 --no-long" in campaign.stdout
    assert report["kills"] == 6
    broken = (
        "lost",
        "duplicate_outcomes",
        "paid_twice",
        "wrong",
        "unclosed_rows",
        "unanswered",
        "over_the_limit",
    )
    assert [report[name] for name in broken] == [0] * len(broken)
    assert isinstance(report["acknowledged"], int)
    assert report["acknowledged"] >= 5


def test_without_workers_the_judge_names_every_lost_request(tmp_path: Path) -> None:
    campaign, report = run(
        "chaos.cluster",
        tmp_path,
        "--kills",
        "1",
        "--seed",
        "2",
        "--workers",
        "0",
        "--no-long",
        "--patience",
        "3",
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


def test_nobody_notices_a_rolling_deploy(tmp_path: Path) -> None:
    drill, report = run(
        "chaos.deploy_drill", tmp_path, "--seed", "3", "--workers", "1", "--gateways", "1", "--members", "4"
    )

    assert drill.returncode == 0, drill.stdout + drill.stderr
    assert "PASS  no member noticed the deploy" in drill.stdout
    assert report["replaced"] == 2
    broken = (
        "unanswered",
        "refused",
        "answered_twice",
        "lost",
        "duplicate_outcomes",
        "paid_twice",
        "unclosed_rows",
    )
    assert [report[name] for name in broken] == [0] * len(broken)
    assert report["asked"] == report["answered"]

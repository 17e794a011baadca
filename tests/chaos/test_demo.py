"""The demo for real: a simulated world, the real bot, one kill -9, and a judgement that can go either way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

# The demo's own watchdog ends it after 120 s; a machine that runs other tests beside it is slow.
pytestmark = pytest.mark.timeout(200)

COMMAND = [sys.executable, "-m", "veobot", "demo"]


def run_demo(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], cwd=directory, capture_output=True, text=True, check=False)


def test_the_demo_passes_and_leaves_every_video_playable(tmp_path: Path) -> None:
    demo = run_demo(tmp_path, "--json", "ledger.json")

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "PASS  7 of 7 interrupted requests" in demo.stdout
    assert "lost 0 · told twice 0 · paid twice 0 · resumed before new: yes" in demo.stdout
    videos = sorted((tmp_path / "veobot-demo").iterdir())
    assert [path.name[0] for path in videos] == ["1", "2", "3", "4", "5", "6", "8"]
    for path in videos:
        with av.open(str(path), "r") as container:
            assert len([frame.pts for frame in container.decode(video=0)]) >= 96
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert ledger["passed"] is True
    assert len(set(ledger["caught"].values())) == 7
    assert {request["paid"] for request in ledger["requests"]} == {0, 1}
    assert len([entry for entry in ledger["entries"] if entry["kind"] == "submission"]) == 7


def test_without_recovery_the_demo_fails_and_names_who_got_nothing(tmp_path: Path) -> None:
    demo = run_demo(tmp_path, "--no-recovery")

    assert demo.returncode == 1, demo.stdout + demo.stderr
    assert "FAIL  0 of 7 interrupted requests" in demo.stdout
    assert "got nothing: 1 mira, 2 jonas, 3 aiko, 4 tomás, 5 priya, 6 sven, 7 lea" in demo.stdout
    assert [path.name[0] for path in (tmp_path / "veobot-demo").iterdir()] == ["8"]


def _hear_ctrl_c() -> None:
    """A test suite that runs in a shell's background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def demo_with_a_bot(directory: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Start the demo and wait until it has started its bot, whose process id is returned."""
    environment = {**os.environ, "TMPDIR": str(directory)}  # what a killed demo leaves behind lands there
    with subprocess.Popen(
        COMMAND,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 -- one system call
    ) as demo:
        assert demo.stdout is not None
        started = (re.search(r"the bot starts, process (\d+)", line) for line in demo.stdout)
        found = next(match for match in started if match)
        try:
            yield demo, int(found[1])
        finally:
            demo.kill()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    with demo_with_a_bot(tmp_path) as (demo, bot_pid):
        demo.send_signal(number)
        _, complaint = demo.communicate(timeout=30)

        assert demo.returncode == 130
        assert complaint == "veobot demo: the demo was interrupted; everything it had started has ended.\n"
        assert not is_alive(bot_pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a child die with its parent")
def test_a_killed_demo_takes_its_bot_along(tmp_path: Path) -> None:
    with demo_with_a_bot(tmp_path) as (demo, bot_pid):
        demo.kill()
        demo.wait()

        deadline = time.monotonic() + 10
        while is_alive(bot_pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_alive(bot_pid)


def test_a_bot_that_ends_by_itself_ends_the_demo_with_a_sentence(tmp_path: Path) -> None:
    with demo_with_a_bot(tmp_path) as (demo, bot_pid):
        os.kill(bot_pid, signal.SIGKILL)
        _, complaint = demo.communicate(timeout=30)

        assert demo.returncode == 3
        assert complaint.startswith("veobot demo: the bot ended by itself with exit code -9")
        assert complaint.count("\n") == 1

"""Takes the picture of the demo that the README shows: a real run in a terminal of 80 × 24 (needs tmux).

.venv/bin/python bench/demo_picture.py docs/images/demo.svg
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 80, 24
LONGEST_RUN_SECONDS = 120.0
"""The demo bounds itself at this."""
LOOK_SECONDS = 0.2
SERVER = ("tmux", "-L", f"veobot-picture-{os.getpid()}")
"""A tmux of its own, so that nobody's sessions are touched."""


def run_demo() -> str:
    """Run the demo in tmux and return the last screen, with its escape codes. Raises TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="veobot-picture-") as directory:
        # The shell stays, so that the screen does.
        command = f"'{sys.executable}' -m veobot demo; exec sleep 600"
        size = ("-x", str(COLUMNS), "-y", str(LINES))
        subprocess.run([*SERVER, "new-session", "-d", *size, "-c", directory, command], check=True)
        try:
            return wait_for_verdict()
        finally:
            subprocess.run([*SERVER, "kill-server"], check=False)


def wait_for_verdict() -> str:
    """Return the screen once the demo has ended. Raises RuntimeError where it came to no verdict."""
    until = time.monotonic() + LONGEST_RUN_SECONDS
    while tmux("display-message", "-p", "#{pane_current_command}").strip() != "sleep":
        if time.monotonic() > until:
            raise TimeoutError(f"the demo did not end within {LONGEST_RUN_SECONDS:g} s:\n{captured()}")
        time.sleep(LOOK_SECONDS)
    screen = captured()
    if not re.search(r"PASS|FAIL", screen):
        raise RuntimeError(f"the demo came to no verdict:\n{screen}")
    return screen


def captured() -> str:
    """Return the last `LINES` lines that were printed, those scrolled away included."""
    shown = tmux("capture-pane", "-e", "-p", "-S", "-5")
    return "\n".join(shown.rstrip().splitlines()[-LINES:])


def tmux(*arguments: str) -> str:
    """Run one command of tmux's, and return what it prints."""
    return subprocess.run([*SERVER, *arguments], check=True, capture_output=True, text=True).stdout


def drawn(screen: str) -> str:
    """Return the screen as an SVG that loads nothing from anywhere."""
    console = Console(record=True, width=COLUMNS, file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    console.print(Text.from_ansi(screen), no_wrap=True, overflow="crop")
    svg = console.export_svg(title="veobot demo", unique_id="demo")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawn(run_demo()), encoding="utf-8")

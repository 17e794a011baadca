"""The command line: `veobot run`, and what an operator needs beside it.

Each command imports what it needs when it runs, so that `veobot run` is ready fast and the sandbox's parts may be
missing.
"""

import sys

from veobot.core.errors import VeobotError

from .commands import app


def main() -> None:
    """Run a command. What an operator can mend ends in one plain sentence and exit code 2, never in a traceback."""
    try:
        app()
    except VeobotError as error:
        print(f"veobot: {error}", file=sys.stderr)  # noqa: T201 -- the one place where a command's failure is told
        raise SystemExit(2) from None

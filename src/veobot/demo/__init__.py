"""`veobot demo`: kills the bot with seven requests in seven states, starts it again, and judges by the world's ledger.

Importing this fails with ModuleNotFoundError where the sandbox's parts are not installed.
"""

from importlib.util import find_spec
from pathlib import Path

# The simulated world runs in a process of its own, where their absence would be noticed late.
_SANDBOX_PARTS = ("av", "cryptography", "gcp_storage_emulator", "PIL")

for _part in _SANDBOX_PARTS:
    if find_spec(_part) is None:
        raise ModuleNotFoundError(f"No module named {_part!r}", name=_part)


def run_demo(*, recovery: bool, ledger_file: Path | None) -> int:
    """Run the demo and return its exit code; see `veobot.demo.run.run_demo`."""
    from veobot.demo.run import run_demo as run  # noqa: PLC0415 -- its parts are only wanted by those who run it

    return run(recovery=recovery, ledger_file=ledger_file)

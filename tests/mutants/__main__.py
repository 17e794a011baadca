"""Shows that the simulation finds bugs: plants each seeded one in a copy of the product, and hunts for it.

    PYTHONPATH=tests .venv/bin/python -m mutants [--only NN] [--jobs N] [--seconds N] [--json FILE]

The product without any bug comes first and has to survive: a hunt that finds fault with everything catches every bug.
Exit status 1 if a bug survives, or the product does not.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console

from mutants.hunt import HUNTER, Hunt, hunt
from mutants.report import as_json, conclude, line
from mutants.seeded import Bug, all_bugs

BUG_SECONDS = 60.0
CONTROL_SECONDS = 20.0
"""The control is no proof, only a check that the hunt does not find fault with everything; the simulation itself runs
for longer elsewhere."""
JOBS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Hunt, print, and return the exit status."""
    options = _parser().parse_args(arguments)
    console = Console()
    bugs = _chosen(options.only)
    hunter = shlex.split(options.hunter) if options.hunter else HUNTER
    control = hunt(None, hunter, min(CONTROL_SECONDS, options.seconds))
    console.print(line(control))
    hunts = [control]
    if control.as_expected:
        for result in _hunt_all(bugs, hunter, options.seconds, options.jobs):
            console.print(line(result))
            hunts.append(result)
            hunts[1:] = sorted(hunts[1:], key=lambda h: h.name)
            _write(hunts, options.json)
    _write(hunts, options.json)
    return 0 if conclude(hunts, console) else 1


def _hunt_all(bugs: Sequence[Bug], hunter: Sequence[str], seconds: float, jobs: int) -> Iterator[Hunt]:
    """Hunt for each bug, several at a time; in the order in which they are caught."""
    with ThreadPoolExecutor(max_workers=jobs) as threads:
        futures = [threads.submit(hunt, bug, hunter, seconds) for bug in bugs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _write(hunts: Sequence[Hunt], file: Path | None) -> None:
    """Write what is known so far: a run takes long, and may be stopped."""
    if file is not None:
        file.write_text(as_json(hunts) + "\n", encoding="utf-8")


def _chosen(numbers: Sequence[int]) -> list[Bug]:
    bugs = all_bugs()
    unknown = set(numbers) - {bug.number for bug in bugs}
    if unknown:
        sys.exit(f"There is no bug {', '.join(map(str, sorted(unknown)))}; the last is {bugs[-1].name}.")
    return [bug for bug in bugs if not numbers or bug.number in numbers]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description="Hunt for every seeded bug.")
    parser.add_argument(
        "--only", type=int, action="append", default=[], metavar="NN", help="this bug; repeatable"
    )
    parser.add_argument(
        "--jobs", type=int, default=JOBS, metavar="N", help="bugs hunted at once (default %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=BUG_SECONDS,
        metavar="N",
        help="for each bug at most (default %(default)g)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument(
        "--hunter",
        metavar="COMMAND",
        help="another hunter; gets --seconds and --jobs (default: python -m simulation hunt)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

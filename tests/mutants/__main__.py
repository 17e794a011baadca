"""Shows that the simulation finds bugs: plants each seeded one in a copy of the product, and hunts for it.

    PYTHONPATH=tests .venv/bin/python -m mutants [--only NN] [--jobs N] [--seconds N] [--json FILE]

The product without any bug comes first and has to survive: a hunt that finds fault with everything catches every bug.
A bug counts as caught only if an undisturbed request is delivered in spite of it, and if the product without it keeps
every invariant in the schedule that caught it. Exit status 1 if a bug survives, or the product does not.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from rich.console import Console

from mutants.hunt import Hunt, hunt
from mutants.player import SIMULATION
from mutants.report import as_json, conclude, line
from mutants.seeded import REPOSITORY, Bug, all_bugs, copy_product

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
    simulation = shlex.split(options.simulation) if options.simulation else SIMULATION
    with tempfile.TemporaryDirectory(prefix="veobot-product-") as directory:
        # One copy for all: the working tree may change meanwhile.
        product = Path(directory)
        copy_product(REPOSITORY, product)
        control = hunt(None, product, simulation, min(CONTROL_SECONDS, options.seconds))
        console.print(line(control))
        hunts = [control]
        if control.as_expected:
            search = partial(hunt, product=product, simulation=simulation, seconds=options.seconds)
            for result in _each(search, bugs, options.jobs):
                console.print(line(result))
                hunts.append(result)
                hunts[1:] = sorted(hunts[1:], key=lambda h: h.name)
                _write(hunts, options.json)
    _write(hunts, options.json)
    return 0 if conclude(hunts, console) else 1


def _each(search: Callable[[Bug], Hunt], bugs: Sequence[Bug], jobs: int) -> Iterator[Hunt]:
    """Hunt for each bug, several at a time; in the order in which they are caught."""
    with ThreadPoolExecutor(max_workers=jobs) as threads:
        futures = [threads.submit(search, bug) for bug in bugs]
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
        "--simulation",
        metavar="COMMAND",
        help="another one; gets hunt or replay, and their arguments (default: python -m simulation)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Plays a rolling deploy of a cluster while members keep asking, and judges whether anybody noticed."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.status import Status

from chaos.campaign.crowd import MEMBERS
from chaos.deploy_drill.drill import Drill, DrillOutcome
from chaos.deploy_drill.report import DrillReport

SEEDS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if no member noticed, else 1."""
    options = _parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(SEEDS)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="veobot-deploy-", ignore_cleanup_errors=True) as name:
        drill = Drill(
            options.keep or Path(name),
            seed,
            workers=options.workers,
            gateways=options.gateways,
            members=options.members,
            patience_seconds=options.patience,
        )
        outcome = asyncio.run(_run(drill, console))
    report = DrillReport(outcome, _repeat(options, seed))
    report.show(console)
    if options.json is not None:
        options.json.write_text(report.json() + "\n", encoding="utf-8")
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.deploy_drill", description=__doc__)
    parser.add_argument("--seed", type=int, help="draws what members ask (default: a new one)")
    parser.add_argument("--workers", type=int, default=3, help="processes that make videos (default: 3)")
    parser.add_argument("--gateways", type=int, default=2, help="processes that take commands (default: 2)")
    parser.add_argument(
        "--members",
        type=int,
        default=len(MEMBERS),
        choices=range(len(MEMBERS) + 1),
        help=f"how many keep asking (default: {len(MEMBERS)})",
    )
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds for the last videos at the end (default: 60)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers there, as one line")
    parser.add_argument("--keep", type=Path, help="keep all processes' files there")
    return parser


async def _run(drill: Drill, console: Console) -> DrillOutcome:
    """Run it, with one line that says what is being done."""
    with console.status("starting") if console.is_terminal else nullcontext() as shown:
        if isinstance(shown, Status):
            drill.told = shown.update
        return await drill.run()


def _repeat(options: argparse.Namespace, seed: int) -> str:
    return (
        f"PYTHONPATH=tests .venv/bin/python -m chaos.deploy_drill --seed {seed} --workers {options.workers}"
        f" --gateways {options.gateways} --members {options.members}"
    )


if __name__ == "__main__":
    sys.exit(main())

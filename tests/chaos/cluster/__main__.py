"""Ends the processes of a cluster again and again, and judges by the world's ledger and the database.

The same seed brings the same strikes and questions; what meets what still depends on the machine's speed.
"""

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

from chaos.cluster.plan import draw_plan
from chaos.cluster.report import ClusterReport
from chaos.cluster.stage import ClusterCampaign, ClusterOutcome

SEEDS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every promise was kept, else 1."""
    options = _parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(SEEDS)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="veobot-cluster-", ignore_cleanup_errors=True) as name:
        campaign = ClusterCampaign(
            options.keep or Path(name),
            seed,
            draw_plan(seed, options.kills, options.workers, long=options.long),
            workers=options.workers,
            gateways=options.gateways,
            patience_seconds=options.patience,
        )
        outcome = asyncio.run(_run(campaign, console, options.kills))
    processes = f"{options.workers} workers, {options.gateways} gateways"
    report = ClusterReport(outcome, processes, _repeat(options, seed))
    report.show(console)
    if options.json is not None:
        options.json.write_text(report.json() + "\n", encoding="utf-8")
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.cluster", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="processes that are ended (default: 50)")
    parser.add_argument("--seed", type=int, help="draws the whole campaign (default: a new one)")
    parser.add_argument("--workers", type=int, default=3, help="processes that make videos (default: 3)")
    parser.add_argument("--gateways", type=int, default=2, help="processes that take commands (default: 2)")
    parser.add_argument(
        "--no-long",
        dest="long",
        action="store_false",
        help="leave out what stops or cuts a process off for longer than the lease",
    )
    parser.add_argument(
        "--patience", type=float, default=120.0, help="seconds to drain in at the end (default: 120)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers there, as one line")
    parser.add_argument("--keep", type=Path, help="keep all processes' files there")
    return parser


async def _run(campaign: ClusterCampaign, console: Console, kills: int) -> ClusterOutcome:
    """Run it, with one line that says how far it is."""
    with console.status("starting") if console.is_terminal else nullcontext() as shown:

        def show() -> None:
            if isinstance(shown, Status):
                tally = campaign.tally
                shown.update(f"{tally.kills} of {kills} kills · {tally.asked} commands · {tally.doing}")

        campaign.tally.changed = show
        return await campaign.run()


def _repeat(options: argparse.Namespace, seed: int) -> str:
    flags = "" if options.long else " --no-long"
    return (
        f"PYTHONPATH=tests .venv/bin/python -m chaos.cluster --kills {options.kills} --seed {seed}"
        f" --workers {options.workers} --gateways {options.gateways}{flags}"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Kills the real bot again and again, and judges by the world's ledger and the database.

The same seed brings the same kills, questions and mishaps; what meets what still depends on the machine's speed.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.status import Status

from chaos.campaign.plan import draw_plans
from chaos.campaign.report import Report
from chaos.campaign.stage import Campaign, Outcome

FREEZE_SECONDS = 16.0
"""Longer than the 15 s that the bot gives an ordinary call."""
LONG_FREEZE_SECONDS = 125.0
"""Longer than the two minutes that it gives an upload."""

SEEDS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every promise was kept, else 1."""
    options = _parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(SEEDS)
    console = Console(highlight=False)
    freezes = (FREEZE_SECONDS, *((LONG_FREEZE_SECONDS,) if options.long else ())) if options.freeze else ()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="veobot-chaos-", ignore_cleanup_errors=True) as name:
        directory = Path(options.keep or name)
        campaigns = _campaigns(options, seed, freezes, directory)
        outcomes = asyncio.run(_run(campaigns, console, options.kills))
    report = Report(outcomes, time.monotonic() - began, _repeat(options, seed))
    report.show(console)
    if options.json is not None:
        options.json.write_text(report.json() + "\n", encoding="utf-8")
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.campaign", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=50, help="processes of the bot that are ended (default: 50)"
    )
    parser.add_argument("--seed", type=int, help="draws the whole campaign (default: a new one)")
    parser.add_argument(
        "--jobs", type=int, default=2, help="campaigns side by side that share the kills (default: 2)"
    )
    parser.add_argument("--long", action="store_true", help="also freeze the bot for more than two minutes")
    parser.add_argument(
        "--no-freeze", dest="freeze", action="store_false", help="leave out the freeze of 16 s"
    )
    parser.add_argument(
        "--no-recovery", action="store_true", help="switch resuming off, to see the judge fail"
    )
    parser.add_argument(
        "--patience", type=float, default=120.0, help="seconds to drain in at the end (default: 120)"
    )
    parser.add_argument("--json", type=Path, help="write the numbers there, as one line")
    parser.add_argument("--keep", type=Path, help="keep the bot's and the sandbox's files there")
    return parser


def _campaigns(
    options: argparse.Namespace, seed: int, freezes: tuple[float, ...], directory: Path
) -> list[Campaign]:
    jobs = max(1, min(options.jobs, options.kills))
    plans = draw_plans(seed, options.kills, jobs, freezes)
    return [
        Campaign(
            directory / f"campaign-{job}",
            seed * 100 + job,
            strikes,
            resume=not options.no_recovery,
            patience_seconds=options.patience,
        )
        for job, strikes in enumerate(plans)
    ]


async def _run(campaigns: list[Campaign], console: Console, kills: int) -> list[Outcome]:
    """Run all side by side, with one line that says how far they are."""
    status = console.status("starting") if console.is_terminal else nullcontext()
    with status as shown:

        def show() -> None:
            if isinstance(shown, Status):
                done = sum(campaign.tally.kills for campaign in campaigns)
                asked = sum(campaign.tally.asked for campaign in campaigns)
                doing = " · ".join(campaign.tally.doing for campaign in campaigns)
                shown.update(f"{done} of {kills} kills · {asked} commands · {doing}")

        for campaign in campaigns:
            campaign.tally.changed = show
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(campaign.run()) for campaign in campaigns]
        return [task.result() for task in tasks]


def _repeat(options: argparse.Namespace, seed: int) -> str:
    flags = "".join(
        f" {flag}"
        for flag, given in (
            ("--long", options.long),
            ("--no-freeze", not options.freeze),
            ("--no-recovery", options.no_recovery),
        )
        if given
    )
    return (
        f"PYTHONPATH=tests .venv/bin/python -m chaos.campaign --kills {options.kills} --jobs {options.jobs}"
        f" --seed {seed}{flags}"
    )


if __name__ == "__main__":
    sys.exit(main())

"""The simulation's command line: `python -m simulation seeds|exhaust|replay|hunt`."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from . import exhaust as exhaustive
from . import schedule as vocabulary
from .drawing import draw
from .explore import Company, Failed, Tally, play_seeds, player
from .schedule import HOUR, Schedule
from .shrink import as_code, shrink
from .story import tell

CORES = os.cpu_count() or 1
SHOWN = 5
"""Failing schedules that are shrunk and shown; more would be read by nobody."""
HUNT_CHUNK = 10

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False)
out = Console(highlight=False, soft_wrap=True)

Jobs = Annotated[int, typer.Option(help="Cores to use.")]
Json = Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")]


@app.command()
def seeds(
    count: Annotated[int, typer.Option(help="Schedules to draw and play.")] = 1000,
    start: Annotated[int, typer.Option(help="The first seed.")] = 0,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, with fewer.")] = None,
    jobs: Jobs = CORES,
    json_file: Json = None,
) -> None:
    """Draw schedules from seeds, and play them."""
    began = time.monotonic()
    with Company(jobs) as company:
        tallies = _until(
            None if minutes is None else began + 60 * minutes, company.seeds(range(start, start + count))
        )
        tally = _gather(tallies, count, "seeds")
    _report(tally, time.monotonic() - began, f"Seeds {start} to {start + tally.schedules - 1}", json_file)


@app.command()
def exhaust(jobs: Jobs = CORES, json_file: Json = None) -> None:
    """Die at every single point of some stories, and at every pair of points."""
    began = time.monotonic()
    total = Tally()
    table = Table("story", "points", "schedules", "broken", title="Every crash point")
    with Company(jobs) as company:
        branches = list(company.each(exhaustive.branches, exhaustive.STORIES))
        for story, of_story in zip(exhaustive.STORIES, branches, strict=True):
            tally = _gather(company.each(exhaustive.play_branch, of_story), None, story.name)
            total.merge(tally)
            points = len({(branch.life, branch.point) for branch in of_story})
            table.add_row(story.name, str(points), f"{tally.schedules:,}", str(len(tally.failed)))
    out.print(table)
    unknown = set(total.reached) - exhaustive.named_points()
    missed = exhaustive.named_points() - set(total.hits)
    if missed or unknown:
        out.print(f"[red]Nobody died at[/red] {', '.join(sorted(missed)) or '-'}; unknown: {unknown or '-'}")
    _report(
        total, time.monotonic() - began, "Every crash point, and every pair", json_file, failed=bool(missed)
    )


@app.command()
def replay(
    schedule: Annotated[str, typer.Argument(help="A seed, or a schedule as code.")],
    code: Annotated[bool, typer.Option(help="Print the schedule as code, shrunk if it fails.")] = False,
) -> None:
    """Play one schedule, and tell what happened."""
    chosen = _read(schedule)
    with Company(1):
        played, breaches = player().play(chosen)
        for line in tell(played.record):
            out.print(line, markup=False)
        for breach in breaches:
            out.print(f"[red]broken[/red] {breach.invariant}: {breach.detail}")
        if code:
            simple = _shrunk(Failed(chosen, tuple(breaches))) if breaches else chosen
            out.print(as_code(simple), markup=False)
    if not breaches:
        out.print("[green]kept[/green] every invariant")
    raise typer.Exit(1 if breaches else 0)


@app.command()
def hunt(
    seconds: Annotated[float, typer.Option(help="How long to look.")] = 60.0,
    jobs: Jobs = 1,
) -> None:
    """Look for a first broken invariant: exit 1 with it as JSON in the last line, exit 0 where there is none."""
    began = time.monotonic()
    schedules, spent = 0, 0.0
    with Company(jobs) as company:
        for tally in _anything(company):
            schedules += tally.schedules
            spent = time.monotonic() - began
            if tally.failed:
                failed = tally.failed[0]
                found = {
                    "invariant": failed.breaches[0].invariant,
                    "replay": _line(failed.schedule),
                    "schedules": schedules,
                    "seconds": round(spent, 1),
                }
                print(json.dumps(found))
                raise typer.Exit(1)
            if spent > seconds:
                break
    print(json.dumps({"invariant": None, "schedules": schedules, "seconds": round(spent, 1)}))


def _anything(company: Company) -> Iterator[Tally]:
    """Play the stories, then single crash points and seeds in turn, without end."""
    yield player().play_all(story.schedule() for story in exhaustive.STORIES)
    of_each = [[exhaustive.once(b) for b in exhaustive.branches(story)] for story in exhaustive.STORIES]
    points = iter([branch for row in zip_longest(*of_each) for branch in row if branch is not None])
    seed = 0
    while True:
        yield from company.each(play_seeds, [range(seed, seed + HUNT_CHUNK)])
        seed += HUNT_CHUNK
        for branch, _ in zip(points, range(2 * HUNT_CHUNK), strict=False):
            yield exhaustive.play_branch(branch)


def _until(end: float | None, tallies: Iterable[Tally]) -> Iterator[Tally]:
    """Pass these on until a moment of the monotonic clock."""
    for tally in tallies:
        yield tally
        if end is not None and time.monotonic() > end:
            return


def _gather(tallies: Iterable[Tally], count: int | None, what: str) -> Tally:
    total = Tally()
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task(what, total=count)
        for tally in tallies:
            total.merge(tally)
            progress.update(
                task, completed=total.schedules, description=f"{what}, {len(total.failed)} broken"
            )
    return total


def _report(
    tally: Tally, seconds: float, title: str, json_file: Path | None, *, failed: bool = False
) -> None:
    figures: dict[str, object] = {
        "schedules": tally.schedules,
        "broken": len(tally.failed),
        "crashes": tally.crashes,
        "virtual_hours": round(tally.virtual_seconds / HOUR),
        "seconds": round(seconds, 1),
        "schedules_a_minute_and_core": round(tally.a_minute_and_core),
        "points_passed": sum(tally.reached.values()),
        "points_named": len(tally.reached),
        "points_died_at": len(tally.hits),
    }
    table = Table("", "", title=title, show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    never = sorted(set(tally.reached) - set(tally.hits))
    table.add_row("points nobody died at", ", ".join(never) or "none")
    out.print(table)
    for one in tally.failed[:SHOWN]:
        _show(one)
    if len(tally.failed) > SHOWN:
        out.print(f"… and {len(tally.failed) - SHOWN} more broken schedules.")
    if json_file is not None:
        figures |= {
            "faults": dict(tally.faults),
            "outcomes": dict(tally.outcomes),
            "died_at": dict(tally.hits),
            "broken_seeds": {
                str(one.schedule.seed): [breach.invariant for breach in one.breaches] for one in tally.failed
            },
        }
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
    raise typer.Exit(1 if tally.failed or failed else 0)


def _show(failed: Failed) -> None:
    out.print(f"\n[red]Broken[/red] by seed {failed.schedule.seed}:")
    for breach in failed.breaches:
        out.print(f"  {breach.invariant}: {breach.detail}", markup=False)
    out.print("  shrunk, it is replayed by", markup=False)
    with Company(1):
        out.print(f"  {_line(_shrunk(failed))}", markup=False)


def _shrunk(failed: Failed) -> Schedule:
    names = {breach.invariant for breach in failed.breaches}

    def fails(schedule: Schedule) -> bool:
        return any(breach.invariant in names for breach in player().play(schedule)[1])

    return player().play(shrink(failed.schedule, fails))[0].by_names()


def _line(schedule: Schedule) -> str:
    return f'PYTHONPATH=tests .venv/bin/python -m simulation replay "{as_code(schedule)}"'


def _read(text: str) -> Schedule:
    if text.isdecimal():
        return draw(int(text))
    schedule = eval(text, vars(vocabulary))  # noqa: S307 -- one's own code, as the report printed it
    if not isinstance(schedule, Schedule):
        raise typer.BadParameter("This is no schedule.")
    return schedule


if __name__ == "__main__":
    app()

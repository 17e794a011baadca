"""What the hunts found: as a table for people, as JSON for programs."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mutants.hunt import Hunt, Verdict

_STYLES = {True: "green", False: "bold red"}


def line(hunt: Hunt) -> str:
    """Return one hunt's result as it comes in."""
    what = f"{hunt.verdict}: {hunt.invariant}" if hunt.invariant else hunt.verdict.value
    return f"[{_STYLES[hunt.as_expected]}]{escape(hunt.name)}[/] {escape(what)}"


def table(hunts: Sequence[Hunt]) -> Table:
    """Return all results, the control first."""
    result = Table(
        "bug", "invariant that caught it", title="Seeded bugs and the simulation", title_justify="left"
    )
    result.add_column("schedules", justify="right")
    result.add_column("seconds", justify="right")
    for hunt in hunts:
        result.add_row(
            escape(hunt.name),
            escape(hunt.invariant)
            if hunt.verdict is Verdict.CAUGHT
            else f"– {hunt.verdict} {escape(hunt.invariant)}",
            "–" if hunt.schedules is None else f"{hunt.schedules:,}",
            "–" if hunt.seconds is None else f"{hunt.seconds:.1f}",
            style="" if hunt.as_expected else _STYLES[False],
        )
    return result


def conclude(hunts: Sequence[Hunt], console: Console) -> bool:
    """Print the table and the last word; return whether every hunt ended as it should."""
    console.print(table(hunts))
    bugs = [hunt for hunt in hunts if hunt.bug is not None]
    caught = sum(hunt.as_expected for hunt in bugs)
    console.print(f"{caught} of {len(bugs)} bugs caught")
    for hunt in hunts:
        if hunt.as_expected:
            continue
        if hunt.bug is None:
            console.print(
                f"The product as it is: {hunt.verdict}. {hunt.invariant}", style="bold red", markup=False
            )
        else:
            why = f" ({hunt.invariant})" if hunt.invariant else ""
            console.print(
                f"{hunt.name}: {hunt.verdict}{why}. {hunt.bug.sentence}", style="bold red", markup=False
            )
    return all(hunt.as_expected for hunt in hunts)


def as_json(hunts: Sequence[Hunt]) -> str:
    """Return the results as a JSON array, one object each."""
    rows = [
        {
            "bug": None if hunt.bug is None else hunt.name,
            "sentence": None if hunt.bug is None else hunt.bug.sentence,
            "verdict": hunt.verdict.value,
            "invariant": hunt.invariant,
            "replay": hunt.replay,
            "schedules": hunt.schedules,
            "seconds": hunt.seconds,
        }
        for hunt in hunts
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)

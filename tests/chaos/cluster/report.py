"""What a campaign against a cluster has found: a table, what is broken, and a line of JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from chaos.campaign.report import add_promises, counted, must_be_none, show_findings
from chaos.cluster.stage import SLOTS, ClusterOutcome


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """One campaign; `repeat` is the command that repeats it."""

    outcome: ClusterOutcome
    processes: str
    repeat: str

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        o = self.outcome
        return not (o.verdict.broken or o.broken or o.unclosed or o.tokens_left)

    def summary(self) -> dict[str, object]:
        """Return the numbers, for a file."""
        o, v = self.outcome, self.outcome.verdict
        timed = {
            f"{end.name.lower()}_{name}_seconds": value
            for end, seconds in v.takeovers.seconds.items()
            for name, value in (("median", _median(seconds)), ("worst", _worst(seconds)))
        }
        return {
            "passed": self.passed,
            "processes": self.processes,
            "kills": o.kills,
            "strikes_by_way": dict(o.ways.most_common()),
            **counted([v.requests]),
            "refused": v.answers.refused,
            "unanswered": len(v.answers.unanswered),
            "unanswered_nobody_lived": v.answers.nobody_lived,
            "unanswered_fell_with_it": v.answers.fell_with_it,
            "answered_twice": len(v.answers.twice),
            "unclosed_rows": o.unclosed,
            "tokens_left": o.tokens_left,
            "most_videos_at_once": v.crowding.most,
            "landed_late": v.crowding.late,
            "slots": SLOTS,
            "over_the_limit": len(v.crowding.too_many),
            **timed,
            "requests_taken_over": {end.value: len(s) for end, s in v.takeovers.seconds.items()},
            "too_slow": len(v.takeovers.slow),
            "lines_looked_at": v.queues.looked_at,
            "in_those_lines": v.queues.in_line,
            "overtaken_by": v.queues.overtaken_by,
            "newer_first": v.queues.newer_first,
            "out_of_order": len(v.queues.out_of_order),
            "checks": o.checks,
            "caught": dict(o.caught.most_common()),
            "broken": [*v.broken, *o.broken],
            "seconds": round(o.seconds, 1),
            "repeat": self.repeat,
        }

    def json(self) -> str:
        """Return the summary as one line."""
        return json.dumps(self.summary(), ensure_ascii=False)

    # -- for a person

    def show(self, console: Console) -> None:
        """Print the tables, then what is broken."""
        summary = self.summary()
        console.print()
        console.print(Group(self._promises(summary), Text(), self._together(summary), Text(), self._caught()))
        verdict = self.outcome.verdict
        for excuse in verdict.requests.excused:
            console.print(f"[dim]paid twice, excused: request {excuse}[/dim]")
        show_findings(console, verdict.requests)
        for broken in (*verdict.broken_together, *self.outcome.broken):
            console.print(Text(f"✖ {broken}", "red"))
        console.print()
        if self.passed:
            console.print(Text("PASS  every promise was kept", "bold green"))
        else:
            console.print(Text("FAIL  promises were broken", "bold red"))
        console.print(f"[dim]repeat it: {self.repeat}[/dim]", soft_wrap=True)

    def _promises(self, summary: dict[str, object]) -> Table:
        o = self.outcome
        table = _table(f"{self.processes} · {o.kills} kills in {o.seconds:.0f} s")
        for way, count in o.ways.most_common():
            table.add_row(way, str(count))
        table.add_section()
        add_promises(table, summary)
        return table

    def _together(self, summary: dict[str, object]) -> Table:
        table = _table("the cluster as one")
        table.add_row("commands refused, in words", str(summary["refused"]))
        table.add_row("  not answered: no gateway lived", str(summary["unanswered_nobody_lived"]))
        table.add_row("  not answered: its gateway fell with it", str(summary["unanswered_fell_with_it"]))
        table.add_row("  not answered, though a gateway lived", must_be_none(summary["unanswered"]))
        table.add_row("  answered twice", must_be_none(summary["answered_twice"]), end_section=True)
        table.add_row("videos at once, at most", f"{summary['most_videos_at_once']} of {SLOTS}")
        table.add_row("  sent by a process when it woke", str(summary["landed_late"]))
        table.add_row("  more than slots", must_be_none(summary["over_the_limit"]), end_section=True)
        for end, seconds in self.outcome.verdict.takeovers.seconds.items():
            times = f"{_median(seconds):.1f} s, {_worst(seconds):.1f} s ({len(seconds)})" if seconds else "–"
            table.add_row(f"{end.value} → next sign of life: median, worst (requests)", times)
        table.add_row("  too late", must_be_none(summary["too_slow"]), end_section=True)
        lines = f"{summary['in_those_lines']} in {summary['lines_looked_at']}"
        table.add_row("in line when all workers were killed", lines)
        table.add_row(
            "  one began later than in order, by so many places at most", str(summary["overtaken_by"])
        )
        table.add_row(
            "  newer ones that began first, carried by nobody at the kill", str(summary["newer_first"])
        )
        table.add_row("  out of order", must_be_none(summary["out_of_order"]))
        return table

    def _caught(self) -> Table:
        table = _table("what the kills caught, by the rows")
        for state, count in self.outcome.caught.most_common():
            table.add_row(state, str(count))
        return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    return table


def _median(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds), 1) if seconds else 0.0


def _worst(seconds: Sequence[float]) -> float:
    return round(max(seconds, default=0.0), 1)

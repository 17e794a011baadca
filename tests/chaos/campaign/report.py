"""What is shown while campaigns run, and what they have found."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from chaos.campaign.judge import Broken, Finding, Verdict
from chaos.campaign.plan import Way
from chaos.campaign.stage import Outcome
from chaos.campaign.windows import MOMENT_NAMES, WINDOW_NAMES
from veobot.sandbox.ledger import Entry

SHOWN_CHARACTERS = 150
"""Of a ledger entry's fields."""

WRONG = (Broken.WRONG_MEMBER, Broken.WRONG_PLACE, Broken.WRONG_PROMPT, Broken.WRONG_VIDEO)
DUPLICATES = (Broken.TOLD_TWICE, Broken.CHANGED, Broken.OVERWRITTEN)
LOST = (Broken.LOST, Broken.UNSTORED)
PAID = (Broken.PAID_TWICE, Broken.PAID_UNPROMISED)


@dataclass(frozen=True, slots=True)
class Report:
    """All campaigns of one call together."""

    outcomes: Sequence[Outcome]
    seconds: float
    repeat: str
    """The command that repeats them."""

    @property
    def kills(self) -> int:
        """How many processes of the bot were ended."""
        ways = self._total(lambda o: o.ways)
        return sum(count for way, count in ways.items() if Way(way).is_kill)

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not any(
            o.verdict.findings or o.verdict.strays or o.broken or o.unclosed or o.tokens_left
            for o in self.outcomes
        )

    def summary(self) -> dict[str, object]:
        """Return the numbers, for a file."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        resumptions = self._resumptions()
        return {
            "passed": self.passed,
            "kills": self.kills,
            "kills_by_way": self._total(lambda o: o.ways),
            **counted(verdicts),
            "unclosed_rows": sum(o.unclosed for o in self.outcomes),
            "tokens_left": sum(o.tokens_left for o in self.outcomes),
            "token_traces": sum(o.token_traces for o in self.outcomes),
            "integrity_checks": sum(o.checks for o in self.outcomes),
            "resumption_worst_seconds": round(max(resumptions, default=0.0), 1),
            "resumption_median_seconds": round(statistics.median(resumptions), 1) if resumptions else 0.0,
            "windows": self._total(lambda o: o.hits),
            "windows_missed": self._total(lambda o: o.missed),
            "caught": self._total(lambda o: o.caught),
            "faults": sum(self._total(lambda o: o.faults).values()),
            "broken": [
                *(found for v in verdicts for found in named(v)),
                *(broken for o in self.outcomes for broken in o.broken),
            ],
            "seconds": round(self.seconds, 1),
            "repeat": self.repeat,
        }

    def json(self) -> str:
        """Return the summary as one line."""
        return json.dumps(self.summary(), ensure_ascii=False)

    def _total(self, counter: Callable[[Outcome], Counter[str]]) -> dict[str, int]:
        total: Counter[str] = Counter()
        for outcome in self.outcomes:
            total.update(counter(outcome))
        return dict(total.most_common())

    def _resumptions(self) -> list[float]:
        return [seconds for outcome in self.outcomes for seconds in outcome.resumptions_seconds]

    # -- for a person

    def show(self, console: Console) -> None:
        """Print the tables, then what is broken."""
        summary = self.summary()
        console.print()
        console.print(Group(self._promises(summary), Text(), self._windows(), Text(), self._caught()))
        for excuse in (e for o in self.outcomes for e in o.verdict.excused):
            console.print(f"[dim]paid twice, excused: request {excuse}[/dim]")
        for outcome in self.outcomes:
            show_findings(console, outcome.verdict)
            for broken in outcome.broken:
                console.print(Text(f"✖ {broken}", "red"))
        verdict = Text("PASS  every promise was kept", "bold green")
        if not self.passed:
            verdict = Text("FAIL  promises were broken", "bold red")
        console.print()
        console.print(verdict)
        console.print(f"[dim]repeat it: {self.repeat}[/dim]", soft_wrap=True)

    def _promises(self, summary: dict[str, object]) -> Table:
        table = Table(
            title=f"{self.kills} kills in {self.seconds:.0f} s", title_justify="left", show_header=False
        )
        table.add_column(justify="left")
        table.add_column(justify="right")
        for way, count in self._total(lambda o: o.ways).items():
            table.add_row(way, str(count))
        table.add_row("calls spoilt on the wire", str(summary["faults"]), end_section=True)
        add_promises(table, summary)
        table.add_row("traces of erased tokens in the file", str(summary["token_traces"]))
        damaged = sum("damaged" in found for outcome in self.outcomes for found in outcome.broken)
        table.add_row(
            "looks at the database after a kill, damaged",
            f"{summary['integrity_checks']}, {damaged}",
            end_section=True,
        )
        table.add_row(
            "restart to the last interrupted outcome, median", f"{summary['resumption_median_seconds']} s"
        )
        table.add_row("the same, worst", f"{summary['resumption_worst_seconds']} s")
        return table

    def _windows(self) -> Table:
        """Every named window with its kills; in brackets the kills for which nothing came by in time."""
        hits, missed = self._total(lambda o: o.hits), self._total(lambda o: o.missed)
        table = Table(title="kills in the named windows", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name in (*WINDOW_NAMES, *MOMENT_NAMES):
            late = f" ({missed[name]} missed)" if name in missed else ""
            table.add_row(name, f"{hits.get(name, '–')}{late}", end_section=name == WINDOW_NAMES[-1])
        return table

    def _caught(self) -> Table:
        table = Table(title="what the kills caught, by the rows", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for state, count in self._total(lambda o: o.caught).items():
            table.add_row(state, str(count))
        return table


def counted(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Return the numbers of what was asked and what became of it."""

    def count(*kinds: Broken) -> int:
        return sum(verdict.count(*kinds) for verdict in verdicts)

    return {
        "asked": sum(v.asked for v in verdicts),
        "acknowledged": sum(v.acknowledged for v in verdicts),
        "told_video": sum(v.told_video for v in verdicts),
        "told_reason": sum(v.told_reason for v in verdicts),
        "undeliverable": sum(v.undeliverable for v in verdicts),
        "withdrawn": sum(v.withdrawn for v in verdicts),
        "lost": count(*LOST),
        "duplicate_outcomes": count(*DUPLICATES),
        "paid_twice": count(*PAID),
        "paid_twice_excused": [excuse for v in verdicts for excuse in v.excused],
        "uncounted": count(Broken.UNCOUNTED),
        "wrong": count(*WRONG),
    }


def named(verdict: Verdict) -> list[str]:
    """Return each broken promise as one line."""
    return [
        *(f"{f.dossier.id} {f.broken.value}: {f.detail}" for f in verdict.findings),
        *(f"belongs to no command: {line(e)}" for e in verdict.strays),
    ]


def add_promises(table: Table, summary: Mapping[str, object]) -> None:
    """Add what was asked, and how often each promise was broken."""
    for label, name in (
        ("commands asked", "asked"),
        ("acknowledged", "acknowledged"),
        ("  told a video", "told_video"),
        ("  told a reason", "told_reason"),
        ("  nobody to tell (channel closed)", "undeliverable"),
        ("  withdrawn (message deleted)", "withdrawn"),
    ):
        table.add_row(label, str(summary[name]), end_section=name == "withdrawn")
    for label, name in (
        ("lost", "lost"),
        ("duplicate outcomes", "duplicate_outcomes"),
        ("paid twice", "paid_twice"),
        ("cost more than was counted", "uncounted"),
        ("wrong member, place, prompt or file", "wrong"),
        ("unclosed rows", "unclosed_rows"),
        ("tokens left in the database", "tokens_left"),
    ):
        table.add_row(label, must_be_none(summary[name]))


def must_be_none(value: object) -> Text:
    """Return a number in red unless it is 0."""
    return Text(str(value), "green" if value == 0 else "bold red")


def show_findings(console: Console, verdict: Verdict) -> None:
    """Print each request's broken promises, with everything the ledger has about it, and what belongs to none."""
    by_request: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_request.setdefault(finding.dossier.id, []).append(finding)
    for request_id, broken in by_request.items():
        console.print()
        for finding in broken:
            detail = f" ({finding.detail})" if finding.detail else ""
            console.print(Text(f"✖ request {request_id} {finding.broken.value}{detail}", "red"))
        for entry in broken[0].dossier.entries:
            console.print(Text(f"    {line(entry)}", "dim"), soft_wrap=True)
    for stray in verdict.strays:
        console.print(Text(f"✖ belongs to no command: {line(stray)}", "red"))


def line(entry: Entry) -> str:
    """Return a ledger's entry as one line."""
    fields = ", ".join(
        f"{name}={value!r}" for name, value in entry.fields.items() if value not in (None, [], "")
    )
    return f"{entry.seq} {entry.at:%H:%M:%S} {entry.kind}: {fields[:SHOWN_CHARACTERS]}"

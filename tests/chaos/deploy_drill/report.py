"""What a rolling deploy has come to: who replaced whom, what members saw of it, and the verdict with its reasons."""

import json
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from chaos.campaign.report import counted, must_be_none, show_findings
from chaos.cluster.stage import SLOTS
from chaos.deploy_drill.drill import DrillOutcome, Replacement


@dataclass(frozen=True, slots=True)
class DrillReport:
    """One drill; `repeat` is the command that repeats it."""

    outcome: DrillOutcome
    repeat: str

    @property
    def reasons(self) -> list[str]:
        """Everything that speaks against it, as lines."""
        o, v = self.outcome, self.outcome.verdict
        reasons = [*v.broken, *o.broken]
        # In a deploy somebody is always there, and nobody dies with a command in hand.
        if v.answers.nobody_lived + v.answers.fell_with_it:
            reasons.append(f"{v.answers.nobody_lived + v.answers.fell_with_it} commands were not answered")
        if v.answers.refused:
            reasons.append(
                f"{v.answers.refused} commands were refused, though another gateway could serve them"
            )
        if o.unclosed:
            reasons.append(f"{o.unclosed} requests are still owed something")
        if o.tokens_left:
            reasons.append(f"{o.tokens_left} tokens are left in the database")
        return reasons

    @property
    def passed(self) -> bool:
        """Whether no member noticed anything."""
        return not self.reasons

    def summary(self) -> dict[str, object]:
        """Return the numbers, for a file."""
        o, v = self.outcome, self.outcome.verdict
        unanswered = len(v.answers.unanswered) + v.answers.nobody_lived + v.answers.fell_with_it
        return {
            "passed": self.passed,
            "replaced": len(o.replacements),
            **counted([v.requests]),
            "answered": v.answers.accepted,
            "refused": v.answers.refused,
            "unanswered": unanswered,
            "answered_twice": len(v.answers.twice),
            "unclosed_rows": o.unclosed,
            "tokens_left": o.tokens_left,
            "most_videos_at_once": v.crowding.most,
            "over_the_limit": len(v.crowding.too_many),
            "handed_over": sum(len(v.takeovers.by_machine[r.departure.machine]) for r in o.replacements),
            "handover_worst_seconds": round(max((self._handover(r) for r in o.replacements), default=0.0), 1),
            "left_worst_seconds": round(max((r.left_seconds for r in o.replacements), default=0.0), 1),
            "reasons": self.reasons,
            "seconds": round(o.seconds, 1),
            "repeat": self.repeat,
        }

    def json(self) -> str:
        """Return the summary as one line."""
        return json.dumps(self.summary(), ensure_ascii=False)

    def _handover(self, replacement: Replacement) -> float:
        return max(self.outcome.verdict.takeovers.by_machine[replacement.departure.machine], default=0.0)

    # -- for a person

    def show(self, console: Console) -> None:
        """Print the tables, then the verdict."""
        console.print()
        console.print(Group(self._replacements(), Text(), self._members()))
        show_findings(console, self.outcome.verdict.requests)
        console.print()
        if self.passed:
            console.print(Text("PASS  no member noticed the deploy", "bold green"))
        else:
            console.print(Text("FAIL", "bold red"))
            for reason in self.reasons:
                console.print(Text(f"✖ {reason}", "red"))
        console.print(f"[dim]repeat it: {self.repeat}[/dim]", soft_wrap=True)

    def _replacements(self) -> Table:
        o = self.outcome
        table = Table(
            title=f"a rolling deploy of {len(o.replacements)} processes in {o.seconds:.0f} s",
            title_justify="left",
        )
        table.add_column("replaced")
        for heading in (
            "new one ready after",
            "old one left after",
            "requests it had",
            "handed over",
            "on within",
        ):
            table.add_column(heading, justify="right")
        for replacement in o.replacements:
            handed_over = len(o.verdict.takeovers.by_machine[replacement.departure.machine])
            table.add_row(
                replacement.departure.machine,
                f"{replacement.ready_seconds:.1f} s",
                f"{replacement.left_seconds:.1f} s",
                str(len(replacement.departure.carried)) if "worker" in replacement.new else "",
                str(handed_over) if "worker" in replacement.new else "",
                f"{self._handover(replacement):.1f} s" if handed_over else "",
            )
        return table

    def _members(self) -> Table:
        summary = self.summary()
        table = Table(title="what the members saw meanwhile", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_row("commands asked", str(summary["asked"]))
        table.add_row("accepted", str(summary["answered"]))
        table.add_row("  told a video", str(summary["told_video"]))
        table.add_row("  told a reason", str(summary["told_reason"]), end_section=True)
        for label, name in (
            ("not answered", "unanswered"),
            ("refused", "refused"),
            ("answered twice", "answered_twice"),
            ("lost", "lost"),
            ("two outcomes", "duplicate_outcomes"),
            ("paid twice", "paid_twice"),
            ("wrong member, place, prompt or file", "wrong"),
            ("unclosed rows", "unclosed_rows"),
            ("tokens left in the database", "tokens_left"),
        ):
            table.add_row(label, must_be_none(summary[name]), end_section=name == "tokens_left")
        table.add_row("videos at once, at most", f"{summary['most_videos_at_once']} of {SLOTS}")
        return table

"""Shows a report: with signs and colours on a terminal, as plain lines elsewhere."""

import sys

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .findings import Finding, Report, State

_SIGNS = {State.OK: "✓", State.WARNING: "!", State.WRONG: "✗", State.SKIPPED: "–"}
_STYLES = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "bold red", State.SKIPPED: "dim"}
_WORD_WIDTH = max(len(state.value) for state in State)


def show(report: Report) -> None:
    """Print the report to standard output."""
    if sys.stdout.isatty():
        show_on(Console(highlight=False), report)
    else:
        print("\n".join(plain_lines(report)))  # noqa: T201  # a command's output


def show_on(console: Console, report: Report) -> None:
    """Print the report on a terminal."""
    for group, findings in report.groups.items():
        console.print(Text(group, "bold"))
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, min_width=_WORD_WIDTH)
        grid.add_column(overflow="fold")
        for finding in findings:
            _add(grid, finding)
        console.print(Padding(grid, (0, 0, 1, 2)))
    style = "bold red" if report.exit_code else "bold"
    console.print(Text(report.summary, style))


def _add(grid: Table, finding: Finding) -> None:
    style = _STYLES[finding.state]
    sentence = Text(finding.sentence, "dim" if finding.state is State.SKIPPED else "")
    grid.add_row(Text(_SIGNS[finding.state], style), Text(finding.state.value, style), sentence)
    if finding.fix is not None:
        grid.add_row("", "", Padding(Text(f"→ {finding.fix}"), (0, 0, 0, 2)))


def plain_lines(report: Report) -> list[str]:
    """Return the report as lines without colours, each finding on one, its fix on the next."""
    lines: list[str] = []
    for group, findings in report.groups.items():
        lines.append(f"{group}:")
        for finding in findings:
            lines.append(f"  {finding.state.value:<{_WORD_WIDTH}}  {finding.sentence}")
            if finding.fix is not None:
                lines.append(f"  {'':<{_WORD_WIDTH}}    fix: {finding.fix}")
    return [*lines, report.summary]

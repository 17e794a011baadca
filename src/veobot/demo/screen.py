"""Shows the story live on a terminal of at least 80 by 24, in place and without scrolling."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from veobot.demo.report import counters, verdict_lines
from veobot.demo.scenario import ASKS, CLOCK_RATE, WATCHED, Ask
from veobot.demo.standing import Tone, standing
from veobot.demo.story import BotLife, Story
from veobot.demo.view import log_line

WIDTH, HEIGHT = 80, 24

EXPECTED_SECONDS = 30
"""How long a run takes on a machine with two processors, for the clock in the corner."""

_PANE_LINES = 8
# Beside the last word there is room for so much of the two views.
_PANE_LINES_AT_THE_END = 5
_LEFT_PANE = 39

_BAR_CELLS = 13
_SECONDS_PER_CELL = 1.2

_STYLES: dict[Tone, str] = {"quiet": "dim", "busy": "cyan", "good": "green", "bad": "bold red"}


class ScreenDisplay:
    """Redraws the whole frame a few times a second.

    Args:
        story: what to show.
        console: a terminal of at least 80 by 24.
    """

    def __init__(self, story: Story, console: Console) -> None:
        self._story = story
        self._console = console
        self._live = Live(
            console=console, auto_refresh=False, vertical_overflow="crop", get_renderable=self._frame
        )

    def begin(self) -> None:
        """Take a part of the screen."""
        self._live.start()

    def refresh(self) -> None:
        """Draw the present state."""
        self._live.refresh()

    def end(self) -> None:
        """Draw the end, leave it there, and say the last word below it."""
        self._live.refresh()
        self._live.stop()
        self._console.print(last_word(self._story))

    def give_up(self) -> None:
        """Give the screen back in the middle of the story."""
        self._live.stop()

    def _frame(self) -> RenderableType:
        return frame(self._story)


def frame(story: Story) -> RenderableType:
    """Return the whole picture: at most 22 lines of at most 80 cells, and less where the last word follows."""
    parts: list[RenderableType] = [_header(story), _timeline(story), _table(story)]
    if story.verdict is None:
        parts += _panes(story, _PANE_LINES)
    elif story.verdict.passed:
        parts += _panes(story, _PANE_LINES_AT_THE_END)
    parts.append(_cut(Text(f" {counters(story)}", "bold")))
    if story.verdict is None:
        parts.append(_cut(Text(f" {story.scene}", "italic")))
    return Group(*parts)


def last_word(story: Story) -> RenderableType:
    """Return the judgement: at most four lines of 80 cells where it is a PASS."""
    assert story.verdict is not None
    style = "bold green" if story.verdict.passed else "bold red"
    first, *rest = verdict_lines(story)
    return Group(Text(), Text.assemble((first[:4], style), first[4:]), *(Text(line) for line in rest))


def _header(story: Story) -> Text:
    recovery = "" if story.recovery else " · NO RECOVERY"
    title = f"veobot demo · simulated Discord and Vertex on 127.0.0.1 · clock ×{CLOCK_RATE:.0f}{recovery}"
    if not story.recovery:
        title = title.replace("simulated Discord and Vertex on 127.0.0.1", "simulated Discord and Vertex")
    clock = f"{_minutes(story.elapsed())}/{_minutes(max(story.elapsed(), EXPECTED_SECONDS))}"
    return Text.assemble((title, "bold"), " " * (WIDTH - len(title) - len(clock)), (clock, "dim"))


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _timeline(story: Story) -> Text:
    line = Text("bot  ")
    for life in story.lives[:2]:
        if life is not story.lives[0]:
            line.append("┄ ", "red").append(f"{story.dark_seconds or 0:.1f} s dark", "red").append(
                " ┄  ", "red"
            )
        line.append(f"pid {life.pid} ").append(_bar(story, life), "green")
        if life.killed_at is not None:
            line.append("✖ kill -9", "bold red").append("  ")
    if len(story.lives) == 1 and story.lives[0].killed_at is not None:
        line.append(f"┄ {story.elapsed() - story.lives[0].killed_at:.1f} s dark", "red")
    return _cut(line)


def _bar(story: Story, life: BotLife) -> str:
    until = story.elapsed() if life.killed_at is None else life.killed_at
    cells = min(_BAR_CELLS, max(1, int((until - life.started_at) / _SECONDS_PER_CELL)))
    return "━" * cells + ("▶" if life.killed_at is None and story.verdict is None else "")


def _table(story: Story) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, width=WIDTH, header_style="dim")
    table.add_column("#", justify="right", width=2)
    table.add_column("prompt", width=12, no_wrap=True)
    table.add_column("when the bot was killed", width=28, no_wrap=True)
    table.add_column("now", width=25, no_wrap=True)
    table.add_column("paid", justify="right", width=4)
    table.add_column("told", justify="right", width=4)
    for ask in ASKS:
        table.add_row(*_row(story, ask))
    return table


def _row(story: Story, ask: Ask) -> Sequence[Text]:
    account = story.accounts.find(ask.prompt)
    now = standing(story, ask)
    known = "" if account is None else "bold" if account.told else ""
    caught = story.caught.get(ask.number, "" if ask.state else "–")
    paid = "–" if account is None or not account.submissions else str(len(account.submissions))
    told = "–" if account is None or not account.told else str(len(account.told))
    return (
        Text(str(ask.number), "bold"),
        Text(ask.title, known or ("dim" if account is None else "")),
        Text(caught, "" if ask.state else "dim"),
        Text(now.words, _STYLES[now.tone]),
        Text(paid, "bold red" if paid not in {"–", "1"} else ""),
        Text(told, "bold red" if told not in {"–", "1"} else "green" if told == "1" else ""),
    )


def _panes(story: Story, lines: int) -> Sequence[Text]:
    """Return the two views side by side: the member's on the left, the bot's log on the right."""
    numbers = {
        account.id: ask.number for ask in ASKS if (account := story.accounts.find(ask.prompt)) is not None
    }
    log = [log_line(line, numbers) for line in story.log if line.event][-lines:]
    wrapped = [part for line in story.view for part in _wrapped(line, _LEFT_PANE)]
    view = wrapped if len(wrapped) <= lines else story.view
    seen = view[-lines:] if story.verdict else view[:lines]
    left_title, right_title = f"what the member of {WATCHED.number} sees in #video-lab", "what the bot logs"
    return [
        _side_by_side(Text(left_title, "dim"), Text(right_title, "dim")),
        *(_side_by_side(Text(_at(seen, n)), Text(_at(log, n), "dim")) for n in range(lines)),
    ]


def _at(lines: Sequence[str], number: int) -> str:
    return lines[number] if number < len(lines) else ""


def _wrapped(line: str, width: int) -> Sequence[str]:
    """Break a line between words into lines of at most `width` cells; what has no gaps is left as it is."""
    margin = "  " if line.startswith(("↳", " ")) else ""
    lines = [""]
    for word in line.rstrip().split(" "):
        candidate = f"{lines[-1]} {word}" if lines != [""] else word
        if cell_len(candidate) <= width or not lines[-1].strip():
            lines[-1] = candidate
        else:
            lines.append(f"{margin}{word}")
    return lines


def _side_by_side(left: Text, right: Text) -> Text:
    left.truncate(_LEFT_PANE, overflow="ellipsis", pad=True)
    right.truncate(WIDTH - _LEFT_PANE - 3, overflow="ellipsis")
    return Text.assemble(left, (" │ ", "dim"), right)


def _cut(line: Text) -> Text:
    line.truncate(WIDTH, overflow="ellipsis")
    return line

"""Shows the story as plain lines, one for each event, for logs and pipes."""

from typing import TextIO

from veobot.demo.report import counters, verdict_lines
from veobot.demo.scenario import ASKS, CLOCK_RATE, Ask
from veobot.demo.story import Story
from veobot.demo.view import plain
from veobot.sandbox.ledger import Entry


class PlainDisplay:
    """Prints what happens, each line with the seconds since the begin.

    Args:
        story: what to show.
        stream: where to.
    """

    def __init__(self, story: Story, stream: TextIO) -> None:
        self._story = story
        self._stream = stream
        self._shown_entries = 0
        self._told: set[tuple[int, str]] = set()

    def begin(self) -> None:
        """Say what this is, and listen."""
        self._story.listeners.append(self._said)
        recovery = "" if self._story.recovery else " · recovery is switched off"
        self._write(
            f"veobot demo · simulated Discord and Vertex on 127.0.0.1 · clock ×{CLOCK_RATE:.0f}{recovery}"
        )

    def refresh(self) -> None:
        """Show what is new in the ledger."""
        entries = self._story.entries
        for entry in entries[self._shown_entries :]:
            if sentence := self._sentence(entry):
                self._line(sentence)
        self._shown_entries = len(entries)
        for ask in ASKS:
            account = self._story.accounts.find(ask.prompt)
            for message_id, outcome in account.told.items() if account else ():
                if (ask.number, message_id) not in self._told:
                    self._told.add((ask.number, message_id))
                    self._line(f"{_name(ask)}: {ask.member} is told: {self._first_line(outcome.text)}")

    def end(self) -> None:
        """Show how each request was caught, and the last word."""
        self.refresh()
        self._write("")
        for ask in ASKS:
            account = self._story.accounts.find(ask.prompt)
            caught = self._story.caught.get(ask.number, "asked after the restart")
            paid, told = (len(account.submissions), len(account.told)) if account else (0, 0)
            self._write(f"{_name(ask):16} {caught:28} paid {paid}  told {told}")
        self._write(counters(self._story))
        self._write("")
        for line in verdict_lines(self._story):
            self._write(line)

    def give_up(self) -> None:
        """Nothing is left on the screen to be tidied."""

    def _said(self, sentence: str) -> None:
        self.refresh()  # what led to it comes first
        self._line(sentence)

    def _sentence(self, entry: Entry) -> str | None:
        match entry.kind:
            case "interaction":
                prompt = entry.fields.get("prompt")
                return f"{_about(prompt)}: {_member(prompt)} asks for it with /veo"
            case "submission":
                return f"{_about(entry.fields.get('prompt'))}: paid, Vertex starts"
            case "finished":
                return f"{self._made(entry)}: Vertex has finished"
            case "fault":
                return f"the simulated world holds an answer back ({entry.fields.get('endpoint')})"
            case "gateway" if entry.fields.get("event") in {"ready", "disconnect"}:
                ready = entry.fields.get("event") == "ready"
                return "the bot is at the gateway" if ready else "the bot is gone from the gateway"
            case _:
                return None

    def _made(self, entry: Entry) -> str:
        operation = entry.fields.get("operation")
        accounts = self._story.accounts.all()
        return _about(next((a.prompt for a in accounts if operation in a.operations), None))

    def _first_line(self, text: str) -> str:
        names = {account.user_id: _member(account.prompt) for account in self._story.accounts.all()}
        # The line in bold says it; what stands before only says to whom.
        lines = [line for line in text.splitlines() if "**" in line] or text.splitlines() or ["a video"]
        return plain(lines[0], names, self._story.now())

    def _line(self, sentence: str) -> None:
        self._write(f"{self._story.elapsed():5.1f} s  {sentence}")

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def _about(prompt: object) -> str:
    return next((_name(ask) for ask in ASKS if ask.prompt == prompt), str(prompt))


def _member(prompt: object) -> str:
    return next((ask.member for ask in ASKS if ask.prompt == prompt), "somebody")


def _name(ask: Ask) -> str:
    return f"{ask.number} {ask.title}"

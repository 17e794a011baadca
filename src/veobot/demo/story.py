"""What has happened so far in a run of the demo, for whoever shows it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from veobot.demo.accounts import Accounts
from veobot.demo.bot_process import LogLine
from veobot.demo.judge import Verdict
from veobot.demo.scenario import CLOCK_RATE
from veobot.sandbox.ledger import Entry


@dataclass(slots=True)
class BotLife:
    """One process of the bot; times are seconds since the demo began."""

    pid: int
    started_at: float
    killed_at: float | None = None


@dataclass(slots=True)
class Story:
    """The run so far. The director writes it, the displays read it.

    Attributes:
        scene: what is happening now, for who watches.
        doing: what exactly is being waited for, for who wonders why it hangs.
        caught: in which state the kill caught which request, once that is established.
        adopted: the requests whose submission's answer the bot never got.
        view: what the watched member sees in the channel, line by line.
        restarted_after: the ledger's last number before the bot was started again; None before.
        first_resumed_poll_seconds: real seconds from the second start to Vertex being asked again.
    """

    recovery: bool
    began: float = field(default_factory=time.monotonic)
    scene: str = "the simulated world starts: a Discord, a Vertex AI and a bucket"
    doing: str = "starting the simulated world"
    entries: list[Entry] = field(default_factory=list)
    accounts: Accounts = field(default_factory=Accounts)
    lives: list[BotLife] = field(default_factory=list)
    caught: dict[int, str] = field(default_factory=dict)
    view: list[str] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)
    restarted_after: int | None = None
    first_resumed_poll_seconds: float | None = None
    verdict: Verdict | None = None
    videos: list[str] = field(default_factory=list)
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    _anchor: tuple[float, datetime] | None = None

    def elapsed(self) -> float:
        """Return the seconds since the demo began."""
        return time.monotonic() - self.began

    def say(self, sentence: str) -> None:
        """Tell what happened."""
        self.scene = self.doing = sentence
        for listener in self.listeners:
            listener(sentence)

    def anchor(self, now: datetime) -> None:
        """Note what the sandbox's clock says at this moment."""
        self._anchor = (time.monotonic(), now)

    def now(self) -> datetime:
        """Return the sandbox's time. Raises RuntimeError before it was anchored."""
        if self._anchor is None:
            msg = "The sandbox's clock has not been read yet."
            raise RuntimeError(msg)
        read_at, then = self._anchor
        return then + timedelta(seconds=(time.monotonic() - read_at) * CLOCK_RATE)

    def elapsed_at(self, moment: datetime) -> float:
        """Return how many real seconds after the demo's begin the sandbox's clock showed this moment."""
        return self.elapsed() + (moment - self.now()).total_seconds() / CLOCK_RATE

    def read(self, entries: Sequence[Entry]) -> None:
        """Take in what is new in the ledger."""
        for entry in entries:
            self.entries.append(entry)
            self.accounts.read(entry)
            if entry.kind == "poll" and self.restarted_after is not None:
                self._note_first_poll(entry)

    @property
    def last_seq(self) -> int:
        """The number of the newest entry that was taken in."""
        return self.entries[-1].seq if self.entries else 0

    @property
    def dark_seconds(self) -> float | None:
        """How long no bot was alive; None before it was started again."""
        if len(self.lives) < 2 or self.lives[0].killed_at is None:
            return None
        return self.lives[1].started_at - self.lives[0].killed_at

    @property
    def bot_alive(self) -> bool:
        """Whether a bot process is running."""
        return bool(self.lives) and self.lives[-1].killed_at is None

    def _note_first_poll(self, entry: Entry) -> None:
        if self.first_resumed_poll_seconds is not None or len(self.lives) < 2 or self.restarted_after is None:
            return
        asked_before = (a for a in self.accounts.all() if a.asked.seq <= self.restarted_after)
        if any(entry.fields.get("operation") in account.operations for account in asked_before):
            self.first_resumed_poll_seconds = self.elapsed_at(entry.at) - self.lives[1].started_at

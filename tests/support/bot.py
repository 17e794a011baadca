"""The real bot as a process, for tests: start it, kill it, and see what became of requests."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from veobot.demo.bot_process import BotProcess, LogLine
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

LOOK_SECONDS = 0.02
"""Between two looks at the log: a file has no event to wait for."""

FAST = {
    "VEOBOT_POLL_INTERVAL_SECONDS": "0.2",
    "VEOBOT_PROGRESS_INTERVAL_SECONDS": "0.5",
    "VEOBOT_LOG_FORMAT": "json",
    "VEOBOT_DAILY_BUDGET_USD": "1000",
    "VEOBOT_QUOTA": "1000",
    "VEOBOT_MAX_WAITING": "1000",
}
"""Settings under which a test need not wait long, and no quota is in its way."""


class Bot:
    """One bot on one data directory, over any number of processes."""

    def __init__(self, directory: Path, world: SandboxClient, settings: Mapping[str, str]) -> None:
        self.world = world
        self.process = BotProcess(directory, {**world.environment, **FAST, **settings})
        self._logged_before = 0

    async def start(self, *, until_ready: bool = True) -> None:
        """Start a process; return once Discord has seen it READY and its commands are registered or unchanged."""
        after = await self.world.last_seq()
        self._logged_before = len(self.process.log())
        self.process.start()
        if until_ready:
            await self.world.wait_for_gateway(after=after, timeout_seconds=30)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    async def stop(self) -> int | None:
        """SIGTERM; return the exit code."""
        return await asyncio.to_thread(self.process.stop)

    async def restart(self) -> None:
        """SIGKILL, and a new process on the same data."""
        self.kill()
        await self.start()

    def log(self, event: str | None = None, *, of_this_process: bool = False) -> list[LogLine]:
        """Return what was logged, over all processes or by the latest."""
        lines = self.process.log()[self._logged_before if of_this_process else 0 :]
        return [line for line in lines if event is None or line.event == event]

    async def logged(
        self,
        event: str,
        *,
        request_id: str | None = None,
        count: int = 1,
        of_this_process: bool = False,
        timeout_seconds: float = 30,
    ) -> LogLine:
        """Wait until this event was logged `count` times (for this request); return the last of them."""

        def matching() -> list[LogLine]:
            lines = self.log(event, of_this_process=of_this_process)
            return [x for x in lines if request_id is None or str(x.fields.get("request_id")) == request_id]

        await self.until(lambda: len(matching()) >= count, f"{event} ×{count}", timeout_seconds)
        return matching()[-1]

    async def closed(self, request_id: str, *, timeout_seconds: float = 30) -> Mapping[str, object]:
        """Wait until the request is closed; return its row."""

        def is_closed() -> bool:
            row = self.row(request_id)
            return row is not None and row["closed_at"] is not None

        await self.until(is_closed, f"request {request_id} closed", timeout_seconds)
        row = self.row(request_id)
        assert row is not None
        return row

    async def reaches(self, request_id: str, status: str, *, timeout_seconds: float = 30) -> None:
        """Wait until the request's row has this status."""

        def has() -> bool:
            row = self.row(request_id)
            return row is not None and row["status"] == status

        await self.until(has, f"request {request_id} {status}", timeout_seconds)

    async def until(self, condition: Callable[[], bool], what: str, timeout_seconds: float = 30) -> None:
        """Wait until this holds; fail with the log's end where it does not in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():  # noqa: ASYNC110 -- a log file and a database have no event to wait for
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            tail = "\n".join(f"{x.level} {x.event} {dict(x.fields)}" for x in self.process.log()[-15:])
            rows = "\n".join(str(row) for row in self.rows())
            pytest.fail(f"waited {timeout_seconds} s for {what}; the log ends:\n{tail}\nthe rows:\n{rows}")

    def row(self, request_id: str) -> Mapping[str, object] | None:
        """Return the request's row as it is."""
        return next((r for r in self.rows() if str(r["id"]) == request_id), None)

    def rows(self, table: str = "requests") -> list[Mapping[str, object]]:
        """Return a whole table, read without touching it."""
        if not self.process.database_path.exists():
            return []
        with sqlite3.connect(f"file:{self.process.database_path}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            try:
                # The table's name is a test's own.
                return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
            except sqlite3.OperationalError:
                return []

    def submissions(self, request_id: str) -> list[Mapping[str, object]]:
        """Return the rows of the request's submissions."""
        return [row for row in self.rows("submissions") if str(row["request_id"]) == request_id]

    async def paid(self, request_id: str) -> list[Entry]:
        """Return what the world's ledger says was paid for this request."""
        entries = await self.world.ledger(kind="submission")
        return [e for e in entries if f"/{request_id}/" in str(e.fields["storage_uri"])]

    async def told(self, request_id: str) -> list[Entry]:
        """Return the visible outcomes: messages, or edits that made one of a placeholder (each message once)."""
        outcomes: dict[str, Entry] = {}
        asked = {str(e.fields["message_id"]) for e in await self.messages_of(request_id)}
        for entry in await self.world.ledger():
            if entry.kind in {"message", "edit"} and str(entry.fields["message_id"]) in asked:
                content = str(entry.fields["content"])
                if is_outcome(content) or entry.fields["attachments"]:
                    outcomes.setdefault(str(entry.fields["message_id"]), entry)
        return list(outcomes.values())

    async def messages_of(self, request_id: str) -> list[Entry]:
        """Return the first entry of each message that belongs to the request: its placeholder, and replies to it."""
        messages = await self.world.ledger(kind="message")
        own = [m for m in messages if str(m.fields["interaction_id"]) == request_id]
        placeholders = {str(m.fields["message_id"]) for m in own}
        replies = [
            m
            for m in messages
            if str(m.fields["reply_to"]) in placeholders or request_id in str(m.fields["content"])
        ]
        return [*own, *(m for m in replies if m not in own)]


NO_OUTCOME = ("🕓", "🎬", "🔎", "✅ Finished: [see", "🏁 Ended: [see")
"""How messages begin that are no outcome: waiting, generating, checking, and the pointers to one."""


def is_outcome(content: str) -> bool:
    """Whether a message's text is an outcome."""
    return bool(content) and not content.startswith(NO_OUTCOME)


StartBot = Callable[..., Bot]


@pytest.fixture
async def new_bot(sandbox: SandboxClient, tmp_path: Path) -> AsyncIterator[StartBot]:
    """Make bots with settings of their own: `bot = new_bot(VEOBOT_QUOTA="1"); await bot.start()`."""
    made: list[Bot] = []

    def make(directory: Path | None = None, **settings: str) -> Bot:
        made.append(Bot(directory or tmp_path / "bot", sandbox, settings))
        return made[-1]

    yield make
    for bot in made:
        bot.kill()


@pytest.fixture
async def bot(new_bot: StartBot) -> Bot:
    """A running bot with fast settings, its command registered."""
    running = new_bot()
    await running.start()
    await running.world.wait_for(lambda _: True, kind="commands", timeout_seconds=20)
    return running

"""Several real bot processes on one PostgreSQL and one sandbox: start, stop, kill them; see what became of requests."""

import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from support.bot import Bot
from support.postgres import PostgresServer
from veobot.sandbox.client import SandboxClient

CLUSTER = {
    "VEOBOT_VERTEX_REQUESTS_PER_MINUTE": "10000",
}
"""Settings under which a test need not wait long; what holds a cluster together keeps its own times."""


class ClusterBot(Bot):
    """One process of a cluster, with a log of its own, over any number of starts."""

    def __init__(self, directory: Path, world: SandboxClient, url: str, settings: Mapping[str, str]) -> None:
        super().__init__(directory, world, {**CLUSTER, "VEOBOT_DATABASE_URL": url, **settings})
        self._url = url
        self.role = settings["VEOBOT_ROLE"]

    async def start(self, *, until_ready: bool = True) -> None:
        """Start a process; return once it can do what its role asks of it."""
        await super().start(until_ready=until_ready and self.role != "worker")
        if until_ready and self.role != "worker":
            await self.world.wait_for(kind="commands", timeout_seconds=20)
        if until_ready and self.role != "gateway":
            await self.until(lambda: bool(self.found()), "the worker has looked at what there is")

    def found(self) -> list[str]:
        """Return how the latest process said what it had found at its start."""
        words = {"resume.started", "No incomplete requests to resume"}
        return [line.event for line in self.log(of_this_process=True) if line.event in words]

    def rows(self, table: str = "requests") -> list[Mapping[str, object]]:
        """Return a whole table, read without touching it."""
        with closing(psycopg.connect(self._url, autocommit=True, row_factory=dict_row)) as connection:
            try:
                # The table's name is a test's own.
                return list(connection.execute(f"SELECT * FROM {table}".encode()))  # noqa: S608
            except psycopg.errors.UndefinedTable:
                return []

    def owners(self, request_id: str) -> int:
        """Return how many owners the request has had."""
        row = self.row(request_id)
        assert row is not None
        epoch = row["epoch"]
        assert isinstance(epoch, int)
        return epoch

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal, and do not wait for what comes of it."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


class Cluster:
    """All processes on one database, in one world."""

    def __init__(self, directory: Path, world: SandboxClient, url: str) -> None:
        self.world = world
        self.url = url
        self._directory = directory
        self._bots: list[ClusterBot] = []

    def bot(self, name: str, role: str = "all", **settings: str) -> ClusterBot:
        """Return a process that is not started yet, with a directory of its own."""
        bot = ClusterBot(self._directory / name, self.world, self.url, {"VEOBOT_ROLE": role, **settings})
        self._bots.append(bot)
        return bot

    async def gateway(self, name: str = "gateway", **settings: str) -> ClusterBot:
        """Start a process that takes commands; return once the command is registered."""
        bot = self.bot(name, "gateway", **settings)
        await bot.start()
        return bot

    async def worker(self, name: str = "worker", **settings: str) -> ClusterBot:
        """Start a process that makes videos."""
        bot = self.bot(name, "worker", **settings)
        await bot.start()
        return bot

    async def exchanged(self) -> None:
        """Wait until every process has learnt how slots stand by now."""
        since = datetime.now(UTC)

        def seen(bot: ClusterBot) -> bool:
            keepers = bot.rows("slot_keepers")
            return bool(keepers) and all(_moment(row["seen_at"]) > since for row in keepers)

        await self._bots[0].until(lambda: seen(self._bots[0]), "all processes have asked how slots stand")

    def connections(self) -> list[str]:
        """Return the names under which processes are connected to the database, one for each connection."""
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            rows = connection.execute(
                "SELECT application_name FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return [str(row[0]) for row in rows]

    def kill(self) -> None:
        """Kill all that still run."""
        for bot in self._bots:
            bot.kill()


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Stop all of a server's processes, as a machine that hangs does: its connections stay open, and say nothing."""
    processes = [server.pid, *children_of(server.pid)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(processes):
            os.kill(pid, signal.SIGCONT)


def children_of(pid: int) -> list[int]:
    """Return the processes that this one has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


@pytest.fixture
async def cluster(url: str, sandbox: SandboxClient, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without processes, on a database of its own."""
    made = Cluster(tmp_path, sandbox, url)
    yield made
    made.kill()

"""What one request costs a cluster: transactions and time of PostgreSQL's, and a gateway's and a worker's time.

A gateway and a worker as real processes, a PostgreSQL of their own that does not wait for its disk, and the sandbox.
Members ask one after the other; each request is made, polled and delivered as ever, its video after some seconds. What
an idle cluster costs in the same time is measured first, and taken off.

    PYTHONPATH=tests .venv/bin/python bench/cluster_load.py [requests] [seconds of a generation]
"""

import asyncio
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from support.cluster import Cluster, ClusterBot, children_of
from support.postgres import PostgresServer, fresh_database, running_server
from veobot.sandbox.process import run_sandbox

REQUESTS = 100
GENERATION_SECONDS = 20.0
IDLE_SECONDS = 10.0
APART_SECONDS = 0.1
CLOSED_SECONDS = 300.0
LOOK_SECONDS = 2.0
SETTINGS = {
    "VEOBOT_CONCURRENT_GENERATIONS": "1000",
    # As in service, where the tests' own are hurried.
    "VEOBOT_POLL_INTERVAL_SECONDS": "10",
    "VEOBOT_PROGRESS_INTERVAL_SECONDS": "15",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What has been spent so far: transactions, and seconds of a core."""

    transactions: int
    postgres: float
    gateway: float
    worker: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            self.transactions - other.transactions,
            self.postgres - other.postgres,
            self.gateway - other.gateway,
            self.worker - other.worker,
        )


async def main(requests: int, generation_seconds: float) -> None:
    """Measure, and print a table."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_server() as server,
        fresh_database(server.url) as url,
    ):
        async with run_sandbox(Path(directory) / "world") as world:
            cluster = Cluster(Path(directory), world.client, url)
            try:
                gateway = await cluster.gateway(**SETTINGS)
                worker = await cluster.worker(**SETTINGS)
                await world.client.vertex(generation_seconds=generation_seconds)
                await measure(server, gateway, worker, requests)
            finally:
                cluster.kill()


async def measure(server: PostgresServer, gateway: ClusterBot, worker: ClusterBot, requests: int) -> None:
    """Ask so often, wait until all is told, and print what that has cost."""

    def spent() -> Spent:
        return Spent(
            transactions(server.url),
            seconds_of_tree(server.pid),
            seconds_of(gateway.process.pid),
            seconds_of(worker.process.pid),
        )

    began = spent()
    await asyncio.sleep(IDLE_SECONDS)
    idle = spent() - began
    began, began_at = spent(), time.monotonic()
    for number in range(requests):
        await worker.world.command("mira", f"A kite, the {number}th of many")
        await asyncio.sleep(APART_SECONDS)

    async with asyncio.timeout(CLOSED_SECONDS):
        # A look costs the server a connection, so there are few.
        while sum(row["closed_at"] is not None for row in worker.rows()) < requests:  # noqa: ASYNC110 -- rows have no event
            await asyncio.sleep(LOOK_SECONDS)
    took = time.monotonic() - began_at
    total = spent() - began
    share = took / IDLE_SECONDS / requests
    print(f"{requests} requests in {took:.1f} s; of each, beside what an idle cluster costs:")
    print(f"  transactions of PostgreSQL  {total.transactions / requests - idle.transactions * share:8.1f}")
    for name in ("postgres", "gateway", "worker"):
        each = getattr(total, name) / requests - getattr(idle, name) * share
        print(f"  milliseconds of a core, {name:<9} {each * 1000:7.1f}")
    print(f"idle: {idle.transactions / IDLE_SECONDS:.1f} transactions a second")


def transactions(url: str) -> int:
    """Return how many transactions the bots' database has committed."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(
            "SELECT sum(xact_commit) FROM pg_stat_database WHERE datname LIKE 'veobot%'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def seconds_of(pid: int | None) -> float:
    """Return how long this process has kept a core busy."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0  # ended meanwhile, and counted by its parent
    return (int(fields[11]) + int(fields[12])) / 100


def seconds_of_tree(pid: int) -> float:
    """Return the same of a process and its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / 100
    return seconds_of(pid) + ended + sum(seconds_of(child) for child in children_of(pid))


if __name__ == "__main__":
    asyncio.run(
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS,
            float(sys.argv[2]) if len(sys.argv) > 2 else GENERATION_SECONDS,
        )
    )

"""What a worker keeps in memory with many videos under way: a real worker, a real gateway, PostgreSQL and the sandbox.

Members ask until so many videos are being made, none of which is ever ready; then the worker's memory is read.

    PYTHONPATH=tests .venv/bin/python bench/cluster_memory.py [requests]
"""

import asyncio
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg

from support.cluster import Cluster, ClusterBot
from support.postgres import fresh_database, running_server
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.process import run_sandbox

REQUESTS = 2_000
MEMORY_LIMIT_MB = 250
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 600.0
A_SECOND = 100
"""Commands; so many more than members ever give that a worker is soon full, and fewer than can be admitted."""
SETTINGS = {
    "VEOBOT_CONCURRENT_GENERATIONS": "5000",
    "VEOBOT_WORKER_CONCURRENCY": "5000",
    "VEOBOT_MAX_WAITING": "10000",
    "VEOBOT_QUOTA": "1000",
    "VEOBOT_DAILY_BUDGET_USD": "100000",
    "VEOBOT_POLL_INTERVAL_SECONDS": "60",
    "VEOBOT_PROGRESS_INTERVAL_SECONDS": "60",
    "VEOBOT_VERTEX_REQUESTS_PER_MINUTE": "100000",
}
MEMBERS = ("mira", "jonas", "aiko", "priya")


async def main(requests: int) -> None:
    """Measure, and print what was found."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_server() as server,
        fresh_database(server.url) as url,
    ):
        async with run_sandbox(Path(directory) / "world") as world:
            cluster = Cluster(Path(directory), world.client, url)
            try:
                await cluster.gateway(**SETTINGS)
                worker = await cluster.worker(**SETTINGS)
                await world.client.vertex(script=[{"result": "hang"}])
                before = megabytes(worker)
                began = time.monotonic()
                await ask(world.client, requests)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while generating(url) < requests:  # noqa: ASYNC110 -- rows have no event
                        await asyncio.sleep(LOOK_SECONDS)
                print(f"{requests} videos under way after {time.monotonic() - began:.0f} s in one worker:")
                print(f"  {megabytes(worker):.0f} MB, {before:.0f} MB before (limit {MEMORY_LIMIT_MB})")
            finally:
                cluster.kill()


async def ask(world: SandboxClient, requests: int) -> None:
    """Let members ask so often."""
    for number in range(requests):
        await world.command(MEMBERS[number % len(MEMBERS)], f"A kite, the {number}th of many")
        await asyncio.sleep(1 / A_SECOND)


def generating(url: str) -> int:
    """Return how many videos are under way."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute("SELECT count(*) FROM requests WHERE status = 'generating'").fetchone()
    assert row is not None
    return int(row[0])


def megabytes(bot: ClusterBot) -> float:
    """Return the memory of a process that is its own (resident)."""
    pages = int(Path(f"/proc/{bot.process.pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS))

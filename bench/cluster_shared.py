"""What sharing slots and paces over processes costs, beside the same for one process alone, in one run.

- From giving a slot up to the next grant: two processes take turns, each grant given up at once. With calls (NOTIFY),
  and with each process only looking by itself, once a second.
- With 2,000 in line, spread over two processes, nothing else going on: statements a second and the CPU's share.
- An exchange that brings nothing, as a process makes one each second.
- A permit: one caller, and 50 at once.

    PYTHONPATH=tests .venv/bin/python bench/cluster_shared.py [PostgreSQL's address]

Without an address a server is started, with `fsync` off: nothing here waits for a disk but commits.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import event

from support.clock import RealClock
from support.event_log import RecordingLog
from support.postgres import fresh_database, server_address
from support.requests import NOON, a_request
from veobot.core.limits import Limits
from veobot.core.pacing import PaceBook, Rate
from veobot.core.request import RequestId, VideoRequest
from veobot.core.slot_book import SlotBook, SlotChanges, Standing
from veobot.core.slots import Slots
from veobot.pace import MemoryPaceBook, Pace
from veobot.store.paces import SqlPaceBook
from veobot.store.postgres import PostgresDatabase
from veobot.store.slots import SqlSlotBook
from veobot.workqueue.shared_slots import SharedSlots

HANDOVERS = 400
HANDOVERS_BY_LOOKING = 20
IN_LINE = 2000
IDLE_SECONDS = 20.0
SHOWN_EVERY_SECONDS = 15.0
PERMITS = 400
EXCHANGES = 400
MS = 1000.0
FAST = Rate(permits=1_000_000, seconds=1.0)
BLOCKER = RequestId(1)


class Unheard(SlotBook):
    """A book whose calls nobody hears."""

    def __init__(self, book: SlotBook) -> None:
        self._book = book

    async def exchange(self, changes: SlotChanges, now: datetime) -> Standing:
        return await self._book.exchange(changes, now)

    async def leave(self) -> None:
        await self._book.leave()

    async def listen(self, wake: Callable[[], None]) -> None:  # noqa: ARG002 - that is the point
        await asyncio.Event().wait()


def requests(count: int) -> list[VideoRequest]:
    """Return so many, each a second younger than the one before."""
    return [a_request(request_id=RequestId(10 + n), asked=NOON + timedelta(seconds=n)) for n in range(count)]


# -- handing over


async def take_turns(slots: Slots, mine: Sequence[VideoRequest]) -> list[tuple[int, float, float]]:
    """Wait for each, and give it up at once; return which, and when it was granted and given up."""

    async def one(request: VideoRequest) -> tuple[int, float, float]:
        while not await slots.wait(request, 600):
            pass
        granted = time.monotonic()
        slots.release(request.id)
        return request.id, granted, time.monotonic()

    return await asyncio.gather(*(one(request) for request in mine))


async def partner(url: str, number: int, count: int, hears: bool) -> None:
    """Be one of two processes: say when all stand in line, start when told, print the times."""
    database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=2)
    book: SlotBook = SqlSlotBook(database, f"partner-{number}", 1, Limits())
    slots = SharedSlots(1, RealClock(), book if hears else Unheard(book), RecordingLog())
    keeping = asyncio.create_task(slots.keep())
    slots.open()
    if number == 0:
        slots.hold(BLOCKER)
        await asyncio.sleep(1)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    turns = asyncio.create_task(take_turns(slots, requests(count)[number::2]))
    await asyncio.sleep(3)  # all are told
    print("lined up", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    slots.release(BLOCKER)
    print(json.dumps(await turns), flush=True)
    keeping.cancel()
    await slots.leave()


def handovers(url: str, count: int, hears: bool) -> list[float]:
    """Return how many seconds lie between giving up and the next grant, where that is the other process's."""
    with ExitStack() as stack:
        partners = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, __file__, url, "partner", str(number), str(count), str(int(hears))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(2)
        ]
        lines: list[str] = []
        for _ in range(3):
            lines = [_line_of(process) for process in partners]
    turns = sorted(turn for line in lines for turn in json.loads(line))
    return [after[1] - before[2] for before, after in pairwise(turns)]


def _line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdin is not None, "it has pipes"
    assert process.stdout is not None, "it has pipes"
    line = process.stdout.readline()
    process.stdin.write("\n")
    process.stdin.flush()
    return line


async def handovers_alone(count: int) -> list[float]:
    """Return the same for one process that shares nothing."""
    slots = Slots(1, RealClock())
    slots.open()
    slots.hold(BLOCKER)
    turns = asyncio.create_task(take_turns(slots, requests(count)))
    await asyncio.sleep(0.1)
    slots.release(BLOCKER)
    ordered = sorted(await turns)
    return [after[1] - before[2] for before, after in pairwise(ordered)]


# -- standing in line


async def stand_in_line(url: str) -> tuple[float, float]:
    """Let many wait as the core does; return statements a second and the CPU's share, of two processes in one."""
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    machines = []
    for number in range(2):
        database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=2)
        event.listen(database.engine.sync_engine, "before_cursor_execute", count)
        book = SqlSlotBook(database, f"line-{number}", 3, Limits())
        slots = SharedSlots(3, RealClock(), book, RecordingLog())
        machines.append((slots, asyncio.create_task(slots.keep())))
        for n in range(3):
            slots.hold(RequestId(number * 3 + n))
        slots.open()

    async def wait(slots: Slots, request: VideoRequest, offset: float) -> None:
        slots.line_up(request)
        await asyncio.sleep(offset)  # they came one after the other
        while not await slots.wait(request, SHOWN_EVERY_SECONDS):
            slots.position(request)

    in_line = [
        asyncio.create_task(wait(machines[n % 2][0], request, SHOWN_EVERY_SECONDS * n / IN_LINE))
        for n, request in enumerate(requests(IN_LINE))
    ]
    await asyncio.sleep(SHOWN_EVERY_SECONDS)
    before, cpu = statements, time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    result = (statements - before) / IDLE_SECONDS, (time.process_time() - cpu) / IDLE_SECONDS
    for task in in_line:
        task.cancel()
    for slots, keeping in machines:
        keeping.cancel()
        await slots.leave()
    return result


async def exchanges(database: PostgresDatabase) -> list[float]:
    """Return how many seconds an exchange takes that brings nothing: the most of them are such."""
    book = SqlSlotBook(database, "bench", 3, Limits())
    taken = []
    for _ in range(EXCHANGES):
        began = time.perf_counter()
        await book.exchange(SlotChanges(open=True), NOON)
        taken.append(time.perf_counter() - began)
    await book.leave()
    return taken


def asks_alone() -> list[float]:
    """Return how many seconds it takes to ask a process's own slots."""
    slots = Slots(3, RealClock())
    taken = []
    for _ in range(EXCHANGES):
        began = time.perf_counter()
        slots.is_free()
        taken.append(time.perf_counter() - began)
    return taken


# -- permits


async def permits(book: PaceBook, at_once: int) -> list[float]:
    """Return how many seconds each permit took, of a rate that holds nobody up."""
    pace = Pace("bench", FAST, book, patience_seconds=5)

    async def one() -> float:
        began = time.perf_counter()
        await pace.permit()
        return time.perf_counter() - began

    await one()
    taken: list[float] = []
    for _ in range(PERMITS // at_once):
        taken += await asyncio.gather(*(one() for _ in range(at_once)))
    return taken


# -- the table


def row(name: str, shared: Sequence[float], alone: Sequence[float]) -> None:
    """Print times in milliseconds, and the ratio of the medians."""
    median, usual = statistics.median(shared), statistics.median(alone)
    times = (median, statistics.mean(shared), statistics.quantiles(shared, n=100)[98])
    print(f"{name:<36}" + "".join(f"{t * MS:>10.3f}" for t in times), end="")
    print(f"{usual * MS:>12.4f}{median / usual:>9.0f}")


async def measured(url: str) -> None:
    """Measure all but the handing over of two processes."""
    database = PostgresDatabase(url, sleep=asyncio.sleep, pool_size=2)
    shared, alone = await exchanges(database), asks_alone()
    row("nothing new: one exchange, one look", shared, alone)
    for at_once in (1, 50):
        shared = await permits(SqlPaceBook(database), at_once)
        alone = await permits(MemoryPaceBook(), at_once)
        row(f"a permit, {at_once} at once", shared, alone)
    await database.leave()
    per_second, share = await stand_in_line(url)
    print(
        f"\n{IN_LINE} in line, two processes: {per_second:.1f} statements a second, {share:.1%} of a core;"
        " a process alone: none"
    )


def main(address: str | None) -> None:
    """Measure and print a table."""
    with ExitStack() as stack:
        server = address or stack.enter_context(server_address())
        url = stack.enter_context(fresh_database(server))
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"{'milliseconds':<36}{'p50':>10}{'mean':>10}{'p99':>10}{'alone p50':>12}{'ratio':>9}")
        alone = asyncio.run(handovers_alone(HANDOVERS))
        row("given up → next grant, by a call", handovers(url, HANDOVERS, True), alone)
        row("given up → next grant, by looking", handovers(url, HANDOVERS_BY_LOOKING, False), alone)
        asyncio.run(measured(url))


if __name__ == "__main__":
    if sys.argv[2:3] == ["partner"]:
        asyncio.run(partner(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1"))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else None)

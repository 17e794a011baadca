"""Whatever befalls the processes that share slots: never too many at once, nobody forgotten, the oldest first."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from support.cluster_parts import Ledger, Machine, admitted, age, cut_connections, until
from veobot.core.errors import StoreUnavailable, Superseded
from veobot.core.request import RequestId, VideoRequest

REQUESTS = 24
MACHINES = 3
STEPS = 40

_NOTE_GRANTS = """
    CREATE TABLE grants (request_id bigint, older bigint);
    CREATE FUNCTION note_grant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO grants SELECT NEW.request_id, count(*)
        FROM slots JOIN slot_keepers USING (owner)
        WHERE NOT held AND open AND (asked_at, request_id) < (NEW.asked_at, NEW.request_id);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_grant AFTER UPDATE OF held ON slots FOR EACH ROW
    WHEN (NEW.held AND NOT OLD.held AND NEW.asked_at IS NOT NULL) EXECUTE FUNCTION note_grant()
"""
"""How many older requests were in line, of processes that could have taken a slot, when one was given."""


class Play:
    """Some processes, their requests, and what befalls them."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.rng = random.Random(seed)
        self.limit = self.rng.choice((1, 2, 3))
        self.ledger = Ledger(self.limit)
        self.ended: set[RequestId] = set()
        self.machines: list[Machine] = []
        self._started = 0
        self._carried: dict[tuple[str, RequestId], asyncio.Task[None]] = {}
        self._asleep: Machine | None = None

    async def run(self) -> None:
        """Let things happen, then let all come to its end."""
        for _ in range(MACHINES):
            self._start()
        requests = 0
        for _ in range(STEPS):
            if requests < REQUESTS and self.rng.random() < 0.8:
                requests += 1
                await self._ask(requests)
            match self.rng.randrange(8):
                case 0:
                    await self._kill(self.rng.choice(self.machines))
                case 1 if self._asleep is None:
                    await self._put_to_sleep(self.rng.choice(self.machines))
                case 2 if self._asleep is not None:
                    self._wake()
                case 3:
                    cut_connections(self.url)
                case _:
                    await asyncio.sleep(self.rng.random() * 0.1)
            self._look()
        if self._asleep is not None:
            self._wake()
        await until(lambda: self._look() or len(self.ended) == requests, "the end of all requests", 60)

    async def stop(self) -> None:
        """End what is left."""
        for task in self._carried.values():
            task.cancel()
        for machine in self.machines:
            await machine.vanish()

    def _look(self) -> bool:
        for task in self._carried.values():
            if task.done() and not task.cancelled():
                task.result()
        assert not any(machine.failed for machine in self.machines)
        return False

    # -- what happens

    def _start(self) -> None:
        self._started += 1
        machine = Machine(self.url, f"machine-{self._started}", self.limit, ledger=self.ledger)
        machine.slots.open()
        self.machines.append(machine)

    async def _ask(self, number: int) -> None:
        """A request, asked within the last minutes: older ones come after younger ones."""
        machine = self._someone()
        asked_at = machine.clock.now() - timedelta(seconds=self.rng.randrange(300))
        for _ in range(20):
            with suppress(StoreUnavailable):  # the connections were cut
                self._carry(machine, await admitted(machine, number, asked_at))
                return

    async def _kill(self, machine: Machine) -> None:
        if machine is self._asleep:
            self._asleep = None
        self.machines.remove(machine)
        left = self._of(machine)
        for request_id in left:
            self._carried.pop((machine.name, request_id)).cancel()
        await machine.vanish()
        self._start()
        age(self.url, machine.name)
        for request_id in left:
            await self._take_over(request_id)

    async def _put_to_sleep(self, machine: Machine) -> None:
        self._asleep = machine
        await machine.fall_asleep()
        age(self.url, machine.name)
        for request_id in self._of(machine):
            if self.rng.random() < 0.5:  # the others the sleeper wakes up with, before anybody has missed it
                await self._take_over(request_id)

    def _wake(self) -> None:
        assert self._asleep is not None
        self._asleep.wake_up()
        self._asleep = None

    async def _take_over(self, request_id: RequestId) -> None:
        machine = self._someone()
        for _ in range(20):
            with suppress(StoreUnavailable):
                await machine.store.claim(request_id, machine.name, machine.clock.now())
                self._carry(machine, await machine.store.get(request_id))
                return

    # -- a request's life

    def _someone(self) -> Machine:
        return self.rng.choice([machine for machine in self.machines if machine is not self._asleep])

    def _of(self, machine: Machine) -> list[RequestId]:
        return [
            request_id
            for (name, request_id), task in self._carried.items()
            if name == machine.name and not task.done()
        ]

    def _carry(self, machine: Machine, request: VideoRequest) -> None:
        if request.status.is_outcome:
            self.ended.add(request.id)
            return
        life = asyncio.create_task(self._life(machine, request.id, request.epoch))
        self._carried[machine.name, request.id] = life

    async def _life(self, machine: Machine, request_id: RequestId, epoch: int) -> None:
        """Do as the core does."""
        while True:
            await machine.book.awake.wait()
            try:
                request = await machine.store.get(request_id)
                await machine.book.awake.wait()
                if request.status.is_outcome:
                    self.ended.add(request_id)
                if request.status.is_outcome or request.epoch != epoch:
                    machine.slots.release(request_id)
                    return
                if request.open_submissions:
                    machine.slots.hold(request_id)
                    await asyncio.sleep(self.rng.random() * 0.05)
                    await machine.book.awake.wait()
                    await machine.end(request)
                elif await machine.slots.wait(request, 0.5):
                    await asyncio.sleep(self.rng.random() * 0.02)
                    await machine.book.awake.wait()
                    await machine.submit(request)
            except (StoreUnavailable, Superseded):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(12))
async def test_never_too_many_at_once_and_nobody_is_forgotten(url: str, seed: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_NOTE_GRANTS)
    play = Play(url, seed)
    try:
        await play.run()
    finally:
        await play.stop()
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*), max(older) FROM grants").fetchone()
    assert row is not None
    given, older = row
    assert given >= len(play.ended) / 2
    assert older < play.limit

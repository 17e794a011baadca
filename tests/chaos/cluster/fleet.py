"""All machines of a cluster, with the PostgreSQL and the sandbox that they share."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from chaos.campaign.watch import Watch
from chaos.cluster.line import Line
from chaos.cluster.machine import Machine
from chaos.cluster.records import ClusterRecords
from chaos.cluster.timeline import Timeline
from support.postgres import PostgresServer, running_server
from veobot.sandbox.process import SandboxProcess, run_sandbox

NAME = "veobot"
"""The database's."""

READY_SECONDS = 60.0
"""For a start, on a machine that has two cores for seven processes."""


@dataclass(slots=True)
class Fleet:
    """One cluster.

    Attributes:
        machines: all that there ever were; those of one role, oldest first, are told apart by `of_role`.
    """

    directory: Path
    settings: Mapping[str, str]
    sandbox: SandboxProcess
    watch: Watch
    server: PostgresServer
    timeline: Timeline = field(default_factory=Timeline)
    machines: list[Machine] = field(default_factory=list)
    records: ClusterRecords = field(init=False)

    def __post_init__(self) -> None:
        """Look at the database by its own address."""
        self.records = ClusterRecords(self.server.url_of(NAME))

    async def add(self, name: str, role: str) -> Machine:
        """Make one more machine; it is not started yet."""
        line = Line(self.server.port)
        await line.open()
        machine = Machine(
            name,
            role,
            self.directory / name,
            {**self.sandbox.environment, **self.settings},
            line=line,
            database=NAME,
            timeline=self.timeline,
        )
        self.machines.append(machine)
        return machine

    async def come_up(self, *machines: Machine) -> None:
        """Start these at once, and wait until all are ready."""
        ready = await asyncio.gather(*(machine.come_up(READY_SECONDS) for machine in machines))
        for machine, came in zip(machines, ready, strict=True):
            if not came:
                machine.broken.append(f"{machine.name} was not ready within {READY_SECONDS:g} s")

    def of_role(self, role: str) -> list[Machine]:
        """Return all that ever had this role."""
        return [machine for machine in self.machines if machine.role == role]

    def names(self, role: str) -> list[str]:
        """Return their names."""
        return [machine.name for machine in self.of_role(role)]

    @property
    def broken(self) -> list[str]:
        """What a process or a row did that it never may."""
        return [*self.records.broken, *(found for machine in self.machines for found in machine.broken)]


@asynccontextmanager
async def running_fleet(directory: Path, seed: int, settings: Mapping[str, str]) -> AsyncIterator[Fleet]:
    """Run a PostgreSQL and a sandbox, without machines yet; no process is left behind."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(run_sandbox(directory / "sandbox", clip="small", seed=seed))
        watch = Watch(await stack.enter_async_context(sandbox.new_client()))
        # Not in a thread: PostgreSQL would end with it.
        server = stack.enter_context(running_server())
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {NAME}".encode())
        fleet = Fleet(directory, settings, sandbox, watch, server)
        following = asyncio.create_task(watch.follow())
        try:
            yield fleet
        finally:
            for machine in fleet.machines:
                machine.end()
                await machine.line.close()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

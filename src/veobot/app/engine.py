"""What keeps requests moving: its face, and which kind the settings ask for."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Protocol

from veobot.bot.client import Permit
from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.door import Door
from veobot.core.parts import Parts
from veobot.core.ports import EventLog, VideoGenerator
from veobot.core.slots import Slots
from veobot.store.database import Database
from veobot.store.opening import require_postgres

Jobs = Mapping[str, Coroutine[None, None, None]]
"""What runs in the background, by name; one that ends by an error ends the process."""


class Engine(Protocol):
    """Decides who carries which request. Made before anything is reached; nothing is opened until `enter`."""

    @property
    def database(self) -> Database:
        """Where the rows are."""

    @property
    def prompt_database(self) -> Database:
        """The same, for whoever has an answer to give: it is not waited for longer than Discord allows."""

    @property
    def slots(self) -> Slots:
        """How many videos are made at once."""

    @property
    def permit(self) -> Permit | None:
        """Awaited before each call to Discord by the bot's token; None where nobody else makes any."""

    @property
    def others_first_seconds(self) -> float:
        """How long a process that cannot serve a command leaves it to others."""

    async def enter(self) -> None:
        """Wait until this process may work on the database. Raises `VeobotError` where it may not."""

    def paced(self, generator: VideoGenerator) -> VideoGenerator:
        """Return the generator, with its calls no faster than all processes together may make them."""

    def assemble(self, parts: Parts) -> Door:
        """Take the parts, and return the door that hands requests to this engine."""

    def jobs(self, ready: asyncio.Event) -> Jobs:
        """Return what to run from now on; `ready` is set once this process can tell members of outcomes."""

    async def stop(self, grace_seconds: float) -> int:
        """Begin nothing new, give what is in hand its time; return how many requests are cut off."""

    async def leave(self) -> None:
        """Let go of what commands in hand needed; after `stop`, and once they are answered."""


def engine_for(settings: Settings, clock: DiscordClock, log: EventLog, owner: str) -> Engine:
    """Return the engine that goes with the database. Raises `PostgresMissing` where its parts are not installed."""
    if settings.on_postgres:
        require_postgres()
        from .cluster import Cluster  # noqa: PLC0415 -- its parts need not be installed

        return Cluster(settings, clock, log, owner)
    from .single import SingleProcess  # noqa: PLC0415 -- the other's needs are not paid for

    return SingleProcess(settings, clock, log, owner)

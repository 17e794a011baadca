"""One process of the bot: starts in order, works until SIGTERM, leaves within 5 s."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import NoReturn

import discord

from veobot import __version__
from veobot.bot.client import VeobotClient, use_api
from veobot.bot.in_hand import InHand
from veobot.bot.offering import offer
from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.errors import Stopping, StoreUnavailable, VeobotError
from veobot.core.parts import Parts
from veobot.core.ports import EventLog
from veobot.core.retention import sweep_for_ever
from veobot.store.errors import SchemaTooNew
from veobot.telemetry.logs import set_up_logging

from .building import kept_for, new_generator, new_own_requests, new_owner, new_parts
from .discord_session import CannotStart, log_in, stay_connected
from .engine import engine_for

STOP_GRACE_SECONDS = 4.0
"""What is in hand at SIGTERM gets this long; supervisors kill after 10 s, some after 5."""
LASTING = frozenset({"worker", "slots"})
"""Jobs without which the process does nothing, and looks as if it did."""
LEFT_AFTER_SECONDS = 4.9
"""In all, handing over included; nothing depends on the end of it."""


def run(settings: Settings) -> int:
    """Run the bot until it is told to stop. Raises `VeobotError` where the operator must mend something first."""
    log = set_up_logging(
        log_format=settings.log_format, level=settings.log_level, secrets=list(settings.secrets)
    )
    asyncio.run(Application(settings, log).run())
    return 0


class Application:
    """One process of the bot, in its role."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings = settings
        self._role = settings.role
        self._log = log
        self._clock = DiscordClock(log)
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._engine = engine_for(settings, self._clock, log, new_owner())
        self._client = self._build_client()
        self._in_hand = InHand()

    async def run(self) -> None:
        """Start in order, work until SIGTERM, leave within 5 s."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        more = {"role": self._role.value} if self._settings.on_postgres else {}
        self._log.info("bot.starting", version=__version__, pid=os.getpid(), **more)
        await self._unless_stopped(self._engine.enter())
        await self._refuse_newer_schema()
        token = self._settings.discord_token.get_secret_value()
        await self._unless_stopped(log_in(self._client, token, self._log))
        parts = self._assemble()
        jobs = {
            **self._engine.jobs(self._ready),
            "retention": self._sweep(parts),
            "stop": self._wait_for_stop(),
        }
        if self._role.answers:
            jobs["gateway"] = stay_connected(self._client, self._log)
        else:
            self._ready.set()
        await self._watch({asyncio.create_task(job, name=name) for name, job in jobs.items()})
        await self._leave(parts)

    # -- starting

    def _build_client(self) -> VeobotClient:
        settings = self._settings
        use_api(settings.discord_api_url, settings.discord_gateway_url)

        async def on_first_ready() -> None:
            self._ready.set()

        return VeobotClient(
            self._log,
            observe_date=self._clock.observe,
            permit=self._engine.permit,
            on_first_ready=on_first_ready,
            shard_count=settings.shard_count,
            shard_ids=settings.shard_ids,
        )

    async def _refuse_newer_schema(self) -> None:
        """A newer schema ends the start; a database that cannot be read is tried again once the bot is ready."""
        try:
            await self._engine.database.read(lambda _: None)
        except SchemaTooNew:
            raise
        except StoreUnavailable as error:
            self._log.error("database.unavailable", reason=str(error))

    def _assemble(self) -> Parts:
        """Build what needs to know the time, and offer the commands."""
        engine, settings = self._engine, self._settings
        parts = new_parts(
            settings,
            client=self._client,
            database=engine.database,
            slots=engine.slots,
            generator=engine.paced(new_generator(settings)),
            clock=self._clock,
            log=self._log,
            stopping=self._stopping,
        )
        door = engine.assemble(parts)
        if self._role.answers:
            offer(
                self._client,
                door,
                new_own_requests(settings, parts, engine.prompt_database),
                settings.option_defaults,
                self._log,
                in_hand=self._in_hand,
                others_first_seconds=engine.others_first_seconds,
            )
        return parts

    # -- working

    async def _sweep(self, parts: Parts) -> None:
        await self._ready.wait()
        await sweep_for_ever(parts, kept_for(self._settings))

    async def _wait_for_stop(self) -> None:
        await self._stopping.wait()

    async def _watch(self, jobs: set[asyncio.Task[None]]) -> None:
        """Wait for SIGTERM. A job that ends by an error ends the bot: half of it would be worse than a restart."""
        running = jobs
        while not self._stopping.is_set():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                self._judge(job)
        for job in running:
            job.add_done_callback(self._let_go)

    def _let_go(self, job: asyncio.Task[None]) -> None:
        """See a job off that ends since the process leaves."""
        error = None if job.cancelled() else the_one_in(job.exception())
        if error is not None and not isinstance(error, Stopping):
            self._log.warning("job.failed", job=job.get_name(), reason=str(error))

    def _judge(self, job: asyncio.Task[None]) -> None:
        """Let a finished job pass; raise what the operator has to mend; end with any other error."""
        error = the_one_in(job.exception())
        if isinstance(
            error, discord.LoginFailure | discord.ConnectionClosed | discord.PrivilegedIntentsRequired
        ):
            raise CannotStart(f"Discord's gateway refuses the bot: {error}") from error
        if isinstance(error, VeobotError) and not isinstance(error, Stopping):
            raise error
        if isinstance(error, Exception) and not isinstance(error, Stopping):
            self._log.error("job.failed", job=job.get_name(), reason=str(error), exc_info=error)
            # At once: to end the other jobs first may take for ever, and a supervisor waits for the end.
            _exit_at_once(1)
        if error is None and job.get_name() == "gateway" and not self._stopping.is_set():
            raise CannotStart("The connection to Discord ended for good; start the bot again.")
        if error is None and job.get_name() in LASTING and not self._stopping.is_set():
            self._log.error("job.failed", job=job.get_name(), reason="it ended by itself")
            _exit_at_once(1)

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Do this, but leave at once when told to stop meanwhile: nothing is in hand yet."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            self._log.info("bot.stopped", in_hand=0)
            _exit_at_once()
        await task

    # -- stopping

    async def _leave(self, parts: Parts) -> None:
        """Begin nothing new, give what is in hand its time, and go; the rows say the rest to the next process."""
        self._log.info("bot.stopping")
        parts.slots.close()
        # Not cancelled where it takes too long: a driver that hangs would take longer still.
        parting = asyncio.create_task(self._part(), name="parting")
        await asyncio.wait({parting}, timeout=LEFT_AFTER_SECONDS)
        self._log.info("bot.stopped", in_hand=parting.result() if parting.done() else "unknown")
        _exit_at_once()

    async def _part(self) -> int:
        """Give what is in hand its time; return how much is cut off."""
        unfinished, unanswered = await asyncio.gather(
            self._engine.stop(STOP_GRACE_SECONDS), self._in_hand.drain(STOP_GRACE_SECONDS)
        )
        await self._engine.leave()
        return unfinished + unanswered


def the_one_in(error: BaseException | None) -> BaseException | None:
    """Return what went wrong, without the groups that task groups make of a single error."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _exit_at_once(code: int = 0) -> NoReturn:
    """Leave without waiting for threads: a download in one of them can hold a clean exit up for many seconds."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a full disk, or a reader of the log that has left
            stream.flush()
    os._exit(code)

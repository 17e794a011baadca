"""Builds the parts, starts and stops them in order; the only module that knows them all."""

import asyncio
import os
import random
import secrets
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

import aiohttp
import discord

from veobot import __version__
from veobot.bot.client import VeobotClient, use_api
from veobot.bot.commands import VeoCommand
from veobot.bot.messenger import DiscordMessenger
from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.admission import BUDGET_WINDOW, AdmissionPolicy
from veobot.core.door import Door
from veobot.core.errors import Stopping, StoreUnavailable, VeobotError
from veobot.core.lifecycle import Lifecycle
from veobot.core.limits import Limits, backoff_seconds
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import EventLog
from veobot.core.recovery import Recovery
from veobot.core.retention import sweep_for_ever
from veobot.core.slots import Slots
from veobot.store.database import Database, open_database
from veobot.store.errors import SchemaTooNew
from veobot.store.instance_lock import InstanceLock
from veobot.store.requests import SqliteRequestStore
from veobot.telemetry.logs import set_up_logging
from veobot.vertex.bucket import GcsVideoBucket
from veobot.vertex.veo import VeoGenerator
from veobot.workqueue.local import LocalWorkQueue

STOP_GRACE_SECONDS = 4.0
"""What is in hand at SIGTERM gets this long; supervisors kill after 10 s, some after 5."""


class CannotStart(VeobotError):
    """The bot cannot start."""


def run(settings: Settings) -> int:
    """Run the bot until it is told to stop. Raises `VeobotError` where the operator must mend something first."""
    token = settings.discord_token.get_secret_value()
    log = set_up_logging(
        log_format=settings.log_format, level=settings.log_level, secrets=[token] if token else []
    )
    asyncio.run(Application(settings, log).run())
    return 0


def migrate(settings: Settings) -> str:
    """Bring the database's schema up to date; return what to tell the operator."""

    async def migrating() -> None:
        (await open_database(settings.database_path, sleep=asyncio.sleep)).close()

    asyncio.run(migrating())
    return f"The database {settings.database_path} is up to date."


class Application:
    """One process of the bot."""

    def __init__(self, settings: Settings, log: EventLog) -> None:
        self._settings = settings
        self._log = log
        # Not the host and the pid alone: a container started again has both from before.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._clock = DiscordClock(log)
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._database = Database(settings.database_path, sleep=asyncio.sleep)
        self._client = self._build_client()
        self._limits = _limits(settings)

    async def run(self) -> None:
        """Start in order, work until SIGTERM, leave within 5 s."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._log.info("bot.starting", version=__version__, pid=os.getpid())
        lock = InstanceLock(self._settings.database_path, sleep=asyncio.sleep)
        await self._unless_stopped(lock.acquire())
        await self._refuse_newer_schema()
        await self._unless_stopped(self._log_in())
        parts, queue, recovery, command = self._build_parts()
        self._client.add_command(command.build())
        jobs: list[asyncio.Task[object]] = [
            asyncio.create_task(self._connect(), name="gateway"),
            asyncio.create_task(self._recover(parts, recovery), name="recovery"),
            asyncio.create_task(self._sweep(parts), name="retention"),
            asyncio.create_task(self._stopping.wait(), name="stop"),
        ]
        await self._watch(jobs)
        await self._leave(parts, queue, command)

    # -- starting

    def _build_client(self) -> VeobotClient:
        use_api(self._settings.discord_api_url, self._settings.discord_gateway_url)

        async def on_first_ready() -> None:
            self._ready.set()

        return VeobotClient(self._log, observe_date=self._clock.observe, on_first_ready=on_first_ready)

    async def _refuse_newer_schema(self) -> None:
        """A newer schema ends the start; a database that cannot be read is tried again once the bot is ready."""
        try:
            await self._database.read(lambda _: None)
        except SchemaTooNew:
            raise
        except StoreUnavailable as error:
            self._log.error("database.unavailable", reason=str(error))

    async def _log_in(self) -> None:
        """Log in to Discord, however often it takes; its answer also says what time it is."""
        failures = 0
        while True:
            try:
                await self._client.login(self._settings.discord_token.get_secret_value())
            except discord.LoginFailure as error:
                raise CannotStart(
                    "Discord does not accept VEOBOT_DISCORD_TOKEN; copy the bot's token anew from the Developer Portal "
                    "(your application, Bot, Reset Token)."
                ) from error
            except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
                failures += 1
                self._log.warning("discord.not_reached", reason=str(error))
                await asyncio.sleep(backoff_seconds(failures, random.random(), at_least=1.0))  # noqa: S311 -- no secret
            else:
                return

    async def _connect(self) -> None:
        """Stay at Discord's gateway; where even its address cannot be had, ask for it again."""
        failures = 0
        while True:
            try:
                await self._client.connect()
            except (
                discord.GatewayNotFound,
                discord.DiscordServerError,
                OSError,
                aiohttp.ClientError,
            ) as error:
                failures += 1
                self._log.warning("discord.not_reached", reason=str(error))
                await asyncio.sleep(backoff_seconds(failures, random.random(), at_least=1.0))  # noqa: S311 -- no secret
            else:
                return

    def _build_parts(self) -> tuple[Parts, LocalWorkQueue, Recovery, VeoCommand]:
        settings = self._settings
        bucket = GcsVideoBucket(
            project=settings.google_project,
            bucket=settings.bucket,
            download_directory=settings.data_directory / "downloads",
            signing_account=settings.signing_service_account,
        )
        bucket.clean_leftovers()
        parts = Parts(
            store=SqliteRequestStore(self._database),
            generator=VeoGenerator(
                project=settings.google_project,
                bucket=settings.bucket,
                api_url=settings.vertex_api_url,
                submit_timeout_seconds=settings.submit_timeout_seconds,
            ),
            bucket=bucket,
            messenger=DiscordMessenger(
                self._client, self._clock, self._log, limits=self._limits, started_at=self._clock.now()
            ),
            clock=self._clock,
            log=self._log,
            slots=Slots(settings.concurrent_generations, self._clock),
            notices=NoticePacer(self._clock),
            limits=self._limits,
            jitter=random.random,
            stopping=self._stopping,
        )
        queue = LocalWorkQueue(
            carry=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).run(),
            give_up=lambda request_id, epoch: Lifecycle(parts, request_id, epoch).give_up(),
            clock=self._clock,
            log=self._log,
        )
        recovery = Recovery(parts, queue, self._owner)
        door = Door(parts, recovery, queue, _policy(settings), self._owner)
        return parts, queue, recovery, VeoCommand(door, settings.option_defaults, self._log)

    # -- working

    async def _recover(self, parts: Parts, recovery: Recovery) -> None:
        await self._ready.wait()
        if self._settings.resume:
            await recovery.run()
        else:
            self._log.warning("resume.switched_off", fix="Remove VEOBOT_RESUME")
            parts.slots.open()

    async def _sweep(self, parts: Parts) -> None:
        await self._ready.wait()
        # Quota and budget are counted from the rows.
        keep = max(
            timedelta(days=self._settings.retention_days), _policy(self._settings).quota_window, BUDGET_WINDOW
        )
        await sweep_for_ever(parts, keep)

    async def _watch(self, jobs: list[asyncio.Task[object]]) -> None:
        """Wait for SIGTERM. A job that ends by an error ends the bot: half of it would be worse than a restart."""
        running = set(jobs)
        while not self._stopping.is_set():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                self._judge(job)

    def _judge(self, job: asyncio.Task[object]) -> None:
        """Let a finished job pass; raise what the operator has to mend; raise any other error as it is."""
        error = job.exception()
        if isinstance(
            error, discord.LoginFailure | discord.ConnectionClosed | discord.PrivilegedIntentsRequired
        ):
            raise CannotStart(f"Discord's gateway refuses the bot: {error}") from error
        if isinstance(error, Exception) and not isinstance(error, Stopping):
            self._log.error("job.failed", job=job.get_name(), reason=str(error))
            raise error
        if job.get_name() == "gateway" and not self._stopping.is_set():
            raise CannotStart("The connection to Discord ended for good; start the bot again.")

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

    async def _leave(self, parts: Parts, queue: LocalWorkQueue, command: VeoCommand) -> None:
        """Begin nothing new, give what is in hand its time, and go; the rows say the rest to the next process."""
        self._log.info("bot.stopping")
        parts.slots.close()
        unfinished, unanswered = await asyncio.gather(
            queue.stop(STOP_GRACE_SECONDS), command.drain(STOP_GRACE_SECONDS)
        )
        self._log.info("bot.stopped", in_hand=unfinished + unanswered)
        _exit_at_once()


def _exit_at_once() -> NoReturn:
    """Leave without waiting for threads: a download in one of them can hold a clean exit up for many seconds."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a full disk, or a reader of the log that has left
            stream.flush()
    os._exit(0)


def _limits(settings: Settings) -> Limits:
    return Limits(
        request_expiry=timedelta(hours=settings.request_expiry_hours),
        generation_deadline=timedelta(minutes=settings.generation_deadline_minutes),
        submit_timeout=timedelta(seconds=settings.submit_timeout_seconds),
        poll_interval_seconds=settings.poll_interval_seconds,
        progress_interval_seconds=settings.progress_interval_seconds,
        link_lifetime=timedelta(hours=settings.link_lifetime_hours),
    )


def _policy(settings: Settings) -> AdmissionPolicy:
    return AdmissionPolicy(
        allowed_channels=settings.allowed_channels,
        age_restricted_only=settings.age_restricted_only,
        quota=settings.quota,
        quota_window=timedelta(hours=settings.quota_window_hours),
        daily_budget_micro_usd=settings.daily_budget_micro_usd,
        max_waiting=settings.max_waiting,
    )

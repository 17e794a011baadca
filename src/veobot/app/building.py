"""Makes the parts from the settings."""

import asyncio
import os
import random
import secrets
import socket
from datetime import timedelta

from veobot.bot.client import VeobotClient
from veobot.bot.messenger import DiscordMessenger
from veobot.clock import DiscordClock
from veobot.config import Settings
from veobot.core.admission import BUDGET_WINDOW, AdmissionPolicy
from veobot.core.fresh_links import FreshLinks
from veobot.core.limits import Limits
from veobot.core.own_requests import OwnRequests
from veobot.core.parts import NoticePacer, Parts
from veobot.core.ports import EventLog, VideoGenerator
from veobot.core.slots import Slots
from veobot.store.database import Database
from veobot.store.own_requests import SqlMemberRecords
from veobot.store.requests import SqlRequestStore
from veobot.vertex.bucket import GcsVideoBucket
from veobot.vertex.veo import VeoGenerator

LEFTOVER_SECONDS = 3600.0
"""A download that another process may be at work on is younger: it ends, or is begun anew, within minutes."""


def new_owner() -> str:
    """Return a name that no process has had before.

    Not the host and the pid alone: a container started again has both from before.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def new_generator(settings: Settings) -> VeoGenerator:
    """Return what asks Vertex for videos."""
    return VeoGenerator(
        project=settings.google_project,
        bucket=settings.bucket,
        api_url=settings.vertex_api_url,
        submit_timeout_seconds=settings.submit_timeout_seconds,
    )


def new_parts(
    settings: Settings,
    *,
    client: VeobotClient,
    database: Database,
    slots: Slots,
    generator: VideoGenerator,
    clock: DiscordClock,
    log: EventLog,
    stopping: asyncio.Event,
) -> Parts:
    """Return what every request's life shares. `client` is logged in: what time it is must be known."""
    bucket = GcsVideoBucket(
        project=settings.google_project,
        bucket=settings.bucket,
        download_directory=settings.data_directory / "downloads",
        signing_account=settings.signing_service_account,
    )
    bucket.clean_leftovers(unused_for_seconds=LEFTOVER_SECONDS if settings.on_postgres else 0.0)
    limits = limits_of(settings)
    return Parts(
        store=SqlRequestStore(database),
        generator=generator,
        bucket=bucket,
        messenger=DiscordMessenger(client, clock, log, limits=limits, started_at=clock.now()),
        clock=clock,
        log=log,
        slots=slots,
        notices=NoticePacer(clock),
        limits=limits,
        jitter=random.random,
        stopping=stopping,
    )


def new_own_requests(settings: Settings, parts: Parts, database: Database) -> OwnRequests:
    """Return what looks up what is a member's own, in a database that answers in time."""
    links = FreshLinks(parts.bucket, parts.clock, parts.log, parts.limits.link_lifetime)
    return OwnRequests(SqlMemberRecords(database), links, parts.clock, policy_of(settings))


def policy_of(settings: Settings) -> AdmissionPolicy:
    """Return who is let in."""
    return AdmissionPolicy(
        allowed_channels=settings.allowed_channels,
        age_restricted_only=settings.age_restricted_only,
        quota=settings.quota,
        quota_window=timedelta(hours=settings.quota_window_hours),
        daily_budget_micro_usd=settings.daily_budget_micro_usd,
        max_waiting=settings.max_waiting,
        models=settings.models,
    )


def kept_for(settings: Settings) -> timedelta:
    """Return how long a closed request is kept: quota and budget are counted from the rows."""
    return max(timedelta(days=settings.retention_days), policy_of(settings).quota_window, BUDGET_WINDOW)


def limits_of(settings: Settings) -> Limits:
    """Return how long, and how often."""
    return Limits(
        request_expiry=timedelta(hours=settings.request_expiry_hours),
        generation_deadline=timedelta(minutes=settings.generation_deadline_minutes),
        submit_timeout=timedelta(seconds=settings.submit_timeout_seconds),
        poll_interval_seconds=settings.poll_interval_seconds,
        progress_interval_seconds=settings.progress_interval_seconds,
        link_lifetime=timedelta(hours=settings.link_lifetime_hours),
    )

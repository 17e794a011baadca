"""The whole examination: the groups side by side, then their report."""

import asyncio
import logging
from datetime import UTC, datetime

from veobot.config import Settings

from .commands import command_findings
from .findings import Finding, Report, State, not_tried
from .gateway import gateway_findings
from .google_access import google_findings
from .guard import asked_of_discord, guarded
from .machine import clock_finding, machine_findings
from .screen import show
from .servers import server_findings
from .visitor import endpoint_finding, new_visitor, token_finding

_AFTER_THE_TOKEN = ("Way of the commands", "Gateway", "Commands", "Age restriction", "Servers", "Channels")


async def examine(settings: Settings) -> int:
    """Examine everything and print what was found; return 0 if nothing is wrong, else 1."""
    # What the libraries log on the way is in the findings already.
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(logging.NullHandler())
    report = await diagnose(settings)
    show(report)
    return report.exit_code


async def diagnose(settings: Settings) -> Report:
    """Examine everything; changes nothing, but for an object in the bucket that it deletes again."""
    times: list[tuple[str, datetime]] = []
    discord, google, database, machine = await asyncio.gather(
        guarded("Discord", _discord_findings(settings, times)),
        guarded("Google", google_findings(settings)),
        guarded("Database", _postgres_findings(settings)),
        guarded("This machine", asyncio.to_thread(machine_findings, settings)),
    )
    header, local_now = times[0] if times else (None, datetime.now(UTC))
    groups = {
        "Discord": discord,
        "Google": google,
        **({"Database": database} if settings.on_postgres else {}),
        "This machine": (*machine, clock_finding(header, local_now)),
    }
    return Report({name: tuple(_clean(f, settings) for f in found) for name, found in groups.items()})


def _clean(finding: Finding, settings: Settings) -> Finding:
    for secret in settings.secrets:
        finding = finding.without(secret)
    return finding


async def _postgres_findings(settings: Settings) -> list[Finding]:
    """Examine PostgreSQL; a SQLite file is one of this machine's things."""
    if not settings.on_postgres:
        return []
    from .postgres import postgres_findings  # noqa: PLC0415 -- who has a file does not pay for it

    return await postgres_findings(settings)


async def _discord_findings(settings: Settings, times: list[tuple[str, datetime]]) -> list[Finding]:
    """Examine Discord, and note what time each of its answers tells, and when it came."""
    client = new_visitor(settings, lambda date: times.append((date, datetime.now(UTC))))
    try:
        token = await token_finding(client, settings)
        if token.state is State.WRONG:
            rest = [not_tried(check, "the bot could not log in") for check in _AFTER_THE_TOKEN]
        else:
            rest = [endpoint_finding(client)]
            for findings in await asyncio.gather(
                asked_of_discord("Gateway", gateway_findings(client, settings)),
                asked_of_discord("Commands", command_findings(client)),
                asked_of_discord("Servers", server_findings(client, settings)),
            ):
                rest += findings
    finally:
        await client.close()
    return [token, *rest]

"""`veobot migrate`: brings the database up to date, whichever it is."""

import asyncio

from veobot.config import Settings
from veobot.store.migrate import Phase
from veobot.store.opening import database_at


def migrate(settings: Settings, phase: str | None = None) -> str:
    """Bring the database's tables up to date, in one phase or in both; return what to tell the operator.

    `phase` is `pre` (what a new version needs, and an older one does not mind) or `post` (what only older ones
    needed). Raises `VeobotError` where the database cannot be had, or is not ready for the phase.
    """
    chosen = None if phase is None else Phase(phase)

    async def migrating() -> None:
        database = database_at(settings.database_url, sleep=asyncio.sleep)
        try:
            await database.migrate(chosen)
        finally:
            await database.leave()
        if settings.on_postgres:
            from veobot.workqueue.connections import create_tables  # noqa: PLC0415 -- its parts need not be installed

            await create_tables(settings.database_url)

    asyncio.run(migrating())
    # No other process runs on a file: there both phases are one.
    whole = chosen is None or not settings.on_postgres
    done = "up to date" if whole else f"up to date for the phase {chosen}"
    return f"The database {settings.database_name} is {done}."

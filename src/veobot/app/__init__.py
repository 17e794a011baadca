"""Builds the parts, starts and stops them in order; the only package that knows them all.

Read in this order: `application` (one process, from its start to its end), `engine` (what keeps requests moving, in two
kinds: `single` on SQLite, `cluster` on PostgreSQL), `building` (the parts, from the settings), `discord_session`.
"""

from .application import run
from .discord_session import CannotStart
from .migrating import migrate

__all__ = ["CannotStart", "migrate", "run"]

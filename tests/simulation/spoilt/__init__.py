"""Records in which one promise is broken, or seems to be: what the invariants are tried on."""

from . import members, money, rows, traces
from .book import healthy
from .tools import BROKEN, EXCUSED, Spoiler

__all__ = ["BROKEN", "EXCUSED", "Spoiler", "healthy", "members", "money", "rows", "traces"]

"""`veobot doctor`: tries every real thing the bot needs, and names the page or role that mends what is wrong.

Each check is a small function that returns a `Finding`. Discord, Google and this machine are examined side by side; a
check that needs another's success says so instead of failing for the same reason again. Nothing is changed, but for
one small object that is written into the bucket and deleted.
"""

from .examination import diagnose, examine
from .findings import Finding, Report, State

__all__ = ["Finding", "Report", "State", "diagnose", "examine"]

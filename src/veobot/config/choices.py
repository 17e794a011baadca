"""The words that some settings take."""

from enum import StrEnum


class LogFormat(StrEnum):
    """How the log is written."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Role(StrEnum):
    """What one process does of the bot's work."""

    ALL = "all"
    GATEWAY = "gateway"
    WORKER = "worker"

    @property
    def answers(self) -> bool:
        """Whether it takes members' commands, over Discord's gateway."""
        return self is not Role.WORKER

    @property
    def carries(self) -> bool:
        """Whether it carries requests to their end."""
        return self is not Role.GATEWAY


class PersonGeneration(StrEnum):
    """Whom Veo may show."""

    ALLOW_ALL = "allow_all"
    ALLOW_ADULT = "allow_adult"
    DONT_ALLOW = "dont_allow"

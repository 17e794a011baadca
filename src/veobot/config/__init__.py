"""The settings: what they are (`settings`), and how they are read from the environment (`loading`)."""

from .choices import LogFormat, LogLevel, PersonGeneration, Role
from .loading import ConfigurationError, load_settings
from .settings import Settings

__all__ = [
    "ConfigurationError",
    "LogFormat",
    "LogLevel",
    "PersonGeneration",
    "Role",
    "Settings",
    "load_settings",
]

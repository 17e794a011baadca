"""The settings: what they are (`settings`), and how they are read from the environment (`loading`)."""

from .loading import ConfigurationError, load_settings
from .settings import LogFormat, LogLevel, PersonGeneration, Settings

__all__ = ["ConfigurationError", "LogFormat", "LogLevel", "PersonGeneration", "Settings", "load_settings"]

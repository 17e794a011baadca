"""Reads the settings from the environment, and says everything that is wrong with them at once."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource

from veobot.core.errors import VeobotError

from .settings import PREFIX, SECRETS, Settings

_FILE = "_FILE"

_SHOWN_CHARACTERS = 60
"""How much of a wrong value is repeated."""


class ConfigurationError(VeobotError):
    """Some settings are wrong or missing."""

    def __init__(self, sentences: list[str]) -> None:
        """`sentences` are one for each setting."""
        self.sentences = tuple(sentences)
        count = "One setting is" if len(sentences) == 1 else f"{len(sentences)} settings are"
        super().__init__("\n".join([f"{count} wrong or missing.", *(f"  {line}" for line in sentences)]))


def load_settings(
    environ: Mapping[str, str] | None = None, *, said: Mapping[str, str | None] | None = None
) -> Settings:
    """Return the settings of this environment, by default the process's own and the file `.env` in this directory.

    The process's own variables go before the file's, and what is `said` on the command line before both. What the file
    says for others (GOOGLE_APPLICATION_CREDENTIALS) is put into the process's environment, where Google's libraries
    look for it.

    Raises:
        ConfigurationError: with one sentence for each setting that is wrong or missing.
    """
    if environ is None:
        environ = _with_env_file(Path(".env"))
    environ = {**environ, **{name: value for name, value in (said or {}).items() if value is not None}}
    sentences: list[str] = []
    values = _collected(environ, sentences)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        told = {line.split(" ", 1)[0].removesuffix(_FILE) for line in sentences}
        for detail in error.errors(include_url=False):
            name = _variable(str(detail["loc"][0]))
            if name not in told:
                told.add(name)
                sentences.append(_sentence(name, detail, environ))
        raise ConfigurationError(sentences) from None
    if sentences:
        raise ConfigurationError(sentences)
    return settings


def _with_env_file(path: Path) -> Mapping[str, str]:
    try:
        # A directory of this name may be a virtual environment.
        found = _read_env_file(path) if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} cannot be read: {_reason(error)}."]) from error
    for name, value in found.items():
        if not name.startswith(PREFIX):
            os.environ.setdefault(name, value)
    return {**found, **os.environ}


def _read_env_file(path: Path) -> dict[str, str]:
    source = DotEnvSettingsSource(
        Settings, env_file=path, env_file_encoding="utf-8", case_sensitive=True, env_ignore_empty=True
    )
    return {name: value for name, value in source.env_vars.items() if value is not None}


def _collected(environ: Mapping[str, str], sentences: list[str]) -> dict[str, str]:
    """Return the raw values by field; append a sentence for each variable that is no setting or no readable file."""
    values: dict[str, str] = {}
    known = {_variable(field): field for field in Settings.model_fields}
    files = {f"{_variable(field)}{_FILE}": field for field in SECRETS}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        # An empty variable is one that a compose file passes on without a value.
        value = environ[name].strip()
        if name not in known and name not in files:
            sentences.append(_unknown(name, [*known, *files]))
        elif not value:
            continue
        elif name in known:
            values[known[name]] = value
        elif environ.get(name.removesuffix(_FILE), "").strip():
            sentences.append(f"{name} and {name.removesuffix(_FILE)} are both set: remove one of them.")
        else:
            secret = _read_secret(name, Path(value), sentences)
            if secret is not None:
                values[files[name]] = secret
    return values


def _read_secret(name: str, path: Path, sentences: list[str]) -> str | None:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        sentences.append(f"{name} names the file {path}, which cannot be read: {_reason(error)}.")
        return None
    if not secret:
        sentences.append(f"{name} names the file {path}, which is empty: write the secret into it.")
        return None
    return secret


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    advice = f"did you mean {close[0]}?" if close else "remove it."
    return f"{name} is no setting of veobot: {advice}"


def _sentence(name: str, detail: ErrorDetails, environ: Mapping[str, str]) -> str:
    """Say what is wrong with one setting, and what it must be."""
    field = name.removeprefix(PREFIX).lower()
    if detail["type"] == "missing":
        return f"{name} is missing. {Settings.model_fields[field].description}"
    given = environ.get(name, "").strip()
    shown = given if len(given) <= _SHOWN_CHARACTERS else f"{given[:_SHOWN_CHARACTERS]}…"
    subject = f"{name} is wrong" if field in SECRETS or not given else f"{name} is {shown!r}"
    return f"{subject}: {_demand(field, detail)}"


def _demand(field: str, detail: ErrorDetails) -> str:
    """Return what a value must be that was refused."""
    bounds = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(bounds["error"])
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return "it must be a whole number."
        case "float_parsing" | "float_type" | "finite_number" | "decimal_parsing" | "decimal_type":
            return "it must be a number, such as 2.50."
        case "bool_parsing" | "bool_type":
            return "it must be true or false."
        case "greater_than_equal":
            return f"it must be at least {bounds['ge']}."
        case "greater_than":
            return f"it must be more than {bounds['gt']}."
        case "less_than_equal":
            return f"it must be at most {bounds['le']}."
        case "enum" | "literal_error":
            return f"it must be one of {str(bounds['expected']).replace(chr(39), '').replace(' or ', ', ')}."
        case _:
            return f"it does not fit. {Settings.model_fields[field].description}"


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read, without its name."""
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "it is no UTF-8 text"

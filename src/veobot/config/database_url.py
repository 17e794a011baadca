"""What is wrong with a database's address, in one sentence; the address itself is never repeated."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

SQLITE = "sqlite:///"
POSTGRESQL = "postgresql://"

_EXAMPLE = "postgresql://veobot:password@db.example.org/veobot"
_SCHEMES = {"postgresql", "postgres"}
_HIGHEST_PORT = 65_535
_OPTIONS = frozenset(
    """
    application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation
    gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
    load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
    oauth_scope passfile port replication require_auth requirepeer scram_client_key scram_server_key service
    ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey
    sslkeylogfile sslmode sslnegotiation sslpassword sslrootcert sslsni target_session_attrs tcp_user_timeout user
    """.split()  # noqa: SIM905 -- one a line would be fifty lines
)
"""What libpq knows, up to version 18, but for `password` and `options`; SQLite's users need not have it installed."""


def checked(url: str, data_directory: Path) -> str:
    """Return the address as everything else knows it: `sqlite:///…` or `postgresql://…`; empty: in the data directory.

    Raises ValueError with what it must be.
    """
    if not url:
        return f"{SQLITE}{data_directory / 'veobot.db'}"
    scheme, _, rest = url.partition("://")
    kind, _, driver = scheme.lower().partition("+")
    if kind == "sqlite":
        if not re.fullmatch(r"sqlite:///[^?#]+", url):
            raise ValueError("it must name a SQLite file, such as sqlite:///data/veobot.db.")
        return url
    if kind not in _SCHEMES or not rest:
        raise ValueError(f"it must be a SQLite file, such as sqlite:///data/veobot.db, or {_EXAMPLE}.")
    if driver:
        raise ValueError(f"it must begin with {POSTGRESQL}, without a driver's name.")
    address = f"{POSTGRESQL}{rest}"
    complaint = _complaint(address)
    if complaint:
        raise ValueError(complaint)
    return address


def is_postgres(url: str) -> bool:
    """Whether a checked address is PostgreSQL's."""
    return url.startswith(POSTGRESQL)


def passwords_of(url: str) -> tuple[str, ...]:
    """Return the password of a checked address, as it is written there and as the server gets it; empty without one."""
    written = urlsplit(url).password if is_postgres(url) else None
    return tuple(dict.fromkeys((written, unquote(written)))) if written else ()


def _complaint(address: str) -> str | None:
    """Return what a PostgreSQL address must become, None where it is right."""
    if re.search(r"[\s\x00-\x1f]", address):
        return "it must have no spaces in it."
    parts = urlsplit(address) if address.count("[") == address.count("]") <= 1 else None
    if parts is not None and _has_odd_signs(parts):
        return (
            "its password must have special signs written as codes: @ is %40, / is %2F, # is %23, ? is %3F."
        )
    if parts is None or not _has_right_port(parts):
        return f"its port must be a number from 1 to {_HIGHEST_PORT}, as in db.example.org:5432."
    if not re.fullmatch(r"/[^/]+", parts.path):
        return f"it must end in the database's name, as in {_EXAMPLE}."
    if not _has_right_codes(address):
        return "a percent sign in it must be written %25: a % begins the code of another sign, such as %40."
    return _complaint_about_options(parts.query) if parts.query else None


def _complaint_about_options(query: str) -> str | None:
    pairs = [pair.partition("=") for pair in query.split("&")]
    names = [unquote(name) for name, _, _ in pairs]
    if "password" in names:
        return f"its password must stand before the host, where it is never printed: {_EXAMPLE}."
    if "options" in names:
        return (
            "it must have no options=…, which veobot needs for its time-outs: give the database's user what was "
            "meant, as in ALTER ROLE veobot SET search_path = …."
        )
    if any(name not in _OPTIONS or not equals for name, equals, _ in pairs):
        return "after its ? must be options that PostgreSQL's library knows, as in ?sslmode=require."
    return None


def _has_right_codes(address: str) -> bool:
    """Whether each % is followed by two hexadecimal digits, and all of them together mean a text."""
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", address):
        return False
    try:
        unquote(address, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _has_odd_signs(parts: SplitResult) -> bool:
    """Whether a sign of the password was taken for the end of it: then an @ is where none belongs."""
    elsewhere = f"{parts.path}{parts.query}{parts.fragment}"
    return parts.netloc.count("@") > 1 or "@" in elsewhere or bool(parts.fragment)


def _has_right_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or 1 <= parts.port <= _HIGHEST_PORT
    except ValueError:
        return False

"""Google's side: credentials, an access token, and with it Vertex AI and the bucket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from veobot.config import Settings
from veobot.core.errors import OperatorNeeded, Retryable

from .findings import Finding, not_tried, ok, wrong

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

CONSOLE = "https://console.cloud.google.com"

_CREDENTIALS, _TOKEN = "Google credentials", "Google access token"
_VERTEX_CHECKS = ("Vertex AI", "Model")
_BUCKET_CHECKS = ("Bucket", "Bucket contents", "Bucket writing", "Signed links", "Bucket lifecycle")


@dataclass(frozen=True, slots=True)
class Access:
    """Who the bot is at Google, and what proves it."""

    identity: str
    credentials: "Credentials"
    headers: Mapping[str, str]


async def google_findings(settings: Settings) -> list[Finding]:
    """Examine everything at Google."""
    # Google's libraries cost a second to import, beside the event loop.
    credentials, found = await asyncio.to_thread(_credentials_finding)
    if credentials is None:
        return [found, *_skipped("there are no Google credentials", _TOKEN)]
    access, token = await asyncio.to_thread(_token_finding, credentials, settings)
    if access is None:
        return [found, token, *_skipped("there is no access token")]
    from .bucket import bucket_findings  # noqa: PLC0415  # imports Google's libraries
    from .vertex_access import vertex_findings  # noqa: PLC0415  # likewise

    vertex, bucket = await asyncio.gather(
        vertex_findings(settings, access), asyncio.to_thread(bucket_findings, settings, access)
    )
    return [found, token, *vertex, *bucket]


def _skipped(reason: str, *more: str) -> list[Finding]:
    return [not_tried(check, reason) for check in (*more, *_VERTEX_CHECKS, *_BUCKET_CHECKS)]


def _credentials_finding() -> "tuple[Credentials | None, Finding]":
    from veobot.vertex.credentials import load_credentials  # noqa: PLC0415  # imports google-auth

    try:
        credentials = load_credentials()
    except OperatorNeeded as error:
        return None, wrong(_CREDENTIALS, _sentence(str(error)), error.fix)
    except Retryable as error:
        return None, wrong(
            _CREDENTIALS, _sentence(str(error)), "Check this machine's network, and try again."
        )
    return credentials, ok(_CREDENTIALS, f"Google credentials are found: {_identity(credentials)}.")


def _token_finding(credentials: "Credentials", settings: Settings) -> tuple[Access | None, Finding]:
    from veobot.vertex.credentials import refresh  # noqa: PLC0415  # imports google-auth

    try:
        refresh(credentials)
    except OperatorNeeded as error:
        page = f"{CONSOLE}/iam-admin/serviceaccounts?project={settings.google_project}"
        return None, wrong(
            _TOKEN,
            f"Google gives {_identity(credentials)} no access token: {_reason(error)}.",
            f"Create a new key for the service account at {page}, name its file in GOOGLE_APPLICATION_CREDENTIALS, "
            "and make sure that this machine's clock is right.",
        )
    except Retryable as error:
        fix = "Check this machine's network and proxy: it must reach oauth2.googleapis.com."
        return None, wrong(_TOKEN, f"Google cannot be asked for an access token: {_reason(error)}.", fix)
    headers: dict[str, str] = {}
    credentials.apply(headers)  # type: ignore[no-untyped-call]  # has no annotations
    identity = _identity(credentials)
    access = Access(identity, credentials, headers)
    return access, ok(_TOKEN, f"Google gives {identity} an access token.")


def _identity(credentials: "Credentials") -> str:
    """Return whose credentials these are; a machine's own account has its name from its first token on."""
    for attribute in ("service_account_email", "account"):
        name = getattr(credentials, attribute, None)
        if isinstance(name, str) and "@" in name:
            return name
    return "this machine's account" if hasattr(credentials, "service_account_email") else "gcloud's login"


def _reason(error: Retryable) -> str:
    """Return Google's own words alone: google-auth adds the whole answer to them."""
    cause = error.__cause__
    first = cause.args[0] if cause is not None and cause.args else error
    return str(first).strip().rstrip(".")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

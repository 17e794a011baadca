"""Google credentials: found as all of Google's libraries find them, and refreshed only when we say so.

Importing this imports google-auth.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import google.auth
from google.auth import exceptions
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials as BearerToken

from veobot.core.errors import OperatorNeeded, Retryable
from veobot.core.failures import Failure

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""The one scope that Vertex AI, Cloud Storage and signing have in common; IAM roles narrow it."""

TOKEN_TIMEOUT_SECONDS = 20.0
"""Google answers a token within a second; its own library would wait for 120."""

CREDENTIALS_FIX = (
    "Point GOOGLE_APPLICATION_CREDENTIALS to the service account's key file, or run "
    "`gcloud auth application-default login`."
)


def load_credentials() -> Credentials:
    """Find the process's credentials: a key file, gcloud's, or the machine's own. Blocks.

    Raises `OperatorNeeded` where there are none.
    """
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except exceptions.GoogleAuthError as error:
        raise translated(error) from error
    except (OSError, ValueError) as error:
        # A key file that cannot be read, or is not one.
        message = f"The Google credentials cannot be read: {error}"
        raise OperatorNeeded(message, fix=CREDENTIALS_FIX) from error
    found: Credentials = credentials
    return found


def new_request() -> Callable[..., object]:
    """Return what google-auth makes its HTTP calls with, under a bearable timeout."""
    return partial(Request(), timeout=TOKEN_TIMEOUT_SECONDS)


def refresh(credentials: Credentials) -> None:
    """Fetch an access token. Blocks. Raises `OperatorNeeded`, or `Retryable` where Google cannot be reached."""
    try:
        credentials.refresh(new_request())  # type: ignore[no-untyped-call]  # has no annotations
    except exceptions.GoogleAuthError as error:
        raise translated(error) from error
    except ValueError as error:
        message = f"The answer to the request for an access token cannot be read: {error}"
        raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error


def translated(error: exceptions.GoogleAuthError) -> Retryable:
    """Return what an error of google-auth means: the operator's, unless Google could not be reached."""
    if isinstance(error, exceptions.TransportError) or error.retryable:
        message = f"No access token could be fetched: {error}"
        return Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE)
    if isinstance(error, exceptions.DefaultCredentialsError):
        return OperatorNeeded(f"There are no Google credentials: {error}", fix=CREDENTIALS_FIX)
    fix = (
        "Create a new key for the service account at https://console.cloud.google.com/iam-admin/serviceaccounts, "
        "name it in GOOGLE_APPLICATION_CREDENTIALS, and make sure that this machine's clock is right."
    )
    return OperatorNeeded(f"Google gives no access token for these credentials: {error}", fix=fix)


class AccessTokens:
    """The access token of the process's credentials.

    `bearer` is what a client is given. It never counts as expired, so that no client refreshes it behind our back,
    between a submission's intent and its POST.
    """

    def __init__(self) -> None:
        self.bearer = BearerToken(token=None)  # type: ignore[no-untyped-call]  # has no annotations
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether there is a token at all; it may be stale."""
        return self.bearer.token is not None

    async def ensure_fresh(self) -> None:
        """Have a token that Google honours for 3 minutes more at least: no I/O if there is one.

        Raises `OperatorNeeded`, or `Retryable` where Google cannot be reached.
        """
        async with self._lock:
            if self._credentials is None:
                self._credentials = await asyncio.to_thread(load_credentials)
            # `valid` keeps a margin of 3 min 45 s before the token's real end.
            if not self._credentials.valid or self.bearer.token is None:
                await asyncio.to_thread(refresh, self._credentials)
            self.bearer.token = self._credentials.token

    def forget(self) -> None:
        """Fetch a new token next time: Google refused this one."""
        self.bearer.token = None

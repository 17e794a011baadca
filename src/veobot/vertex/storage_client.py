"""The calls to Cloud Storage; all block. Importing this imports google-cloud-storage, so `bucket` does it late."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import requests
from google.api_core import exceptions as api_exceptions
from google.api_core.page_iterator import Page
from google.auth import exceptions as auth_exceptions
from google.auth import iam
from google.auth.credentials import Credentials, Signing
from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations
from google.cloud.storage.exceptions import DataCorruption  # type: ignore[import-untyped]  # has no annotations
from google.oauth2 import service_account
from urllib3.exceptions import HTTPError

from veobot.core.errors import OperatorNeeded, Retryable, VideoMissing
from veobot.core.failures import Failure
from veobot.core.ports import StoredVideo
from veobot.core.request import VideoUri

from .answers import shortened
from .credentials import load_credentials, new_request, refresh, translated

CALL_TIMEOUT_SECONDS = 30.0
"""For looking at names and sizes, which takes a fraction of a second."""

DOWNLOAD_TIMEOUT_SECONDS = 60.0
"""Between two blocks of a download, not for the whole."""

_CONSOLE = "https://console.cloud.google.com"

_LISTING = "storage#objects"
"""What every list of Google's says that it is. Some other 200 in its place would look like an empty bucket."""


class StorageClient:
    """Cloud Storage under the process's credentials. It repeats nothing: that is the core's affair.

    Raises `OperatorNeeded` where there are no credentials.
    """

    def __init__(self, project: str, signing_account: str | None) -> None:
        self._project = project
        self._signing_account = signing_account
        self._credentials = load_credentials()
        self._storage = storage.Client(project=project, credentials=self._credentials)

    def find(self, bucket: str, prefix: str) -> StoredVideo | None:
        """Return the first .mp4 by name under the prefix that has more than 0 bytes."""
        with self._translating(bucket), _reading():
            try:
                listing = self._storage.list_blobs(
                    bucket, prefix=prefix, retry=None, timeout=CALL_TIMEOUT_SECONDS
                )
                blobs = (blob for page in listing.pages for blob in _blobs(page))
                videos = [blob for blob in blobs if blob.name.endswith(".mp4") and blob.size]
            except api_exceptions.NotFound as error:
                message = f"The bucket {bucket} does not exist."
                fix = f"Create the bucket {bucket}, or name another one in the settings."
                raise OperatorNeeded(message, fix=fix) from error
        if not videos:
            return None
        first = min(videos, key=lambda blob: str(blob.name))
        return StoredVideo(VideoUri(f"gs://{bucket}/{first.name}"), int(first.size))

    def stat(self, uri: VideoUri) -> StoredVideo:
        """Return the object's size."""
        bucket, name = _parted(uri)
        blob = self._storage.bucket(bucket).blob(name)
        with self._translating(bucket), _reading():
            blob.reload(retry=None, timeout=CALL_TIMEOUT_SECONDS)
            return StoredVideo(uri, int(blob.size))

    def download(self, uri: VideoUri, size_bytes: int | None, path: Path, stopped: threading.Event) -> None:
        """Stream the object into the file; leave off at the next block once `stopped` is set.

        The library compares the checksum with Google's, and takes an answer without one (a proxy's page) as it comes.
        So the size has to be the one that the video was found with, or, if it was replaced since, has now.
        """
        bucket, name = _parted(uri)
        blob = self._storage.bucket(bucket).blob(name)
        with self._translating(bucket):
            with path.open("wb") as file:
                blob.download_to_file(
                    _StoppableFile(file, stopped), retry=None, timeout=DOWNLOAD_TIMEOUT_SECONDS
                )
            written = path.stat().st_size
        if written != size_bytes and written != self.stat(uri).size_bytes:
            message = f"Cloud Storage was asked for a video, and {written} bytes of something else came."
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE)

    def sign(self, uri: VideoUri, lifetime: timedelta) -> str:
        """Return a V4 link, signed with the credentials' own key where they have one, through IAM where not."""
        bucket, name = _parted(uri)
        blob = self._storage.bucket(bucket).blob(name)
        with self._translating(bucket):
            url: str = blob.generate_signed_url(
                version="v4", expiration=lifetime, credentials=self._signing_credentials()
            )
        return url

    def close(self) -> None:
        """Close the connections."""
        self._storage.close()

    def _signing_credentials(self) -> Credentials:
        """Return credentials with a key, or such as have IAM sign for a service account.

        The storage library could ask IAM too, but would repeat that for two minutes when there is no connection.
        """
        if self._signing_account is None and isinstance(self._credentials, Signing):
            return self._credentials
        if self._signing_account is None and not hasattr(self._credentials, "service_account_email"):
            raise _no_account()
        if not self._credentials.valid:
            refresh(self._credentials)
        # Asked for after the refresh: a machine's own account is called "default" until its first token.
        account = self._signing_account or str(getattr(self._credentials, "service_account_email", ""))
        if "@" not in account:
            raise _no_account()
        signer = iam.Signer(new_request(), self._credentials, account)  # type: ignore[no-untyped-call]  # no annotations
        signing: Credentials = service_account.Credentials(signer, account, token_uri="")  # type: ignore[no-untyped-call]  # no annotations
        return signing

    @contextmanager
    def _translating(self, bucket: str) -> Iterator[None]:
        """Turn what the libraries raise into what the core knows."""
        try:
            yield
        except api_exceptions.NotFound as error:
            raise VideoMissing(shortened(str(error.message))) from error
        except (api_exceptions.Unauthorized, api_exceptions.Forbidden) as error:
            raise self._access_needed(bucket, error) from error
        except api_exceptions.GoogleAPICallError as error:
            message = f"Cloud Storage answered HTTP {error.code}: {shortened(str(error.message))}"
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error
        except auth_exceptions.TransportError as error:
            raise self._signing_error(error) from error
        except auth_exceptions.GoogleAuthError as error:
            raise translated(error) from error
        except (requests.RequestException, HTTPError, DataCorruption) as error:
            message = f"Cloud Storage could not be read: {shortened(str(error))}"
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error
        except OSError as error:
            message = f"The download could not be written to disk: {error}"
            raise Retryable(message) from error
        except ValueError as error:
            message = f"The answer of Cloud Storage cannot be read: {shortened(str(error))}"
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error

    def _access_needed(self, bucket: str, error: api_exceptions.GoogleAPICallError) -> OperatorNeeded:
        message = f"Cloud Storage refused the call (HTTP {error.code}): {shortened(str(error.message))}"
        fix = (
            f"Give the bot's service account the role roles/storage.objectUser on the bucket {bucket}, at "
            f"{_CONSOLE}/storage/browser/{bucket};tab=permissions?project={self._project}."
        )
        return OperatorNeeded(message, fix=fix)

    def _signing_error(self, error: auth_exceptions.TransportError) -> Retryable:
        """Return what it means that IAM could not be asked, or would not sign."""
        text = str(error)
        if "has not been used" in text or "is disabled" in text:
            page = f"{_CONSOLE}/apis/library/iamcredentials.googleapis.com?project={self._project}"
            fix = f"Enable the IAM Service Account Credentials API at {page}."
        elif "PERMISSION_DENIED" in text or "NOT_FOUND" in text:
            fix = (
                "Give the bot's service account the role roles/iam.serviceAccountTokenCreator on itself (or on the "
                f"account that signs) at {_CONSOLE}/iam-admin/serviceaccounts?project={self._project}."
            )
        else:
            return translated(error)
        return OperatorNeeded(f"The link cannot be signed: {shortened(text)}", fix=fix)


def _no_account() -> OperatorNeeded:
    message = "These Google credentials cannot sign links: they belong to no service account."
    fix = "Run the bot as a service account, or name the account that signs in the settings."
    return OperatorNeeded(message, fix=fix)


@contextmanager
def _reading() -> Iterator[None]:
    """Refuse an answer in JSON that is not the one to the question: the library stumbles over its shape."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        message = "it has not the shape of an answer"
        raise ValueError(message) from error


def _blobs(page: Page) -> Iterable[storage.Blob]:
    """Return the objects on a page of a list, if it is one."""
    if page.raw_page.get("kind") != _LISTING:
        message = "it is no list of objects"
        raise ValueError(message)
    return page


class _Stopped(OSError):
    """Nobody wants the download any longer."""


class _StoppableFile:
    """What the library writes a download into: a file that ends the download once nobody wants it."""

    def __init__(self, file: BinaryIO, stopped: threading.Event) -> None:
        self._file = file
        self._stopped = stopped

    def write(self, block: bytes) -> int:
        """Write, or raise."""
        if self._stopped.is_set():
            raise _Stopped
        return self._file.write(block)

    def tell(self) -> int:
        """Return how much is written."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go back, where the library begins anew."""
        return self._file.seek(offset, whence)

    def flush(self) -> None:
        """Hand the blocks to the system."""
        self._file.flush()


def _parted(uri: VideoUri) -> tuple[str, str]:
    """Return bucket and object. Raises `VideoMissing` where this is no address of an object."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        message = f"{uri} is no address of a video in Cloud Storage."
        raise VideoMissing(message)
    return bucket, name

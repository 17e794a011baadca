"""The bucket that Vertex writes into, as the core's `VideoBucket`."""

import asyncio
import functools
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from veobot.core.errors import Retryable
from veobot.core.ports import SignedLink, StoredVideo
from veobot.core.request import VideoUri

if TYPE_CHECKING:
    from .storage_client import StorageClient

MAX_LINK_LIFETIME = timedelta(days=7)
"""Google signs no link for longer."""

THREADS = 8
"""Threads of the bucket's own: 4 deliveries at once and as many looks. A bucket that hangs then holds up nobody else,
such as the look-up of an address for Discord, which shares the loop's default threads."""

P = ParamSpec("P")
T = TypeVar("T")

_PREFIX, _SUFFIX = "veobot-download-", ".mp4"


class GcsVideoBucket:
    """Reads videos from Cloud Storage, in threads: the library is synchronous, and imported at the first use.

    STORAGE_EMULATOR_HOST is honoured, as by all of Google's libraries.

    Args:
        project: the Google Cloud project.
        bucket: the bucket's name, without `gs://`.
        download_directory: where downloads lie while they are needed; created if absent, and the bot's own.
        signing_account: the service account that signs links, for credentials that can sign but do not say for
            whom (gcloud's own). Otherwise the credentials' account signs, with its key or through IAM.
    """

    def __init__(
        self, *, project: str, bucket: str, download_directory: Path, signing_account: str | None = None
    ) -> None:
        self._project = project
        self._bucket = bucket
        self._directory = download_directory
        self._signing_account = signing_account
        self._client: StorageClient | None = None
        self._connecting = asyncio.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="veobot-bucket")

    def clean_leftovers(self, unused_for_seconds: float = 0.0) -> int:
        """Remove what a killed process left in the download directory; return how many files.

        Where others may be downloading there, `unused_for_seconds` leaves their files alone.
        """
        unused_since = time.time() - unused_for_seconds
        removed = 0
        for leftover in self._directory.glob(f"{_PREFIX}*{_SUFFIX}"):
            with suppress(FileNotFoundError):  # another has removed it meanwhile
                if leftover.stat().st_mtime <= unused_since:
                    leftover.unlink()
                    removed += 1
        return removed

    async def find(self, prefix: str) -> StoredVideo | None:
        """Return the video under this prefix, if there is one yet: the first by name, of more than 0 bytes.

        Raises `Retryable`, `OperatorNeeded`.
        """
        client = await self._connect()
        return await self._in_thread(client.find, self._bucket, prefix)

    async def stat(self, uri: VideoUri) -> StoredVideo:
        """Return what is stored there. Raises `VideoMissing`, `Retryable`, `OperatorNeeded`."""
        client = await self._connect()
        return await self._in_thread(client.stat, uri)

    @asynccontextmanager
    async def download(self, uri: VideoUri, size_bytes: int | None) -> AsyncIterator[Path]:
        """Provide the video as a temporary file, streamed to disk, removed at the end.

        `size_bytes` is what it was found with. Raises `VideoMissing`, `Retryable` (a full disk too, and an answer that
        is not the video), `OperatorNeeded`.
        """
        client = await self._connect()
        path = await self._in_thread(self._create_file)
        stopped = threading.Event()
        try:
            await self._in_thread(client.download, uri, size_bytes, path, stopped)
            yield path
        finally:
            # A thread cannot be cancelled: it ends by itself at its next block, and the file is gone already.
            stopped.set()
            path.unlink(missing_ok=True)

    async def signed_link(self, uri: VideoUri, lifetime: timedelta, now: datetime) -> SignedLink:
        """Sign a link to the video, for 7 days at most. Raises `Retryable`, `OperatorNeeded`."""
        client = await self._connect()
        granted = min(lifetime, MAX_LINK_LIFETIME)
        url = await self._in_thread(client.sign, uri, granted)
        return SignedLink(url, now + granted)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._in_thread(self._client.close)

    async def _in_thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do this in one of the bucket's own threads."""
        call = functools.partial(work, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _create_file(self) -> Path:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._directory, prefix=_PREFIX, suffix=_SUFFIX, delete=False
            ) as file:
                return Path(file.name)
        except OSError as error:
            message = f"No video can be kept in {self._directory}: {error.strerror}."
            raise Retryable(message) from error

    async def _connect(self) -> "StorageClient":
        async with self._connecting:
            if self._client is None:
                self._client = await self._in_thread(_create_client, self._project, self._signing_account)
            return self._client


def _create_client(project: str, signing_account: str | None) -> "StorageClient":
    # google-cloud-storage takes half a second to import: by whoever needs it first, beside the event loop.
    from .storage_client import StorageClient  # noqa: PLC0415

    return StorageClient(project, signing_account)

"""The real bucket, with google-cloud-storage, against the sandbox's."""

import asyncio
import base64
import itertools
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from support.google import BUCKET, PROJECT
from support.google_front import google_front
from veobot.core.errors import OperatorNeeded, Retryable, VideoMissing
from veobot.core.failures import Failure
from veobot.core.ports import SignedLink, StoredVideo
from veobot.core.request import VideoUri
from veobot.sandbox.client import SandboxClient
from veobot.vertex.bucket import GcsVideoBucket

if TYPE_CHECKING:
    from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PREFIX = "veo/1442087312345678901/1/"
NAME = f"{PREFIX}17/sample_0.mp4"
URI = VideoUri(f"gs://{BUCKET}/{NAME}")
MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def _environment(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What points Google's library to the sandbox, as in production."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, sandbox.environment[name])


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


@pytest.fixture
async def videos(downloads: Path) -> AsyncIterator[GcsVideoBucket]:
    """The bot's view of the bucket."""
    bucket = GcsVideoBucket(project=PROJECT, bucket=BUCKET, download_directory=downloads)
    yield bucket
    await bucket.aclose()


async def store(bucket_sdk: "storage.Bucket", content: bytes, name: str = NAME) -> None:
    """Put an object into the bucket, as Vertex would."""
    await asyncio.to_thread(bucket_sdk.blob(name).upload_from_string, content, "video/mp4")


async def call(videos: GcsVideoBucket, endpoint: str) -> None:
    """Make the call that reaches this endpoint of the sandbox."""
    match endpoint:
        case "bucket.list":
            await videos.find(PREFIX)
        case "bucket.stat":
            await videos.stat(URI)
        case _:
            async with videos.download(URI, len(b"video")):
                pass


def files(directory: Path) -> list[str]:
    """The names of the files in a directory that may not exist."""
    return [path.name for path in directory.glob("*")]


# -- finding


async def test_an_empty_prefix_has_no_video(videos: GcsVideoBucket, bucket_sdk: "storage.Bucket") -> None:
    await store(bucket_sdk, b"another's", "veo/1442087312345678901/2/1/sample_0.mp4")
    assert await videos.find(PREFIX) is None


async def test_the_first_video_of_more_than_no_bytes_is_found(
    videos: GcsVideoBucket, bucket_sdk: "storage.Bucket", sandbox: SandboxClient
) -> None:
    await store(bucket_sdk, b"three", f"{PREFIX}3/sample_0.mp4")
    await store(bucket_sdk, b"second", f"{PREFIX}2/sample_0.mp4")
    await store(bucket_sdk, b"a log", f"{PREFIX}1/log.txt")
    assert await videos.find(PREFIX) == StoredVideo(VideoUri(f"gs://{BUCKET}/{PREFIX}2/sample_0.mp4"), 6)
    assert await sandbox.ledger(kind="fault") == []


async def test_a_video_that_is_still_empty_is_not_found(
    videos: GcsVideoBucket, sandbox: SandboxClient
) -> None:
    """An empty file is made by the simulated Vertex: the emulator's own door takes none."""
    from support.google_parts import OPTIONS, new_generator, submission

    await sandbox.vertex(script=[{"result": "empty_file"}])
    veo = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    operation = await veo.submit("A red fox", OPTIONS, submission())
    await veo.aclose()
    await sandbox.finish(operation=operation)
    stored = await sandbox.wait_for(kind="finished")
    assert await videos.find(PREFIX) is None
    assert await videos.stat(VideoUri(str(stored.fields["object"]))) == StoredVideo(
        VideoUri(str(stored.fields["object"])), 0
    )


async def test_a_bucket_that_does_not_exist_is_the_operators_to_mend(downloads: Path) -> None:
    videos = GcsVideoBucket(project=PROJECT, bucket="no-such-bucket", download_directory=downloads)
    with pytest.raises(OperatorNeeded) as caught:
        await videos.find(PREFIX)
    await videos.aclose()
    assert "Create the bucket no-such-bucket" in caught.value.fix


# -- reading


async def test_a_stored_video_has_its_size(videos: GcsVideoBucket, bucket_sdk: "storage.Bucket") -> None:
    await store(bucket_sdk, b"0123456789")
    assert await videos.stat(URI) == StoredVideo(URI, 10)


@pytest.mark.parametrize("uri", [URI, "gs://no-such-bucket/a.mp4", "gs://", "https://example.org/a.mp4"])
async def test_a_video_that_is_not_there_is_missing(
    videos: GcsVideoBucket, downloads: Path, uri: str
) -> None:
    with pytest.raises(VideoMissing):
        await videos.stat(VideoUri(uri))
    with pytest.raises(VideoMissing):
        async with videos.download(VideoUri(uri), 5):
            pass
    assert files(downloads) == []


async def test_a_download_is_a_file_until_its_end(
    videos: GcsVideoBucket, downloads: Path, bucket_sdk: "storage.Bucket"
) -> None:
    content = os.urandom(3 * MEGABYTE)
    await store(bucket_sdk, content)
    async with videos.download(URI, len(content)) as path:
        assert path.parent == downloads
        assert path.suffix == ".mp4"
        assert path.read_bytes() == content
    assert files(downloads) == []


async def test_a_failure_while_the_file_is_used_removes_it(
    videos: GcsVideoBucket, downloads: Path, bucket_sdk: "storage.Bucket"
) -> None:
    await store(bucket_sdk, b"video")

    async def fail_midway() -> None:
        async with videos.download(URI, len(b"video")) as path:
            assert files(downloads) == [path.name]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_midway()
    assert files(downloads) == []


async def test_a_cancelled_download_leaves_no_file(
    videos: GcsVideoBucket, downloads: Path, bucket_sdk: "storage.Bucket", sandbox: SandboxClient
) -> None:
    await store(bucket_sdk, b"video")
    await sandbox.fault("bucket.download", "delay_before", seconds=1, times=1)

    async def use() -> None:
        async with videos.download(URI, len(b"video")):
            pass

    task = asyncio.create_task(use())
    await sandbox.wait_for(kind="fault")
    assert len(files(downloads)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(downloads) == []


async def test_a_truncated_download_is_retryable(
    videos: GcsVideoBucket, downloads: Path, bucket_sdk: "storage.Bucket", sandbox: SandboxClient
) -> None:
    await store(bucket_sdk, bytes(MEGABYTE))
    await sandbox.fault("bucket.download", "truncate", bytes=1000, times=1)
    with pytest.raises(Retryable):
        async with videos.download(URI, MEGABYTE):
            pass
    assert files(downloads) == []
    async with videos.download(URI, MEGABYTE) as path:
        assert path.stat().st_size == MEGABYTE


def test_what_another_process_may_be_downloading_is_left_alone(downloads: Path) -> None:
    videos = GcsVideoBucket(project=PROJECT, bucket=BUCKET, download_directory=downloads)
    downloads.mkdir()
    (downloads / "veobot-download-old.mp4").write_bytes(b"half")
    (downloads / "veobot-download-new.mp4").write_bytes(b"half")
    an_hour_ago = time.time() - 3600
    os.utime(downloads / "veobot-download-old.mp4", (an_hour_ago, an_hour_ago))
    assert videos.clean_leftovers(unused_for_seconds=600) == 1
    assert files(downloads) == ["veobot-download-new.mp4"]


def test_what_a_killed_process_left_is_removed(downloads: Path) -> None:
    videos = GcsVideoBucket(project=PROJECT, bucket=BUCKET, download_directory=downloads)
    assert videos.clean_leftovers() == 0
    downloads.mkdir()
    (downloads / "veobot-download-abc.mp4").write_bytes(b"half")
    (downloads / "somebody's.mp4").write_bytes(b"whole")
    assert videos.clean_leftovers() == 1
    assert files(downloads) == ["somebody's.mp4"]


# -- signing


async def test_a_signed_link_opens_the_video_for_everyone(
    videos: GcsVideoBucket, bucket_sdk: "storage.Bucket", sandbox: SandboxClient
) -> None:
    await store(bucket_sdk, b"0123456789")
    link = await videos.signed_link(URI, timedelta(hours=2), NOW)
    assert link.url.startswith(f"{sandbox.url}/{BUCKET}/")
    assert link.expires_at == NOW + timedelta(hours=2)
    async with aiohttp.ClientSession() as session, session.get(link.url) as answer:
        assert await answer.read() == b"0123456789"


async def test_a_link_lives_for_a_week_at_most(videos: GcsVideoBucket) -> None:
    link = await videos.signed_link(URI, timedelta(days=30), NOW)
    assert link.expires_at == NOW + timedelta(days=7)
    assert "X-Goog-Expires=604800" in link.url


@pytest.fixture
def user_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of a person, without a key: gcloud's."""
    user = tmp_path / "user.json"
    user.write_text(
        '{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}'
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(user))


SIGNER = "signer@my-project.iam.gserviceaccount.com"
TOKEN = (200, {"access_token": "ya29.user", "expires_in": 3600, "token_type": "Bearer"})


async def sign_through_iam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: object
) -> SignedLink:
    answers = {"oauth2.googleapis.com": TOKEN, "iamcredentials.googleapis.com": (status, body)}
    videos = GcsVideoBucket(
        project=PROJECT, bucket=BUCKET, download_directory=tmp_path, signing_account=SIGNER
    )
    async with google_front(tmp_path, answers) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            return await videos.signed_link(URI, timedelta(hours=1), NOW)
        finally:
            await videos.aclose()


@pytest.mark.usefixtures("user_account")
async def test_iam_signs_for_credentials_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = base64.b64encode(b"signed").decode()
    link = await sign_through_iam(tmp_path, monkeypatch, 200, {"signedBlob": signature})
    assert link.url.endswith(f"X-Goog-Signature={b'signed'.hex()}")
    assert f"X-Goog-Credential={SIGNER.replace('@', '%40')}" in link.url


@pytest.mark.usefixtures("user_account")
@pytest.mark.parametrize(
    ("message", "status", "fix"),
    [
        ("Permission 'iam.serviceAccounts.signBlob' denied", 403, "roles/iam.serviceAccountTokenCreator"),
        ("IAM Service Account Credentials API has not been used", 403, "apis/library/iamcredentials"),
        ("Unknown service account", 404, "roles/iam.serviceAccountTokenCreator"),
    ],
)
async def test_iam_that_will_not_sign_is_the_operators_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, status: int, fix: str
) -> None:
    word = "PERMISSION_DENIED" if status == 403 else "NOT_FOUND"
    error = {"error": {"code": status, "message": message, "status": word}}
    with pytest.raises(OperatorNeeded) as caught:
        await sign_through_iam(tmp_path, monkeypatch, status, error)
    assert fix in caught.value.fix


@pytest.mark.usefixtures("user_account")
async def test_credentials_that_cannot_sign_are_the_operators_to_mend(videos: GcsVideoBucket) -> None:
    with pytest.raises(OperatorNeeded) as caught:
        await videos.signed_link(URI, timedelta(hours=1), NOW)
    assert "service account" in caught.value.fix


# -- refusals and mishaps


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_identity_is_told_its_role(
    videos: GcsVideoBucket, bucket_sdk: "storage.Bucket", sandbox: SandboxClient, status: int
) -> None:
    await store(bucket_sdk, b"video")
    await sandbox.fault("bucket.*", "error_before", status=status, message="No access.", times=99)
    for endpoint in ("bucket.list", "bucket.stat", "bucket.download"):
        with pytest.raises(OperatorNeeded, match="refused the call") as caught:
            await call(videos, endpoint)
        assert "roles/storage.objectUser" in caught.value.fix


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        *itertools.product(
            ["bucket.list", "bucket.stat", "bucket.download"], ["drop_before", "error_before", "rate_limited"]
        ),
        ("bucket.list", "malformed"),
        ("bucket.stat", "malformed"),
        ("bucket.download", "malformed"),
    ],
)
async def test_a_mishap_is_retryable_and_the_call_made_once(
    videos: GcsVideoBucket, bucket_sdk: "storage.Bucket", sandbox: SandboxClient, endpoint: str, kind: str
) -> None:
    await store(bucket_sdk, b"video")
    await sandbox.fault(endpoint, kind, status=503 if kind == "error_before" else None)
    with pytest.raises(Retryable) as caught:
        await call(videos, endpoint)
    assert not isinstance(caught.value, OperatorNeeded)
    assert len(await sandbox.ledger(kind="fault")) == 1


async def test_a_page_in_place_of_the_video_is_no_video_and_leaves_no_file(
    videos: GcsVideoBucket, downloads: Path, bucket_sdk: "storage.Bucket", sandbox: SandboxClient
) -> None:
    """As a network's sign-in page: a 200 without Google's checksum, which the library takes as it comes."""
    await store(bucket_sdk, b"video")
    await sandbox.fault("bucket.download", "malformed", times=1)
    with pytest.raises(Retryable, match="bytes of something else came"):
        async with videos.download(URI, 5):
            pass
    assert files(downloads) == []
    async with videos.download(URI, 5) as path:
        assert path.read_bytes() == b"video"


@pytest.mark.parametrize("found_with", [5, None], ids=["replaced since", "never measured"])
async def test_a_video_of_another_size_than_remembered_is_measured_anew(
    videos: GcsVideoBucket, bucket_sdk: "storage.Bucket", found_with: int | None
) -> None:
    await store(bucket_sdk, b"0123456789")
    async with videos.download(URI, found_with) as path:
        assert path.read_bytes() == b"0123456789"


@pytest.fixture
async def impostor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[bytes]]:
    """Something in between that answers each call with 200 and the one body in the list."""
    body = [b""]

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body[0], content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", str(server.make_url("")).rstrip("/"))
        yield body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"signed in"',
        b'{"error": "sign in"}',
        b'{"items": [{}]}',
        b'{"size": "big"}',
    ],
)
async def test_a_success_of_another_shape_is_neither_an_empty_bucket_nor_a_size(
    videos: GcsVideoBucket, impostor: list[bytes], body: bytes
) -> None:
    """Taken for an empty bucket, it would have a lost submission paid a second time."""
    impostor[0] = body
    for endpoint in ("bucket.list", "bucket.stat", "bucket.download"):
        with pytest.raises(Retryable) as caught:
            await call(videos, endpoint)
        assert not isinstance(caught.value, OperatorNeeded)
        assert caught.value.failure is Failure.PROVIDER_UNAVAILABLE


async def test_a_video_cut_short_by_something_that_measures_anew_is_no_video(
    videos: GcsVideoBucket, downloads: Path, impostor: list[bytes]
) -> None:
    impostor[0] = b'{"kind": "storage#object", "size": "5"}'
    with pytest.raises(Retryable, match="39 bytes of something else came"):
        await call(videos, "bucket.download")
    assert files(downloads) == []


async def test_no_connection_is_retryable(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{unused_port()}")
    videos = GcsVideoBucket(project=PROJECT, bucket=BUCKET, download_directory=downloads)
    with pytest.raises(Retryable):
        await videos.find(PREFIX)
    await videos.aclose()

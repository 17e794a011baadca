"""The bucket through the real google-cloud-storage client, its signed addresses and its faults."""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from google.api_core import exceptions
from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations

from veobot.sandbox.client import SandboxClient

MEGABYTE = 2**20
EXPIRY = timedelta(minutes=15)


async def upload(bucket: storage.Bucket, name: str, content: bytes) -> None:
    await asyncio.to_thread(bucket.blob(name).upload_from_string, content, "video/mp4")


async def sign(sandbox: SandboxClient, bucket: storage.Bucket, name: str, **options: object) -> str:
    return await asyncio.to_thread(
        lambda: bucket.blob(name).generate_signed_url(
            version="v4", expiration=EXPIRY, api_access_endpoint=sandbox.url, **options
        )
    )


async def names(bucket: storage.Bucket, prefix: str | None = None) -> list[str]:
    return await asyncio.to_thread(lambda: [blob.name for blob in bucket.list_blobs(prefix=prefix)])


async def test_an_object_is_uploaded_listed_looked_at_downloaded_and_deleted(
    bucket_sdk: storage.Bucket,
) -> None:
    await upload(bucket_sdk, "veo/1/2/sample_0.mp4", b"video")
    await upload(bucket_sdk, "veo/2/sample_0.mp4", b"other")
    assert await names(bucket_sdk, "veo/1/") == ["veo/1/2/sample_0.mp4"]
    blob = await asyncio.to_thread(bucket_sdk.get_blob, "veo/1/2/sample_0.mp4")
    assert blob is not None
    assert (blob.size, blob.content_type) == (5, "video/mp4")
    assert await asyncio.to_thread(blob.download_as_bytes) == b"video"
    await asyncio.to_thread(blob.delete)
    assert await names(bucket_sdk) == ["veo/2/sample_0.mp4"]


async def test_twenty_megabytes_arrive_whole(bucket_sdk: storage.Bucket, tmp_path: Path) -> None:
    content = os.urandom(20 * MEGABYTE)
    source, target = tmp_path / "source.mp4", tmp_path / "target.mp4"
    source.write_bytes(content)
    await asyncio.to_thread(bucket_sdk.blob("large.mp4").upload_from_filename, str(source))
    await asyncio.to_thread(bucket_sdk.blob("large.mp4").download_to_filename, str(target))
    assert target.read_bytes() == content


async def test_a_large_download_is_streamed_and_holds_up_nobody(
    sandbox: SandboxClient, bucket_sdk: storage.Bucket
) -> None:
    await upload(bucket_sdk, "large.mp4", bytes(20 * MEGABYTE))
    address = await sign(sandbox, bucket_sdk, "large.mp4")
    async with aiohttp.ClientSession(read_bufsize=2**16) as session, session.get(address) as stalled:
        await stalled.content.readexactly(1)
        # The first reader has stopped; the second gets everything meanwhile.
        async with asyncio.timeout(10), session.get(address) as other:
            assert len(await other.read()) == 20 * MEGABYTE


async def test_a_signed_address_opens_its_object_for_plain_http(
    sandbox: SandboxClient, bucket_sdk: storage.Bucket
) -> None:
    await upload(bucket_sdk, "veo/a fox & ü.mp4", b"0123456789")
    address = await sign(
        sandbox, bucket_sdk, "veo/a fox & ü.mp4", response_disposition='attachment; filename="fox.mp4"'
    )
    assert address.startswith(f"{sandbox.url}/veobot-sandbox/veo/")
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            assert (answer.status, await answer.read()) == (200, b"0123456789")
            assert answer.headers["Content-Type"] == "video/mp4"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="fox.mp4"'
        async with session.get(address, headers={"Range": "bytes=2-4"}) as answer:
            assert (answer.status, await answer.read()) == (206, b"234")
        async with session.head(address) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda address: address.partition("?")[0],
        lambda address: address.replace("fox.mp4", "whale.mp4"),
        lambda address: re.sub(r"X-Goog-Expires=\d+", "X-Goog-Expires=604800", address),
        lambda address: re.sub(r"X-Goog-Date=\d{8}", "X-Goog-Date=20200101", address),
        lambda address: re.sub(r"X-Goog-Signature=\w+", "X-Goog-Signature=00ff", address),
        lambda address: re.sub(r"X-Goog-Signature=\w+", "X-Goog-Signature=xyz", address),
        lambda address: re.sub(r"X-Goog-Expires=\d+", "X-Goog-Expires=9999999", address),
    ],
    ids=["unsigned", "other object", "longer", "expired", "wrong", "no hex", "over 7 days"],
)
async def test_any_other_address_is_refused(
    sandbox: SandboxClient, bucket_sdk: storage.Bucket, spoil: Callable[[str], str]
) -> None:
    await upload(bucket_sdk, "fox.mp4", b"video")
    await upload(bucket_sdk, "whale.mp4", b"video")
    address = spoil(await sign(sandbox, bucket_sdk, "fox.mp4"))
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.status == 403
        assert "AccessDenied" in await answer.text()


async def test_what_does_not_exist_is_named(bucket_sdk: storage.Bucket) -> None:
    with pytest.raises(exceptions.NotFound, match=r"No such object: veobot-sandbox/nothing\.mp4"):
        await asyncio.to_thread(bucket_sdk.blob("nothing.mp4").download_as_bytes)
    other = bucket_sdk.client.bucket("nobodys-bucket")
    assert not await asyncio.to_thread(other.exists)
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        await names(other)
    assert await asyncio.to_thread(bucket_sdk.exists)


async def test_reset_empties_the_bucket(sandbox: SandboxClient, bucket_sdk: storage.Bucket) -> None:
    await upload(bucket_sdk, "veo/1/sample_0.mp4", b"video")
    await asyncio.to_thread(bucket_sdk.client.create_bucket, "another-bucket")
    await sandbox.reset()
    assert await names(bucket_sdk) == []
    assert not await asyncio.to_thread(bucket_sdk.client.bucket("another-bucket").exists)


@pytest.mark.parametrize(
    ("endpoint", "use"),
    [
        ("bucket.upload", lambda bucket: bucket.blob("new.mp4").upload_from_string(b"video")),
        ("bucket.download", lambda bucket: bucket.blob("there.mp4").download_as_bytes()),
        ("bucket.list", lambda bucket: list(bucket.list_blobs())),
        ("bucket.delete", lambda bucket: bucket.blob("there.mp4").delete()),
        ("bucket.stat", lambda bucket: bucket.blob("there.mp4").reload()),
        ("bucket.*", lambda bucket: bucket.reload()),
    ],
)
async def test_a_bucket_can_be_closed_to_the_bot(
    sandbox: SandboxClient, bucket_sdk: storage.Bucket, endpoint: str, use: Callable[[storage.Bucket], object]
) -> None:
    await upload(bucket_sdk, "there.mp4", b"video")
    await sandbox.fault(endpoint, "error_before", status=403, message="No access to this bucket.")
    with pytest.raises(exceptions.Forbidden, match="No access to this bucket"):
        await asyncio.to_thread(use, bucket_sdk)
    assert await names(bucket_sdk) == ["there.mp4"]


async def test_an_upload_whose_answer_was_lost_has_landed(
    sandbox: SandboxClient, bucket_sdk: storage.Bucket
) -> None:
    await sandbox.fault("bucket.upload", "drop_after")
    with pytest.raises(Exception, match=r"(?i)connection"):
        await asyncio.to_thread(
            lambda: bucket_sdk.blob("landed.mp4").upload_from_string(b"video", retry=None, timeout=5)
        )
    assert await names(bucket_sdk) == ["landed.mp4"]


async def test_a_truncated_download_is_noticed(sandbox: SandboxClient, bucket_sdk: storage.Bucket) -> None:
    await upload(bucket_sdk, "video.mp4", bytes(3 * MEGABYTE))
    address = await sign(sandbox, bucket_sdk, "video.mp4")
    await sandbox.fault("bucket.signed", "truncate", bytes=100_000)
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.content_length == 3 * MEGABYTE
        assert len(await answer.content.readexactly(100_000)) == 100_000
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()

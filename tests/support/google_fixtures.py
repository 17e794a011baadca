"""Google's own clients as fixtures; the packages are imported only by the tests that use them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from veobot.sandbox.client import SandboxClient

if TYPE_CHECKING:
    from google import genai
    from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations


@pytest.fixture
async def vertex_sdk(sandbox: SandboxClient) -> "AsyncIterator[genai.Client]":
    """The real google-genai client, pointed to the sandbox."""
    from support.google import genai_client

    client = genai_client(sandbox.environment)
    async with client.aio:
        yield client


@pytest.fixture
def bucket_sdk(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> "storage.Bucket":
    """The default bucket through the real google-cloud-storage client."""
    from support.google import BUCKET, storage_client

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", sandbox.environment["STORAGE_EMULATOR_HOST"])
    return storage_client(sandbox.environment).bucket(BUCKET)

"""The sandbox for tests: one process for each worker, a fresh world for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from veobot.sandbox.client import SandboxClient
from veobot.sandbox.process import SandboxProcess, start_sandbox


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox process with tiny videos, for all of this worker's tests: reset it, do not stop it."""
    process = start_sandbox(tmp_path_factory.mktemp("sandbox"), clip="small")
    yield process
    process.stop()


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxClient]:
    """An open client of a fresh world; its `environment` points a bot there."""
    async with sandbox_process.new_client() as client:
        await client.reset()
        yield client

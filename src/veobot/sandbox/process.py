"""Runs the sandbox as a child process, so that it outlives the bot and ends with whoever started it."""

import asyncio
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import JsonValue

# It listens within a second; a busy machine with a cold disk has been seen to need five.
START_TIMEOUT_SECONDS = 30.0

# After a SIGTERM it has ended within a second, or hangs.
STOP_TIMEOUT_SECONDS = 5.0


class SandboxStartError(Exception):
    """The sandbox's process did not come to listen; the text carries what it said."""


@dataclass(slots=True)
class SandboxProcess:
    """A running sandbox.

    Attributes:
        url: where it listens.
        environment: the settings that point a bot to it.
        description: everything that the control file says.
        client: an open client; only where `run_sandbox` made one.
        log_path: what the process writes to its standard error.
    """

    process: "subprocess.Popen[bytes]"
    url: str
    environment: dict[str, str]
    description: Mapping[str, JsonValue]
    log_path: Path
    _client: SandboxClient | None = None

    @property
    def client(self) -> SandboxClient:
        """The open client that `run_sandbox` made.

        Raises:
            RuntimeError: if the process was started without one.
        """
        if self._client is None:
            msg = "This sandbox was started without a client: open one with new_client()."
            raise RuntimeError(msg)
        return self._client

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def new_client(self) -> SandboxClient:
        """Return another client of this sandbox, to be opened with `async with`."""
        return SandboxClient(self.url, self.environment)

    def stop(self) -> None:
        """End the process: politely, then with a kill; does nothing if it has ended."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()  # it watches its standard input, and ends with it
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_sandbox(
    directory: Path,
    *,
    port: int = 0,
    clip: str = "full",
    rate: float = 1.0,
    seed: int = 0,
    timeout_seconds: float = START_TIMEOUT_SECONDS,
) -> SandboxProcess:
    """Start a sandbox as a child process and return once it listens.

    It ends when this process does, however it does.

    Args:
        directory: where it keeps credentials, attachments, bucket, log and control file; created if absent.
        port: on 127.0.0.1; 0 takes a free one.
        clip: `full` or `small` videos.
        rate: sandbox seconds per real second.
        seed: makes ids and mishaps repeatable.
        timeout_seconds: how long it may take to listen.

    Raises:
        SandboxStartError: if it does not come to listen in time; the text carries what it said.
    """
    directory.mkdir(parents=True, exist_ok=True)
    log_path = directory / "sandbox.log"
    command = [
        sys.executable, "-m", "veobot.sandbox", "--until-stdin-closes",
        "--directory", str(directory), "--control-file", str(directory / "sandbox.json"),
        "--port", str(port), "--clip", clip, "--rate", str(rate), "--seed", str(seed),
    ]  # fmt: skip
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal stops the bot first, then us, then the sandbox
        )
    assert process.stdout is not None
    line = _first_line(process.stdout, timeout_seconds)
    if line is None:
        ended = process.poll() is not None
        process.kill()
        process.wait()
        said = log_path.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
        problem = "ended before it listened" if ended else f"did not listen within {timeout_seconds:g} s"
        msg = f"The sandbox {problem}. It said: {said or 'nothing'}"
        raise SandboxStartError(msg)
    description = json.loads(line)
    return SandboxProcess(process, description["url"], description["environment"], description, log_path)


@asynccontextmanager
async def run_sandbox(
    directory: Path, *, port: int = 0, clip: str = "full", rate: float = 1.0, seed: int = 0
) -> AsyncIterator[SandboxProcess]:
    """Run a sandbox as a child process, with an open client, and end it afterwards.

    Arguments and errors are `start_sandbox`'s.
    """
    sandbox = await asyncio.to_thread(start_sandbox, directory, port=port, clip=clip, rate=rate, seed=seed)
    try:
        async with sandbox.new_client() as client:
            sandbox._client = client  # noqa: SLF001  # its own module
            yield sandbox
    finally:
        await asyncio.to_thread(sandbox.stop)


def _first_line(stream: IO[bytes], timeout_seconds: float) -> bytes | None:
    """Return the stream's first line, None if it ends or the time is up before."""
    deadline = time.monotonic() + timeout_seconds
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                time.sleep(0.05)  # its exit status follows the end of its output
                return None
            line += chunk
    return line

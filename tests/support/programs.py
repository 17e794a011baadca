"""Small programs of Python that a test runs as processes of their own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path


async def running(program: str, *arguments: str) -> Process:
    """Start a program that may import the tests' support; return once it has printed "ready"."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdin=PIPE, stdout=PIPE, env=environment
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process

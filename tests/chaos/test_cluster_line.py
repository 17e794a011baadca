"""The line between a process and PostgreSQL, in front of a server that sends everything back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chaos.cluster.line import Cut, Line

HEARD_NOTHING_SECONDS = 0.1
"""Far longer than the loopback takes."""


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    made = Line(server.sockets[0].getsockname()[1])
    await made.open()
    yield made
    await made.close()
    server.close()


class Caller:
    """One connection through the line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, line: Line) -> "Caller":
        return cls(*await asyncio.open_connection("127.0.0.1", line.port))

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def hears(self) -> bytes:
        """Return the next words; b"" where the connection has been cut."""
        try:
            return await self._reader.read(100)
        except ConnectionResetError:
            return b""

    async def hears_nothing(self) -> bool:
        try:
            await asyncio.wait_for(self._reader.read(100), HEARD_NOTHING_SECONDS)
        except TimeoutError:
            return True
        return False


async def test_a_whole_line_passes_everything_on(line: Line) -> None:
    caller = await Caller.of(line)
    caller.say(b"hello")
    assert await caller.hears() == b"hello"


async def test_a_reset_cuts_what_there_is_and_lets_new_connections_through(line: Line) -> None:
    caller = await Caller.of(line)
    caller.say(b"hello")
    assert await caller.hears() == b"hello"
    line.cut(Cut.RESET)
    assert await caller.hears() == b""
    other = await Caller.of(line)
    other.say(b"again")
    assert await other.hears() == b"again"


async def test_a_line_that_refuses_lets_nobody_through_until_it_is_healed(line: Line) -> None:
    line.cut(Cut.REFUSE)
    assert await (await Caller.of(line)).hears() == b""
    line.heal()
    caller = await Caller.of(line)
    caller.say(b"hello")
    assert await caller.hears() == b"hello"


async def test_a_line_that_hangs_keeps_everything_back_and_says_it_when_it_is_healed(line: Line) -> None:
    before = await Caller.of(line)
    before.say(b"hello")
    assert await before.hears() == b"hello"
    line.cut(Cut.HANG)
    before.say(b"still there?")
    after = await Caller.of(line)
    after.say(b"anybody?")
    assert await before.hears_nothing()
    assert await after.hears_nothing()
    line.heal()
    assert await before.hears() == b"still there?"
    assert await after.hears() == b"anybody?"

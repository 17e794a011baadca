"""A PostgreSQL's front that loses one answer: the server has done what was asked, and the connection breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Severed:
    """Forwards connections to a server; `lose_answer_to` chooses what goes wrong next."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._server = server
        self._words: bytes | None = None
        self.url = ""
        self.lost = asyncio.Event()
        """Set once an answer was lost."""

    def lose_answer_to(self, words: str) -> None:
        """Break the connection on which a statement with these words is answered next."""
        self._words = words.encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        there, back = await asyncio.open_connection(self._host, self._port)
        severed = asyncio.Event()

        async def ask() -> None:
            while chunk := await reader.read(CHUNK_BYTES):
                if self._words is not None and self._words in chunk:
                    self._words = None
                    severed.set()
                back.write(chunk)

        async def answer() -> None:
            while chunk := await there.read(CHUNK_BYTES):
                if severed.is_set():
                    self.lost.set()
                    return
                writer.write(chunk)

        tasks = [asyncio.create_task(ask()), asyncio.create_task(answer())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for stream in (writer, back):
            stream.close()


@asynccontextmanager
async def severed_front(server: str) -> AsyncIterator[Severed]:
    """Run a front for a database's address."""
    front = Severed(server)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await front.serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        front.url = server.replace(f":{urlsplit(server).port}/", f":{port}/")
        yield front

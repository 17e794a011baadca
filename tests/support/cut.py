"""A connection to a server that can be cut at a chosen moment: a proxy on the loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cut:
    """Passes everything on, and cuts the connection once the client has said `word`: the answer is lost."""

    def __init__(self, server_port: int) -> None:
        self.word: bytes | None = None
        self.cuts = 0
        self.port = 0
        self._server_port = server_port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        answers = asyncio.create_task(_pass_on(server_reader, writer))
        try:
            while data := await reader.read(65536):
                cut = self.word is not None and self.word in data
                if cut:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                server_writer.write(data)
                await server_writer.drain()
                if cut:
                    self.cuts += 1
                    await server_reader.read(1)  # it has been carried out
                    break
        finally:
            answers.cancel()
            writer.close()
            server_writer.close()


@asynccontextmanager
async def cut_between(server_port: int) -> AsyncIterator[Cut]:
    """Run a proxy in front of a server of the loopback."""
    cut = Cut(server_port)
    server = await asyncio.start_server(cut.serve, "127.0.0.1", 0)
    cut.port = server.sockets[0].getsockname()[1]
    async with server:
        yield cut


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()

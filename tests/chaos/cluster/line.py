"""The way of one process to PostgreSQL, which can be cut in the ways in which networks and servers fail."""

import asyncio
from enum import Enum

CHUNK_BYTES = 65536


class Cut(Enum):
    """How a line fails."""

    RESET = "reset"
    """Every connection is cut; new ones are let through, until they are cut as well."""
    HANG = "hang"
    """Nothing is passed on any more, and nobody is told; new connections are taken, and hear nothing."""
    REFUSE = "refuse"
    """Every connection is cut, and no new one gets through."""


class Line:
    """A TCP proxy on a port of its own.

    Args:
        target_port: PostgreSQL's, on the loopback.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._refusing = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything, for good."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, database: str) -> str:
        """Return a database's address by this line."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def cut(self, how: Cut) -> None:
        """Fail like this until `heal`; a reset is over at once."""
        match how:
            case Cut.RESET:
                self._abort()
            case Cut.HANG:
                self._flowing.clear()
            case Cut.REFUSE:
                self._refusing = True
                self._abort()

    def heal(self) -> None:
        """Pass everything on, also what was held back."""
        self._refusing = False
        self._flowing.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either end has left it."""
        far_writer: asyncio.StreamWriter | None = None
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            if self._refusing:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(far_writer)
            await asyncio.wait(
                {
                    asyncio.create_task(self._pump(reader, far_writer)),
                    asyncio.create_task(self._pump(far_reader, writer)),
                },
            )
        except OSError:
            pass  # PostgreSQL does not run
        finally:
            for end in (writer, far_writer):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()  # the other direction ends with it

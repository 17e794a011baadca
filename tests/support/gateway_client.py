"""A bare gateway client: what a bot library does, one frame at a time."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

WAIT_SECONDS = 10.0
DEFAULT_INTENTS = (1 << 0) | (1 << 9) | (1 << 12)

# What Discord sends: its shape is checked against the OpenAPI document elsewhere.
Answered = Mapping[str, Any]
Frame = dict[str, Any]


class GatewayClient:
    """One connection. Frames are read in order; `seq` follows what was received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str, *, compressed: bool) -> None:
        self.socket = socket
        self.token = token
        self.seq: int | None = None
        self.session_id = ""
        self._inflator = zlib.decompressobj() if compressed else None

    async def send(self, op: int, data: object) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def identify(
        self, *, token: str | None = None, intents: int = DEFAULT_INTENTS, **more: object
    ) -> None:
        properties = {"os": "linux", "browser": "test", "device": "test"}
        await self.send(
            2, {"token": token or self.token, "properties": properties, "intents": intents, **more}
        )

    async def resume(self, session_id: str, seq: int, *, token: str | None = None) -> None:
        await self.send(6, {"token": token or self.token, "session_id": session_id, "seq": seq})

    async def receive(self) -> Frame:
        """Return the next frame; fails if the connection ends instead."""
        message = await self.socket.receive(timeout=WAIT_SECONDS)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        raw = message.data
        if self._inflator is not None:
            assert isinstance(raw, bytes)
            assert raw.endswith(b"\x00\x00\xff\xff")
            raw = self._inflator.decompress(raw)
        frame: Frame = json.loads(raw)
        assert set(frame) == {"op", "d", "s", "t"}
        if frame["s"] is not None:
            self.seq = frame["s"]
        if frame["t"] == "READY":
            self.session_id = frame["d"]["session_id"]
        return frame

    async def event(self, name: str) -> Answered:
        """Return the data of the next event of that name, skipping others."""
        while True:
            frame = await self.receive()
            if frame["t"] == name:
                data: Answered = frame["d"]
                return data

    async def closed(self) -> int | None:
        """Read until the connection ends, and return its close code."""
        async with asyncio.timeout(WAIT_SECONDS):
            async for _ in self.socket:
                pass
        return self.socket.close_code


@asynccontextmanager
async def connect(
    session: aiohttp.ClientSession, url: str, token: str, *, compressed: bool = False
) -> AsyncIterator[GatewayClient]:
    """Open a connection and read its HELLO."""
    query = "?v=10&encoding=json" + ("&compress=zlib-stream" if compressed else "")
    async with session.ws_connect(url + query) as socket:
        client = GatewayClient(socket, token, compressed=compressed)
        hello = await client.receive()
        assert hello["op"] == 10
        assert hello["d"]["heartbeat_interval"] > 0
        yield client

"""A gateway connection: frames in and out, close codes, compression."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from enum import IntEnum

from aiohttp import WSMsgType, web

from veobot.sandbox.ledger import JsonValue

# What Discord's HELLO says, in real milliseconds.
HEARTBEAT_INTERVAL_MS = 41_250
# A client that stays silent for two intervals is gone.
SILENCE_SECONDS = 2 * HEARTBEAT_INTERVAL_MS / 1000


class Opcode(IntEnum):
    """Discord's gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode(IntEnum):
    """Discord's gateway close codes, as far as the sandbox uses them."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQ = 4007
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    DISALLOWED_INTENTS = 4014


class Connection:
    """One websocket of a client: writes frames in order, compressed if the client asked for it."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, *, compressed: bool
    ) -> None:
        self.socket = socket
        self._transport = transport
        self._compressor = zlib.compressobj() if compressed else None
        self._frames: asyncio.Queue[str] = asyncio.Queue()

    def send(self, op: Opcode, data: JsonValue = None) -> None:
        """Queue a frame that is no event."""
        self.send_frame(encode(op, data))

    def send_frame(self, frame: str) -> None:
        """Queue a frame that is already encoded."""
        self._frames.put_nowait(frame)

    async def write(self) -> None:
        """Write the queued frames until cancelled or until the client has gone."""
        try:
            while True:
                frame = await self._frames.get()
                if self._compressor is None:
                    await self.socket.send_str(frame)
                else:
                    data = self._compressor.compress(frame.encode())
                    await self.socket.send_bytes(data + self._compressor.flush(zlib.Z_SYNC_FLUSH))
        except ConnectionError:
            # The reader notices as well, and ends the connection.
            return

    async def close(self, code: int) -> None:
        """Close with one of Discord's codes."""
        await self.socket.close(code=code)

    def abort(self) -> None:
        """Cut the line without a farewell, as a failing network does."""
        if self._transport is not None:
            self._transport.abort()

    async def frames(self) -> AsyncIterator[tuple[int, Mapping[str, JsonValue]]]:
        """Yield a client's frames until it leaves; close on one that is none, and on a long silence."""
        while True:
            try:
                message = await self.socket.receive(timeout=SILENCE_SECONDS)
            except TimeoutError:
                await self.close(CloseCode.SESSION_TIMED_OUT)
                return
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            frame = _decode(message.data)
            if frame is None:
                await self.close(CloseCode.DECODE_ERROR)
                return
            yield frame


def encode(op: Opcode, data: JsonValue, seq: int | None = None, event: str | None = None) -> str:
    """Return a gateway frame; all four keys are always there."""
    body = {"op": op.value, "d": data, "s": seq, "t": event}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _decode(raw: str | bytes) -> tuple[int, Mapping[str, JsonValue]] | None:
    """Return a client's opcode and data (empty unless it is an object), or None if it is no frame."""
    try:
        frame = json.loads(raw)
    except ValueError:
        return None
    match frame:
        case {"op": int(opcode)}:
            data = frame.get("d")
            return opcode, data if isinstance(data, dict) else {}
        case _:
            return None

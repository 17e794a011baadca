"""Discord's gateway: HELLO, IDENTIFY, READY, events by intents and shard, heartbeats, RESUME with replay."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from aiohttp import web

from veobot.sandbox.discord.connections import HEARTBEAT_INTERVAL_MS, CloseCode, Connection, Opcode
from veobot.sandbox.discord.model import Payload
from veobot.sandbox.discord.payloads import Payloads
from veobot.sandbox.discord.sessions import PRIVILEGED_INTENTS, Intent, Session
from veobot.sandbox.discord.state import DiscordState
from veobot.sandbox.ledger import JsonValue, Ledger

HEARTBEAT_ROUND_TRIP_SECONDS = 0.02
"""No network answers in no time; discord.py notes when it sent a heartbeat a moment after sending it."""

# Discord closes with 4002 on payloads over 4 KiB; big presence updates are not worth imitating that.
MAX_FRAME_BYTES = 64 * 1024
# How long a client may take to answer a close frame, in real seconds; one that was killed never does.
CLOSE_SECONDS = 1.0
# Closing with these two ends a session, says the documentation; any other way of leaving keeps it.
ENDS_SESSION = (1000, 1001)

GatewayAction = Literal["drop", "invalidate", "reconnect", "refuse", "accept"]
GATEWAY_ACTIONS: tuple[GatewayAction, ...] = get_args(GatewayAction)


class Gateway:
    """Keeps the sessions of one world, and sends each the events that are meant for it.

    Args:
        state: gives READY and GUILD_CREATE their content.
        payloads: writes them.
        ledger: sessions that come and go are recorded there.
        token: the bot's token.
        gateway_url: the address that clients shall resume at.
    """

    def __init__(
        self,
        state: DiscordState,
        payloads: Payloads,
        ledger: Ledger,
        token: str,
        gateway_url: Callable[[], str],
    ) -> None:
        self._state = state
        self._payloads = payloads
        self._ledger = ledger
        self._token = token
        self._gateway_url = gateway_url
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._refusing = False
        self._session_came = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """Return the websocket's route."""
        return [web.route("GET", "/gateway", self._serve, name="discord.gateway")]

    def state(self) -> list[JsonValue]:
        """Return what the control API tells about the sessions."""
        return [
            {
                "session_id": session.id,
                "shard": list(session.shard),
                "connected": session.connection is not None,
                "seq": session.seq,
            }
            for session in self._sessions.values()
        ]

    def dispatch(
        self,
        event: str,
        data: Mapping[str, JsonValue],
        *,
        guild_id: int | None,
        intent: Intent | None = None,
    ) -> int:
        """Send an event to whom it concerns, and return how many sessions that were.

        With an intent, only those that asked for it. Clients that are cut off but expected back get it on RESUME.
        """
        targets = list(self._targets(guild_id, intent))
        for session in targets:
            session.dispatch(event, data)
        return len(targets)

    async def wait_for_session(self, guild_id: int | None, timeout_seconds: float) -> bool:
        """Return True as soon as a session would get a guild's interactions, False at the time-out (real)."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not any(self._targets(guild_id, None)):
                    self._session_came.clear()
                    await self._session_came.wait()
        except TimeoutError:
            return False
        return True

    def act(self, action: GatewayAction) -> None:
        """Do what the control API asks for.

        drop: cut every connection; the sessions can be resumed.
        reconnect: ask every client to reconnect.
        invalidate: end every session; clients must identify again.
        refuse: drop, and let no client connect until `accept`.
        """
        match action:
            case "drop":
                self._cut()
            case "refuse":
                self._refusing = True
                self._cut()
            case "accept":
                self._refusing = False
            case "reconnect":
                for session in self._connected():
                    session.expected_back = True
                    _connection(session).send(Opcode.RECONNECT)
            case "invalidate":
                for session in self._connected():
                    _connection(session).send(Opcode.INVALID_SESSION, data=False)
                    self._lose(_connection(session))
                self._sessions.clear()

    async def close(self, code: int) -> None:
        """Close every connection and forget every session."""
        self._sessions.clear()
        self._refusing = False
        for connection in list(self._connections):
            with contextlib.suppress(ConnectionError):
                await connection.close(code)

    def _connected(self) -> list[Session]:
        return [session for session in self._sessions.values() if session.connection is not None]

    def _targets(self, guild_id: int | None, intent: Intent | None) -> Iterator[Session]:
        for session in self._sessions.values():
            reachable = session.connection is not None or session.expected_back
            wanted = intent is None or intent in session.intents
            if reachable and wanted and session.is_responsible_for(guild_id):
                yield session

    def _cut(self) -> None:
        for session in self._connected():
            session.expected_back = True
        for connection in self._connections:
            connection.abort()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._refusing:
            return web.Response(status=503, text="The gateway refuses connections.")
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_FRAME_BYTES, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        compressed = request.query.get("compress") == "zlib-stream"
        connection = Connection(socket, request.transport, compressed=compressed)
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write())
        connection.send(Opcode.HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL_MS, "_trace": ["sandbox"]})
        try:
            await self._converse(connection)
        finally:
            writer.cancel()
            self._connections.discard(connection)
            self._lose(connection)
        return socket

    def _lose(self, connection: Connection) -> None:
        for session in self._connected():
            if session.connection is connection:
                session.connection = None
                self._record("disconnect", session)

    async def _converse(self, connection: Connection) -> None:
        """Answer a client's frames until it leaves."""
        session: Session | None = None
        async for opcode, data in connection.frames():
            session, refusal = self._answer(connection, session, opcode, data)
            if refusal is not None:
                await connection.close(refusal)
                return
        if connection.socket.close_code in ENDS_SESSION and session is not None:
            self._lose(connection)
            self._sessions.pop(session.id, None)

    def _answer(
        self,
        connection: Connection,
        session: Session | None,
        opcode: int,
        data: Mapping[str, JsonValue],
    ) -> tuple[Session | None, CloseCode | None]:
        """Do what one frame asks for; return the connection's session, and the code to close with, if any."""
        match opcode:
            case Opcode.HEARTBEAT:
                loop = asyncio.get_running_loop()
                loop.call_later(HEARTBEAT_ROUND_TRIP_SECONDS, connection.send, Opcode.HEARTBEAT_ACK)
                return session, None
            case Opcode.IDENTIFY | Opcode.RESUME if session is not None:
                return session, CloseCode.ALREADY_AUTHENTICATED
            case Opcode.IDENTIFY:
                return self._identify(connection, data)
            case Opcode.RESUME:
                return self._resume(connection, data)
            case Opcode.PRESENCE_UPDATE | Opcode.VOICE_STATE_UPDATE | Opcode.REQUEST_GUILD_MEMBERS:
                return session, self._request(session, opcode, data)
            case _:
                return session, CloseCode.UNKNOWN_OPCODE

    def _identify(
        self, connection: Connection, data: Mapping[str, JsonValue]
    ) -> tuple[Session | None, CloseCode | None]:
        if data.get("token") != self._token:
            return None, CloseCode.AUTHENTICATION_FAILED
        shard = _shard(data.get("shard"))
        if shard is None:
            return None, CloseCode.INVALID_SHARD
        intents = data.get("intents")
        intents = Intent(intents if isinstance(intents, int) else 0)
        if intents & PRIVILEGED_INTENTS:
            return None, CloseCode.DISALLOWED_INTENTS
        session = Session(intents, shard, connection=connection)
        # The client's earlier session, if it crashed, will never be resumed.
        self._sessions = {i: s for i, s in self._sessions.items() if s.connection or s.shard != shard}
        self._sessions[session.id] = session
        self._record("identify", session)
        self._greet(session)
        return session, None

    def _greet(self, session: Session) -> None:
        state, payloads = self._state, self._payloads
        guild = state.guild
        present = guild.bot_present and session.is_responsible_for(guild.id)
        application: Payload = {"id": str(state.application_id), "flags": 0}
        ready: dict[str, JsonValue] = {
            "v": 10,
            "user": payloads.own_user(),
            "guilds": [{"id": str(guild.id), "unavailable": True}] if present else [],
            "session_id": session.id,
            "resume_gateway_url": self._gateway_url(),
            "shard": list(session.shard),
            "application": application,
            "private_channels": [],
            "relationships": [],
        }
        session.dispatch("READY", ready)
        if present and Intent.GUILDS in session.intents:
            session.dispatch("GUILD_CREATE", payloads.gateway_guild(guild))
        self._record("ready", session)
        self._session_came.set()

    def _resume(
        self, connection: Connection, data: Mapping[str, JsonValue]
    ) -> tuple[Session | None, CloseCode | None]:
        if data.get("token") != self._token:
            return None, CloseCode.AUTHENTICATION_FAILED
        seq = data.get("seq")
        session = self._sessions.get(str(data.get("session_id")))
        if session is None or not isinstance(seq, int) or not session.can_replay(seq):
            connection.send(Opcode.INVALID_SESSION, data=False)
            return None, None
        self._record("resume", session)
        session.connection, session.expected_back = connection, False
        session.replay(seq)
        session.dispatch("RESUMED", {"_trace": ["sandbox"]})
        self._record("resumed", session)
        self._session_came.set()
        return session, None

    def _request(
        self, session: Session | None, opcode: int, data: Mapping[str, JsonValue]
    ) -> CloseCode | None:
        if session is None:
            return CloseCode.NOT_AUTHENTICATED
        if opcode == Opcode.REQUEST_GUILD_MEMBERS:
            self._send_members(session, data)
        return None

    def _send_members(self, session: Session, data: Mapping[str, JsonValue]) -> None:
        guild, payloads = self._state.guild, self._payloads
        wanted = data.get("user_ids")
        listed = wanted if isinstance(wanted, list) else [wanted]
        ids = {str(user_id) for user_id in listed}
        query = data.get("query")
        members = [
            payloads.member(member)
            for member in guild.members.values()
            if str(member.user.id) in ids
            or (isinstance(query, str) and member.user.username.startswith(query.lower()))
        ]
        chunk: dict[str, JsonValue] = {"guild_id": str(guild.id), "members": members}
        chunk |= {"chunk_index": 0, "chunk_count": 1, "not_found": []}
        if isinstance(nonce := data.get("nonce"), str):
            chunk["nonce"] = nonce
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _record(self, event: str, session: Session) -> None:
        self._ledger.record("gateway", event=event, session_id=session.id, shard=list(session.shard))


def _connection(session: Session) -> Connection:
    assert session.connection is not None
    return session.connection


def _shard(value: JsonValue) -> tuple[int, int] | None:
    match value:
        case None:
            return 0, 1
        case [int(number), int(count)] if 0 <= number < count:
            return number, count
        case _:
            return None

"""Gateway sessions: numbered events, remembered so that a RESUME can replay them."""

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag

from veobot.sandbox.discord.connections import Connection, Opcode, encode
from veobot.sandbox.ledger import JsonValue

# How many events a session can replay; beyond that a RESUME is answered with "invalid session".
MAX_REPLAYED_EVENTS = 1_000


class Intent(IntFlag):
    """The intents that decide about the events the sandbox sends."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


# These must be granted to an application, and the sandbox's has none of them.
PRIVILEGED_INTENTS = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT


@dataclass(slots=True)
class Session:
    """What one IDENTIFY began: it outlives its connection, until it is invalidated."""

    intents: Intent
    shard: tuple[int, int]
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    connection: Connection | None = None
    # Cut off by the sandbox, not by the client's end: it can be expected back.
    expected_back: bool = False
    _history: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=MAX_REPLAYED_EVENTS))

    def dispatch(self, event: str, data: Mapping[str, JsonValue]) -> None:
        """Number an event, remember it, and send it if the client is there."""
        self.seq += 1
        frame = encode(Opcode.DISPATCH, data, self.seq, event)
        self._history.append((self.seq, frame))
        if self.connection is not None:
            self.connection.send_frame(frame)

    def can_replay(self, seq: int) -> bool:
        """Whether every event after number `seq` is still remembered."""
        oldest = self._history[0][0] if self._history else self.seq + 1
        return oldest - 1 <= seq <= self.seq

    def replay(self, seq: int) -> None:
        """Send what was dispatched after number `seq` again."""
        assert self.connection is not None
        for number, frame in self._history:
            if number > seq:
                self.connection.send_frame(frame)

    def is_responsible_for(self, guild_id: int | None) -> bool:
        """Whether this shard gets a guild's events; private channels belong to shard 0."""
        number, count = self.shard
        return number == ((guild_id >> 22) % count if guild_id else 0)

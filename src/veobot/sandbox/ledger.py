"""What happened in the sandbox, in order: the one account by which the bot is judged."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeAlias

from veobot.sandbox.clock import SandboxClock

# Covariant on purpose: a list[str] is a JsonValue, which a list[JsonValue] would not allow.
JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, with the sandbox's time and its place in the order.

    Attributes:
        seq: 1, 2, 3 …; never used twice in a process's life.
        at: the sandbox's time, aware, in UTC.
        kind: which fields there are, such as `submission` or `message`.
        fields: a snapshot; later changes to what was recorded do not show.
        encoded: the same entry as a JSON object, written once for all who read it over HTTP.
    """

    seq: int
    at: datetime
    kind: str
    fields: Mapping[str, JsonValue]
    encoded: str = field(default="", repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, JsonValue]) -> Self:
        """Rebuild an entry from what the control API answered.

        Raises:
            ValueError: if the object is no ledger entry.
        """
        match data:
            case {"seq": int(seq), "at": str(at), "kind": str(kind), "fields": Mapping() as fields}:
                return cls(seq, datetime.fromisoformat(at), kind, fields)
            case _:
                msg = f"This is no ledger entry: {json.dumps(data)[:200]}"
                raise ValueError(msg)

    def text(self, name: str) -> str:
        """Return a field that is known to be a string.

        Raises:
            TypeError: if it is absent or something else.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            msg = f"Entry {self.seq} ({self.kind}) has no text field {name}: {value!r}"
            raise TypeError(msg)
        return value


class Ledger:
    """Keeps every entry in memory, in order, and lets readers wait for the next one.

    Must be used on one event loop's thread.

    Args:
        clock: gives each entry its time.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        # How many entries earlier worlds had: numbers go on after a reset, so a reader's cursor stays valid.
        self._offset = 0
        self._grown = asyncio.Event()

    @property
    def last_seq(self) -> int:
        """The number of the newest entry, 0 before the first."""
        return self._offset + len(self._entries)

    def record(self, kind: str, /, **fields: JsonValue) -> Entry:
        """Append an entry and wake everybody who waits for it.

        The fields are copied: what is changed afterwards does not change the ledger.
        """
        seq, at = self.last_seq + 1, self._clock.now()
        body = {"seq": seq, "at": at.isoformat(), "kind": kind, "fields": fields}
        # In ASCII, since a member's text may hold lone surrogates, which no UTF-8 answer can carry.
        encoded = json.dumps(body, separators=(",", ":"))
        entry = Entry(seq, at, kind, json.loads(encoded)["fields"], encoded)
        self._entries.append(entry)
        self._wake()
        return entry

    def entries(self, after: int = 0) -> list[Entry]:
        """Return the entries of this world that are newer than number `after`, oldest first."""
        return self._entries[max(0, after - self._offset) :]

    async def wait(self, after: int, timeout_seconds: float) -> list[Entry]:
        """Return the entries newer than `after` as soon as there is one; an empty list at the time-out.

        The time-out is in real seconds.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.last_seq <= after:
                    await self._grown.wait()
        except TimeoutError:
            return []
        return self.entries(after)

    def reset(self) -> None:
        """Forget all entries; the numbers go on, so that no reader misses the new world's first one."""
        self._offset += len(self._entries)
        self._entries.clear()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

"""The ledger as it grows, with the real time at which each entry was seen."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from veobot.sandbox.client import SandboxClient, SandboxTimeout
from veobot.sandbox.ledger import Entry

LONG_POLL_SECONDS = 10.0


class Watch:
    """Follows the ledger in the background; `entries` and `seen_at` grow together.

    Args:
        world: an open client, which nobody else need share.
    """

    def __init__(self, world: SandboxClient) -> None:
        self._world = world
        self.entries: list[Entry] = []
        self.seen_at: list[float] = []
        """By the monotonic clock; the sandbox's own time jumps."""
        self._grown = asyncio.Event()

    @property
    def last_seq(self) -> int:
        """The number of the newest entry that was seen."""
        return self.entries[-1].seq if self.entries else 0

    async def follow(self) -> None:
        """Read for ever."""
        while True:
            try:
                await self._world.wait_for(after=self.last_seq, timeout_seconds=LONG_POLL_SECONDS)
            except SandboxTimeout:
                continue
            await self.catch_up()

    async def catch_up(self) -> None:
        """Read what is there."""
        new = await self._world.ledger(self.last_seq)
        now = time.monotonic()
        # Two readers may have asked at the same time.
        fresh = [entry for entry in new if entry.seq > self.last_seq]
        self.entries += fresh
        self.seen_at += [now] * len(fresh)
        self._grown.set()
        self._grown = asyncio.Event()

    async def first(
        self, predicate: Callable[[Entry], bool], *, after: int, timeout_seconds: float
    ) -> Entry | None:
        """Return the first entry newer than `after` that fits; None if there is none in time."""
        position = next((i for i, entry in enumerate(self.entries) if entry.seq > after), len(self.entries))
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    for index in range(position, len(self.entries)):
                        if predicate(self.entries[index]):
                            return self.entries[index]
                    position = len(self.entries)
                    await self._grown.wait()
        except TimeoutError:
            return None

    def write(self, path: Path) -> None:
        """Keep all of it in a file, for whoever wants to know more than the report says."""
        lines = (
            json.dumps({"seq": e.seq, "at": e.at.isoformat(), "kind": e.kind, "fields": e.fields})
            for e in self.entries
        )
        path.write_text("\n".join(lines), encoding="utf-8")

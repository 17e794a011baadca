"""An event log that remembers, for tests."""

import asyncio


class RecordingLog:
    """Keeps (level, event, fields) of everything logged, and wakes who waits for an event."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, dict[str, object]]] = []
        self._waiting: list[tuple[str, asyncio.Event]] = []

    def info(self, event: str, **fields: object) -> None:
        self._record("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._record("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._record("error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        self._record("exception", event, fields)

    def named(self, event: str) -> list[dict[str, object]]:
        """Return the fields of every entry of this name."""
        return [fields for _, name, fields in self.entries if name == event]

    async def wait_for(self, event: str, timeout_seconds: float = 10.0) -> dict[str, object]:
        """Return the fields of the first entry of this name, once there is one."""
        if not self.named(event):
            logged = asyncio.Event()
            self._waiting.append((event, logged))
            async with asyncio.timeout(timeout_seconds):
                await logged.wait()
        return self.named(event)[0]

    def _record(self, level: str, event: str, fields: dict[str, object]) -> None:
        self.entries.append((level, event, fields))
        for name, logged in self._waiting:
            if name == event:
                logged.set()

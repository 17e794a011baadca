"""An event loop with virtual time: when nothing is ready, time jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from selectors import SelectorKey
from typing import TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: counts the time that it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return what is ready; where nothing is, let `timeout` have passed."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("Everything waits for something that never happens.")
            self.seconds += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs days in milliseconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._jumping.seconds


def run(simulation: Coroutine[object, object, T]) -> T:
    """Run a simulation to its end; tasks that it leaves behind are cancelled."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(simulation)

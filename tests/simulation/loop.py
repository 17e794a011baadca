"""An event loop with virtual time, for processes that can be killed and paused.

Where nothing is ready, time jumps to the next timer: days pass in milliseconds, and the same seed gives the same order.
What a process does runs in its context (`PROCESS`). Once that is dead none of its callbacks runs again, not even a
`finally`: the kernel does not run one either. While it is paused its callbacks wait; time goes on.
"""

import asyncio
import contextvars
import heapq
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, cast

T = TypeVar("T")


class Mortal(Protocol):
    """A process, as far as the loop needs to know it."""

    dead: bool
    paused: bool
    tasks: list["asyncio.Task[Any]"]
    waiting: list[asyncio.Handle]
    """What became ready while the process was paused, oldest first."""


PROCESS: contextvars.ContextVar[Mortal | None] = contextvars.ContextVar("PROCESS", default=None)
"""The process that the running callback belongs to; None for the world itself."""


class _Handle(asyncio.Handle):
    """A callback, and whose it is."""

    __slots__ = ("process",)

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
    ) -> None:
        super().__init__(callback, args, loop, context)
        self.process = context.get(PROCESS)


class _Timer(asyncio.TimerHandle):
    """A callback at a time, and whose it is."""

    __slots__ = ("process",)

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.process = context.get(PROCESS)


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks first in, first out, as asyncio does, and counts the time that it need not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.errors: list[str] = []
        """What would have been logged as "exception was never retrieved" and the like."""
        self._due: deque[_Handle | _Timer] = deque()
        self._alarms: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()
        self._mistake: BaseException | None = None

    # -- what asyncio asks of a loop

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self.seconds

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, _given(context))
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.seconds + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, _given(context))
        heapq.heappush(self._alarms, (when, next(self._order), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave a cancelled timer where it is; it is dropped when its time comes."""

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the typeshed's is generic in a type of its own
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[T]":
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        owner = (_given(context)).get(PROCESS)
        if owner is not None:
            owner.tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what asyncio would log; a mistake in the world's own callback ends the schedule."""
        handle, error = context.get("handle"), context.get("exception")
        if (
            isinstance(handle, _Handle | _Timer)
            and handle.process is None
            and isinstance(error, BaseException)
        ):
            self._mistake = error
        self.errors.append(f"{context.get('message')}: {error!r}")

    async def shutdown_asyncgens(self) -> None:
        """Nothing to do: the world outlives no async generator."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing to do: there are no threads."""
        del timeout

    def close(self) -> None:
        super().close()
        self._due.clear()
        self._alarms.clear()

    # -- running

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        task = asyncio.ensure_future(cast(Awaitable[T], future), loop=self)
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._run_next()
        finally:
            asyncio._set_running_loop(None)
        return task.result()

    def _run_next(self) -> None:
        """Run what is ready next; where nothing is, jump to the next timer."""
        if not self._due:
            self._jump()
        handle = self._due.popleft()
        process = handle.process
        if handle.cancelled() or (process is not None and process.dead):
            return
        if process is not None and process.paused:
            process.waiting.append(handle)
            return
        handle._run()
        if self._mistake is not None:
            raise self._mistake

    def wake(self, process: Mortal) -> None:
        """Let a paused process go on: what became ready meanwhile comes first."""
        process.paused = False
        self._due.extend(process.waiting)  # type: ignore[arg-type]  # only this loop's handles were put there
        process.waiting.clear()

    def _jump(self) -> None:
        if not self._alarms:
            raise RuntimeError("Everything waits for something that never happens.")
        self.seconds = max(self.seconds, self._alarms[0][0])
        while self._alarms and self._alarms[0][0] <= self.seconds:
            self._due.append(heapq.heappop(self._alarms)[2])


def _given(context: contextvars.Context | None) -> contextvars.Context:
    """Return this context, which may be empty, or the present one."""
    return contextvars.copy_context() if context is None else context


def run(simulation: Coroutine[object, object, T]) -> T:
    """Run a simulation to its end; tasks that it leaves behind are cancelled."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(simulation)

"""A process that carries one request as far as its slot and its call, a step at a time, as it is told.

    python -m support.slot_process ADDRESS NAME REQUEST LIMIT

It prints a word for each step and reads a line before the next: `granted`, then `made` or `refused`; after `made`,
`ended`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from support.cluster_parts import Machine
from veobot.core.errors import StoreUnavailable
from veobot.core.request import RequestId

T = TypeVar("T")


async def main(url: str, name: str, number: str, limit: str) -> None:
    machine = Machine(url, name, int(limit))
    machine.slots.open()
    request_id = RequestId(int(number))
    made = False
    while not made:
        request = await patiently(lambda: machine.store.get(request_id))
        while not await machine.slots.wait(request, 60):
            pass
        await say("granted")
        made = await patiently(lambda: machine.submit(request))  # noqa: B023 -- awaited at once
        await say("made" if made else "refused")
    ended = await patiently(lambda: machine.store.get(request_id))
    await patiently(lambda: machine.end(ended))
    await machine.exchanged()
    await say("ended")


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do this as soon as the database answers."""
    while True:
        try:
            return await work()
        except StoreUnavailable:
            await asyncio.sleep(0.1)


async def say(word: str) -> None:
    print(word, flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""One statement for many: who asks meanwhile goes into the next."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from veobot.workqueue.batches import Batches


class Statement:
    """Doubles numbers, one batch at a time, when it is let; fails for a batch with an odd one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> Mapping[int, int]:
        self.batches.append(list(numbers))
        self.begun.set()
        await self.may_answer.wait()
        if any(number % 2 for number in numbers):
            raise ValueError("odd")
        return {number: number * 2 for number in numbers if number < 100}


async def test_a_lone_one_does_not_wait_and_those_that_come_meanwhile_go_together() -> None:
    statement = Statement()
    batches = Batches(statement, limit=10)
    first = asyncio.create_task(batches.ask(2))
    await statement.begun.wait()
    others = [asyncio.create_task(batches.ask(number)) for number in (4, 6, 4)]
    await asyncio.sleep(0)
    statement.may_answer.set()
    assert await first == 4
    assert await asyncio.gather(*others) == [8, 12, 8]
    assert statement.batches == [[2], [4, 6]]


async def test_no_batch_is_larger_than_its_limit() -> None:
    statement = Statement()
    statement.may_answer.set()
    batches = Batches(statement, limit=2)
    await asyncio.gather(*(batches.ask(number) for number in (2, 4, 6, 8, 10)))
    assert statement.batches == [[2, 4], [6, 8], [10]]


async def test_what_brought_nothing_is_none() -> None:
    statement = Statement()
    statement.may_answer.set()
    assert await Batches(statement, limit=2).ask(100) is None


async def test_an_error_is_raised_to_each_that_asked_and_the_next_batch_is_none_the_worse() -> None:
    statement = Statement()
    statement.may_answer.set()
    batches = Batches(statement, limit=2)
    asked = [asyncio.create_task(batches.ask(number)) for number in (1, 2, 4)]
    await asyncio.wait(asked)
    for task in asked[:2]:
        with pytest.raises(ValueError, match="odd"):
            task.result()
    assert asked[2].result() == 8


async def test_one_that_no_longer_waits_does_not_disturb_the_others() -> None:
    statement = Statement()
    batches = Batches(statement, limit=2)
    leaving, staying = (asyncio.create_task(batches.ask(number)) for number in (2, 4))
    await statement.begun.wait()
    leaving.cancel()
    statement.may_answer.set()
    assert await staying == 8

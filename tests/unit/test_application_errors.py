"""What the operator reads of an error that came out of a task group."""

import asyncio

import pytest

from veobot.app.application import the_one_in
from veobot.core.errors import StoreUnavailable


async def test_a_single_error_is_read_as_itself_through_however_many_task_groups() -> None:
    async def fail() -> None:
        raise StoreUnavailable("grant it CREATE")

    async def keep() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep())
    assert str(the_one_in(caught.value)) == "grant it CREATE"


def test_several_errors_stay_together_and_none_stays_none() -> None:
    several = ExceptionGroup("two", [ValueError(), TypeError()])
    assert the_one_in(several) is several
    assert the_one_in(None) is None

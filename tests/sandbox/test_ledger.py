"""The sandbox's ledger: order, waiting, and a cursor that survives a reset."""

import asyncio
import json

import pytest

from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.ledger import Entry, Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(SandboxClock())


def test_entries_are_numbered_in_order(ledger: Ledger) -> None:
    ledger.record("one")
    ledger.record("two", kind="a field may be called kind")
    assert [(entry.seq, entry.kind) for entry in ledger.entries()] == [(1, "one"), (2, "two")]
    assert [entry.kind for entry in ledger.entries(after=1)] == ["two"]


def test_what_was_recorded_does_not_change_afterwards(ledger: Ledger) -> None:
    attachments = ["a.mp4"]
    entry = ledger.record("message", attachments=attachments)
    attachments.append("b.mp4")
    assert entry.fields["attachments"] == ["a.mp4"]


async def test_a_reader_wakes_for_the_next_entry(ledger: Ledger) -> None:
    reader = asyncio.create_task(ledger.wait(0, timeout_seconds=5))
    await asyncio.sleep(0)
    ledger.record("submission", prompt="A red fox")
    assert [entry.fields["prompt"] for entry in await reader] == ["A red fox"]


async def test_waiting_for_nothing_ends_with_nothing(ledger: Ledger) -> None:
    ledger.record("old")
    assert await ledger.wait(1, timeout_seconds=0.01) == []


async def test_a_cursor_from_before_a_reset_sees_the_new_worlds_first_entry(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.record("old")
    ledger.reset()
    assert ledger.entries() == []
    ledger.record("new")
    assert [entry.kind for entry in await ledger.wait(3, timeout_seconds=1)] == ["new"]
    assert [entry.kind for entry in ledger.entries()] == ["new"]


def test_an_entry_survives_its_way_over_http(ledger: Ledger) -> None:
    entry = ledger.record("message", content="漢字 é", mentions=["1"], ephemeral=False)
    assert Entry.from_json(json.loads(entry.encoded)) == entry


def test_a_field_that_should_be_text_says_so_when_it_is_not(ledger: Ledger) -> None:
    entry = ledger.record("finished", operation="o", object=None)
    assert entry.text("operation") == "o"
    with pytest.raises(TypeError, match="no text field object"):
        entry.text("object")

"""Every invariant is silent on a healthy record, and says so where its promise is broken."""

from collections.abc import Iterator
from inspect import getdoc

import pytest

from simulation.invariants import INVARIANTS, broken, promise
from simulation.spoilt import BROKEN, EXCUSED, Spoiler, healthy, members


def test_a_healthy_record_breaks_nothing() -> None:
    assert [str(breach) for breach in broken(healthy())] == []


def names_of_broken(spoil: Spoiler) -> Iterator[str]:
    record = healthy()
    spoil(record)
    return (breach.invariant.replace(" ", "_") for breach in broken(record))


@pytest.mark.parametrize(("name", "spoil"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_a_record_that_breaks_a_promise_is_found(name: str, spoil: Spoiler) -> None:
    assert name in names_of_broken(spoil)


@pytest.mark.parametrize(("name", "spoil"), EXCUSED, ids=lambda value: getattr(value, "__name__", value))
def test_what_is_excused_breaks_nothing(name: str, spoil: Spoiler) -> None:
    assert name not in names_of_broken(spoil)


def test_every_invariant_is_shown_to_break() -> None:
    assert {name for name, _ in BROKEN} == {invariant.__name__ for invariant in INVARIANTS}


def test_every_invariant_says_what_it_promises() -> None:
    assert all(getdoc(invariant) for invariant in INVARIANTS)
    assert len({invariant.__name__ for invariant in INVARIANTS}) == len(INVARIANTS)


def test_a_breach_reads_as_a_sentence() -> None:
    record = healthy()
    members.was_refused_too(record)
    (breach,) = broken(record)
    assert breach.invariant == promise.nobody_is_told_both_yes_and_no.__name__.replace("_", " ")
    assert str(breach).startswith("nobody is told both yes and no: Request 1000 ")

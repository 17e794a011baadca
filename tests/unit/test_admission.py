"""Quota and budget, over every order of commands: never passed, and refusals name the exact moment. And options."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.requests import OPTIONS
from veobot.core.admission import (
    BUDGET_WINDOW,
    AdmissionPolicy,
    BudgetSpent,
    NegativePromptTooLong,
    NegativePromptUnprintable,
    OverQuota,
    QueueFull,
    Refusal,
    UnknownOption,
    Usage,
    check_model,
    check_options,
    check_usage,
)
from veobot.core.models import MODELS

START = datetime(2026, 11, 20, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

waits = st.one_of(
    st.just(timedelta(0)),
    st.timedeltas(timedelta(0), timedelta(hours=30)).map(lambda wait: wait - wait % MILLISECOND),
)
prices = st.integers(1, 5)


@dataclass
class World:
    """All that was admitted, counted as the store counts: a window is open at its start."""

    policy: AdmissionPolicy
    admitted: list[tuple[datetime, int]] = field(default_factory=list)

    def usage(self, now: datetime) -> Usage:
        charges = [(at, price) for at, price in self.admitted if at > now - BUDGET_WINDOW]
        return Usage(
            member_requests=[at for at, _ in self.admitted if at > now - self.policy.quota_window],
            spent_micro_usd=sum(price for _, price in charges),
            waiting=0,
            charges=lambda: charges,
        )

    def ask(self, now: datetime, price: int) -> Refusal | None:
        return check_usage(self.usage(now), self.policy, price)

    def admit(self, now: datetime, price: int) -> None:
        self.admitted.append((now, price))


def a_policy(quota: int, window: timedelta, budget: int, max_waiting: int = 1) -> AdmissionPolicy:
    return AdmissionPolicy(
        allowed_channels=frozenset(),
        age_restricted_only=False,
        quota=quota,
        quota_window=window,
        daily_budget_micro_usd=budget,
        max_waiting=max_waiting,
    )


policies = st.builds(
    a_policy,
    quota=st.integers(1, 5),
    window=st.sampled_from([timedelta(minutes=1), timedelta(hours=24), timedelta(days=7)]),
    budget=st.integers(0, 20),
)
commands = st.lists(st.tuples(waits, prices), max_size=30)


def played(policy: AdmissionPolicy, steps: Sequence[tuple[timedelta, int]]) -> tuple[World, datetime]:
    """Give the commands one after the other."""
    world, now = World(policy), START
    for wait, price in steps:
        now += wait
        if world.ask(now, price) is None:
            world.admit(now, price)
    return world, now


@given(policies, commands)
def test_neither_quota_nor_budget_is_ever_passed(
    policy: AdmissionPolicy, steps: list[tuple[timedelta, int]]
) -> None:
    world, _ = played(policy, steps)
    for at, _ in world.admitted:
        usage = world.usage(at)
        until_then = [asked for asked in usage.member_requests if asked <= at]
        spent = sum(price for asked, price in usage.charges() if asked <= at)
        assert len(until_then) <= policy.quota
        assert spent <= policy.daily_budget_micro_usd


@given(policies, commands, prices)
def test_a_refusal_names_the_first_moment_that_admits(
    policy: AdmissionPolicy, steps: list[tuple[timedelta, int]], price: int
) -> None:
    world, now = played(policy, steps)
    match world.ask(now, price):
        case OverQuota(quota, window, next_at):
            assert (quota, window) == (policy.quota, policy.quota_window)
            assert next_at > now
            assert isinstance(world.ask(next_at - MILLISECOND, price), OverQuota)
            assert not isinstance(world.ask(next_at, price), OverQuota)
        case BudgetSpent(None):
            assert price > policy.daily_budget_micro_usd
        case BudgetSpent(datetime() as next_at):
            assert next_at > now
            assert isinstance(world.ask(next_at - MILLISECOND, price), BudgetSpent | OverQuota)
            assert not isinstance(world.ask(next_at, price), BudgetSpent)
        case refusal:
            assert refusal is None


@given(policies, commands, prices)
def test_nobody_is_refused_without_need(
    policy: AdmissionPolicy, steps: list[tuple[timedelta, int]], price: int
) -> None:
    world, now = played(policy, steps)
    usage = world.usage(now)
    fits = (
        len(usage.member_requests) < policy.quota
        and usage.spent_micro_usd + price <= policy.daily_budget_micro_usd
    )
    assert (world.ask(now, price) is None) == fits


@given(st.integers(0, 5), st.integers(0, 5))
def test_a_full_queue_refuses(waiting: int, max_waiting: int) -> None:
    usage = Usage(member_requests=[], spent_micro_usd=0, waiting=waiting, charges=tuple)
    refusal = check_usage(usage, a_policy(1, BUDGET_WINDOW, 10, max_waiting), 1)
    assert refusal == (QueueFull(waiting) if waiting >= max_waiting else None)


def test_a_lowered_quota_names_the_moment_when_few_enough_are_left() -> None:
    asked = [START + timedelta(hours=hour) for hour in range(5)]
    usage = Usage(member_requests=asked, spent_micro_usd=0, waiting=0, charges=tuple)
    refusal = check_usage(usage, a_policy(2, timedelta(hours=24), 10), 1)
    # Of five, four must have left the window before fewer than two remain.
    assert refusal == OverQuota(2, timedelta(hours=24), asked[3] + timedelta(hours=24))


@pytest.mark.parametrize(
    ("negative_prompt", "refusal"),
    [
        ("", None),
        ("r", None),
        ("r" * 500, None),
        ("r" * 501, NegativePromptTooLong(501)),
        (" \n\u200b", NegativePromptUnprintable()),
        ("\u200b" * 501, NegativePromptTooLong(501)),
    ],
)
def test_a_negative_prompt_is_left_out_or_can_be_read(negative_prompt: str, refusal: Refusal | None) -> None:
    assert check_options("A red fox", replace(OPTIONS, negative_prompt=negative_prompt)) == refusal


@pytest.mark.parametrize(("seed", "fits"), [(0, True), (2**32 - 1, True), (-1, False), (2**32, False)])
def test_a_seed_is_one_that_veo_takes(seed: int, *, fits: bool) -> None:
    refusal = UnknownOption("seed", str(seed), ("0 to 4,294,967,295",))
    assert check_options("A red fox", replace(OPTIONS, seed=seed)) == (None if fits else refusal)


def test_a_model_that_is_not_offered_is_refused_with_those_that_are() -> None:
    fast, dear, lite = MODELS
    policy = replace(a_policy(1, BUDGET_WINDOW, 10), models=(lite, fast))
    assert check_model(fast, policy) is None
    names = ("Veo 3.1 Lite", "Veo 3.1 Fast")
    assert check_model(dear, policy) == UnknownOption("model", "Veo 3.1", names)
    assert check_model("veo-9", policy) == UnknownOption("model", "veo-9", names)


def test_where_the_operator_names_none_every_known_model_is_offered() -> None:
    policy = a_policy(1, BUDGET_WINDOW, 10)
    assert [check_model(model, policy) for model in MODELS] == [None] * len(MODELS)
    assert isinstance(check_model("veo-9", policy), UnknownOption)

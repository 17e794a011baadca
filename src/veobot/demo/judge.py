"""Judges the bot by the simulated world's ledger alone: what was asked, paid, told and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from veobot.demo.accounts import Account, Accounts, Outcome
from veobot.sandbox.ledger import Entry


class Fault(Enum):
    """What can be wrong with how one request ended; the value follows the request's name."""

    LOST = "was told nothing"
    TOLD_TWICE = "told more than once"
    PAID_TWICE = "paid for more than once"
    UNPAID = "a video that was never paid for"
    WRONG_MEMBER = "the outcome reached somebody else"
    WRONG_PLACE = "the outcome is in another place than the command"
    WRONG_VIDEO = "another prompt's video, or one that does not play"


@dataclass(frozen=True, slots=True)
class Judged:
    """One request and what is wrong with it."""

    account: Account
    interrupted: bool
    faults: tuple[Fault, ...]

    @property
    def prompt(self) -> str:
        """What was asked for."""
        return self.account.prompt


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a whole run.

    Attributes:
        resumed_before_new: whether every interrupted request's submission after the restart came before the new
            ones'; None where one of the two is missing, so that nothing can be said.
        missing: how many of the expected commands the ledger does not know.
        wrong_videos: why a video is not the right one, by prompt.
    """

    requests: tuple[Judged, ...]
    resumed_before_new: bool | None
    missing: int
    wrong_videos: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every request ended as it should, in the right order."""
        flawless = not any(judged.faults for judged in self.requests)
        return flawless and self.resumed_before_new is True and self.missing == 0

    def count(self, fault: Fault) -> int:
        """Return how many requests have this fault."""
        return sum(fault in judged.faults for judged in self.requests)

    @property
    def interrupted(self) -> tuple[Judged, ...]:
        """The requests that were asked before the restart."""
        return tuple(judged for judged in self.requests if judged.interrupted)


def judge(
    entries: Sequence[Entry],
    *,
    restarted_after: int,
    expected: int,
    wrong_videos: Mapping[str, str] | None = None,
) -> Verdict:
    """Judge by the ledger.

    Args:
        entries: the whole ledger, in order.
        restarted_after: the number of the last entry before the bot was started again.
        expected: how many commands were to be asked.
        wrong_videos: what looking at the delivered videos found wrong, by prompt.
    """
    accounts = Accounts(entries).all()
    wrong = dict(wrong_videos or {})
    judged = tuple(
        Judged(account, account.asked.seq <= restarted_after, tuple(_faults(account, wrong)))
        for account in accounts
    )
    return Verdict(
        requests=judged,
        resumed_before_new=_resumed_before_new(judged, restarted_after),
        missing=max(0, expected - len(accounts)),
        wrong_videos=wrong,
    )


def _faults(account: Account, wrong_videos: Mapping[str, str]) -> list[Fault]:
    outcomes = list(account.told.values())
    found: list[Fault] = []
    if not account.standing:
        found.append(Fault.LOST)
    if len(outcomes) > 1:
        found.append(Fault.TOLD_TWICE)
    if len(account.submissions) > 1:
        found.append(Fault.PAID_TWICE)
    if not account.submissions and any(outcome.kind == "video" for outcome in outcomes):
        found.append(Fault.UNPAID)
    if not all(_reaches(outcome, account) for outcome in outcomes):
        found.append(Fault.WRONG_MEMBER)
    if any(outcome.channel_id != account.channel_id for outcome in outcomes):
        found.append(Fault.WRONG_PLACE)
    if account.prompt in wrong_videos or not all(_fits(outcome, account) for outcome in outcomes):
        found.append(Fault.WRONG_VIDEO)
    return found


def _reaches(outcome: Outcome, account: Account) -> bool:
    """Whether this message is the member's own answer, or replies to it and addresses them and nobody else.

    A video notifies them. A reason may do without, so that many of them at once disturb nobody, but names them.
    """
    if outcome.interaction_id is not None:
        return outcome.interaction_id == account.id
    replies = account.placeholder_id is None or outcome.reply_to == account.placeholder_id
    named = f"<@{account.user_id}>" in outcome.text
    notified = outcome.mentions == (account.user_id,)
    quiet = outcome.kind == "reason" and not outcome.mentions and named
    return replies and (notified or quiet)


def _fits(outcome: Outcome, account: Account) -> bool:
    return outcome.kind == "reason" or (outcome.size_bytes > 0 and account.prompt in outcome.description)


def _resumed_before_new(judged: Sequence[Judged], restarted_after: int) -> bool | None:
    resumed = [
        entry.seq
        for request in judged
        if request.interrupted
        for entry in request.account.submissions
        if entry.seq > restarted_after
    ]
    new = [
        entry.seq for request in judged if not request.interrupted for entry in request.account.submissions
    ]
    return max(resumed) < min(new) if resumed and new else None

"""What a check finds, and all findings together."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended; the value is the word that is shown."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: one sentence, and one more that says what mends it."""

    check: str
    state: State
    sentence: str
    fix: str | None = None

    def without(self, secret: str) -> "Finding":
        """Return the finding with the secret's text replaced, should somebody's error message have repeated it."""
        if not secret:
            return self
        fix = None if self.fix is None else self.fix.replace(secret, "***")
        return Finding(self.check, self.state, self.sentence.replace(secret, "***"), fix)


def ok(check: str, sentence: str) -> Finding:
    """Return that all is well."""
    return Finding(check, State.OK, sentence)


def warning(check: str, sentence: str, fix: str) -> Finding:
    """Return something to look at, with which the bot works all the same."""
    return Finding(check, State.WARNING, sentence, fix)


def wrong(check: str, sentence: str, fix: str) -> Finding:
    """Return something without which the bot does not work."""
    return Finding(check, State.WRONG, sentence, fix)


def not_tried(check: str, reason: str) -> Finding:
    """Return that a check was left out; `reason` goes on after "since"."""
    return Finding(check, State.SKIPPED, f"{check}: not tried, since {reason}.")


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, by what they are about, in the order in which they are told."""

    groups: Mapping[str, tuple[Finding, ...]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return tuple(finding for group in self.groups.values() for finding in group)

    def count(self, state: State) -> int:
        """Return how many checks ended so."""
        return sum(finding.state is state for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0: nothing is wrong; 1: something is."""
        return 1 if self.count(State.WRONG) else 0

    @property
    def summary(self) -> str:
        """One line over everything."""
        to_mend, to_look_at = self.count(State.WRONG), self.count(State.WARNING)
        if not to_mend and not to_look_at:
            return f"All is well: {len(self.findings)} checks."
        mend = f"{to_mend} {'thing' if to_mend == 1 else 'things'} to mend"
        return f"{mend if to_mend else 'Nothing to mend'}, {to_look_at} to look at."

    def as_json(self) -> dict[str, list[dict[str, str | None]]]:
        """Return the report as plain JSON values."""
        return {
            group: [
                {"check": f.check, "state": f.state.value, "sentence": f.sentence, "fix": f.fix}
                for f in findings
            ]
            for group, findings in self.groups.items()
        }

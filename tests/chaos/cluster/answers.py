"""Whether every command was answered while a gateway lived: let in, or refused in words.

A command goes to all gateways, and Discord takes the first answer within 3 s. One gateway commits it; if that one is
killed or stopped before it could say so, the others cannot know, and the member sees Discord's own failure: that is the
one excuse, and such a request must cost nothing, which the judge of requests sees to. A gateway that is cut off from
the database lives: it has to say that it cannot serve.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chaos.campaign.judge import moment
from chaos.campaign.memory import Row
from chaos.cluster.timeline import DEAF, Timeline, Trouble
from veobot.sandbox.ledger import Entry

ANSWERED_WITHIN = timedelta(seconds=3)
"""Discord's own limit."""
NOBODY_WAITS_AFTER = timedelta(hours=24)
"""Commands that are dispatched so late are left alone."""

DISCORDS_FIRST_MS = 1_420_070_400_000
"""Snowflakes count from 2015 on."""


@dataclass(slots=True)
class Answers:
    """What became of the commands, by the ledger; those that nobody waits for are left out."""

    asked: int = 0
    accepted: int = 0
    refused: int = 0
    nobody_lived: int = 0
    """Not answered, and no gateway lived through the 3 s."""
    fell_with_it: int = 0
    """Not answered, since the gateway that had committed it was killed or stopped."""
    unanswered: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def look_at_answers(
    entries: Sequence[Entry], requests: Sequence[Row], timeline: Timeline, gateways: Collection[str]
) -> Answers:
    """Judge the answer to each command."""
    answers: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "acknowledged":
            answers.setdefault(entry.text("interaction_id"), []).append(entry)
    stored = {str(row["id"]) for row in requests}
    found = Answers()
    for entry in entries:
        if entry.kind == "interaction" and entry.at - _born(entry) < NOBODY_WAITS_AFTER:
            found.asked += 1
            own = answers.get(entry.text("id"), [])
            _judge(found, entry, own, timeline, gateways, stored=entry.text("id") in stored)
    return found


def _judge(
    found: Answers,
    command: Entry,
    answers: Sequence[Entry],
    timeline: Timeline,
    gateways: Collection[str],
    *,
    stored: bool,
) -> None:
    request_id, asked_at = command.text("id"), command.at
    if len(answers) > 1:
        found.twice.append(f"{request_id} was answered {len(answers)} times")
    if answers:
        refused = bool(answers[0].fields["ephemeral"])
        found.refused += refused
        found.accepted += not refused
        return
    until = asked_at + ANSWERED_WITHIN
    living = [name for name in gateways if timeline.is_well(name, asked_at, until, DEAF)]
    fallen = [
        span
        for span in timeline.during(gateways, asked_at, until, (Trouble.DOWN, Trouble.STOPPED))
        if span.since >= asked_at
    ]
    if not living:
        found.nobody_lived += 1
    elif stored and fallen:
        found.fell_with_it += 1
    else:
        kept = "is stored" if stored else "is not stored"
        found.unanswered.append(
            f"{request_id} was asked at {asked_at:%T} and never answered, though {', '.join(living)} lived; it {kept}"
        )


def _born(command: Entry) -> datetime:
    """Return when it was asked: its id says so."""
    return moment((int(command.text("id")) >> 22) + DISCORDS_FIRST_MS)

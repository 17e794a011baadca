"""What is kept no longer than it is needed, and what is never written down."""

from collections.abc import Iterator

from simulation.record import NEGATIVE_PROMPT, TOKEN_SECONDS, Record

from .evidence import Evidence

SWEEP_SECONDS = 60.0
LINK = "https://storage"
"""How every signed address begins."""


def a_closed_request_has_no_token(evidence: Evidence) -> Iterator[str]:
    """Erased in the commit that closes it."""
    for story in evidence.stories:
        for change in story.changes:
            if change.new is not None and change.new["closed_at"] is not None and change.new["has_token"]:
                yield f"Request {story.id} was closed with its token at {change.at:.3f}."
        if story.row is not None and story.row["closed_at"] is not None and story.row["interaction_token"]:
            yield f"The closed request {story.id} has a token in the end."


def a_dead_token_is_erased(evidence: Evidence) -> Iterator[str]:
    """Fifteen minutes after it was stored, and a sweep: who looks for dead ones sleeps until a new one can have died.

    Only where a process was up and running for two sweeps on end, and the database was there.
    """
    for story in evidence.stories:
        if not story.changes or story.changes[0].new is None or not story.changes[0].new["has_token"]:
            continue
        since = story.changes[0].at + TOKEN_SECONDS + evidence.clock_slack
        erased = (c.at for c in story.changes if c.new is None or not c.new["has_token"])
        until = next(erased, evidence.record.ended_at)
        if until <= since + 2 * SWEEP_SECONDS:
            continue
        for life in evidence.record.lives:
            for begin, end in evidence.stretches(life, since, until):
                if end - begin > 2 * SWEEP_SECONDS + 1 and not evidence.database_failed(begin, end):
                    yield (
                        f"Request {story.id} had its token until {until:.3f}, asked at {story.created_at:.3f}; "
                        f"life {life.number} was up from {begin:.3f} to {end:.3f}."
                    )


def no_secret_and_no_prompt_is_in_the_log(evidence: Evidence) -> Iterator[str]:
    """Neither a token, nor a prompt, nor a signed address, however deep in a field."""
    record = evidence.record
    needles = _needles(record)
    everything = repr([line.fields for line in record.log])
    if any(needle in everything for needle, _ in needles):
        for line in record.log:
            text = repr(line.fields)
            for needle, name in needles:
                if needle in text:
                    yield f"Life {line.life} logged {name} at {line.at:.3f}: {line.event}."
    for error in record.loop_errors:
        for needle, name in needles:
            if needle in error:
                yield f"An error that nobody retrieved holds {name}."


def no_secret_and_no_prompt_is_in_the_journal(evidence: Evidence) -> Iterator[str]:
    """Transitions and failures' details outlive the token, and are shown to the operator."""
    record = evidence.record
    needles = _needles(record)
    details = [row["detail"] for row in record.transitions] + [row["failure_detail"] for row in record.rows]
    everything = repr(details)
    for needle, name in needles:
        if needle in everything:
            yield f"The journal holds {name}."


def _needles(record: Record) -> list[tuple[str, str]]:
    """Return what must not be found, and how to name it without telling it."""
    needles = [(LINK, "a signed address"), (NEGATIVE_PROMPT, "a negative prompt")]
    for command in record.commands.values():
        needles.append((command.token, f"the token of request {command.request_id}"))
        # As `repr` writes it, which quotes line breaks and the like.
        needles.append((repr(command.prompt)[1:-1], f"the prompt of request {command.request_id}"))
    return needles

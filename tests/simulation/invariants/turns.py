"""Slots and turns: how many at once, and who comes first."""

from collections.abc import Iterator

from simulation.record import Life

from .evidence import OPEN, OUTCOMES, ROUNDING_SECONDS, Evidence, Intent, Row, Story, owner_of

TURN = frozenset({"check_reachable", "submit"})
"""A request that a process has made one of these calls for has had its turn there."""


def nothing_is_announced_while_all_slots_may_be_taken(evidence: Evidence) -> Iterator[str]:
    """By the rows: each submission that may be running, however unclear its fate, holds a slot until its deadline.

    Two processes at once each keep their own count, and are not judged.
    """
    if evidence.record.overlapping:
        return
    for story in evidence.stories:
        for intent in story.intents:
            if len(intent.others) >= evidence.settings.slots:
                yield (
                    f"Request {story.id} was submitted at {intent.at:.3f} while {list(intent.others)} "
                    f"might be running in {evidence.settings.slots} slots."
                )


def vertex_never_has_more_to_do_than_there_are_slots(evidence: Evidence) -> Iterator[str]:
    """By what Vertex is doing, as far as the bot still waits for it; two processes at once are not judged."""
    if evidence.record.overlapping:
        return
    for generation in evidence.record.generations:
        begun_at = generation.begun_at
        running = {
            other.request_id
            for other in evidence.record.generations
            if other.request_id != generation.request_id
            and other.landed_at < begun_at < other.ends_at
            and begun_at < (evidence.deadline_of(other) or 0.0) - evidence.clock_slack
            and not _over(evidence.story(other.request_id), begun_at)
        }
        if len(running) >= evidence.settings.slots:
            yield (
                f"Request {generation.request_id} was submitted at {begun_at:.3f} while Vertex worked on "
                f"{sorted(running)} in {evidence.settings.slots} slots."
            )


def _over(story: Story, at: float) -> bool:
    return story.outcome_at is not None and story.outcome_at <= at


def resumed_requests_start_before_new_ones(evidence: Evidence) -> Iterator[str]:
    """What a process claimed at its start comes before what it was asked later.

    Of the claimed ones only those count that still wait for a turn: neither at Vertex already, nor expired, nor held up
    by a call of their own that went wrong, or by a database that was away.
    """
    for intent, life, waiting in _first_turns(evidence):
        if intent.request_id not in life.resumed:
            for story in waiting:
                yield (
                    f"Life {life.number} submitted the new request {intent.request_id} at {intent.at:.3f}, "
                    f"before request {story.id} that it had resumed."
                )


def resumed_requests_start_oldest_first(evidence: Evidence) -> Iterator[str]:
    """Among what a process claimed at its start, age decides."""
    for intent, life, waiting in _first_turns(evidence):
        if intent.request_id in life.resumed:
            for story in waiting:
                yield (
                    f"Life {life.number} submitted request {intent.request_id} at {intent.at:.3f}, "
                    f"before the older request {story.id}."
                )


def _first_turns(evidence: Evidence) -> Iterator[tuple[Intent, Life, list[Story]]]:
    """Return each first submission of a request by a process, and which older ones it left waiting."""
    seen = set[tuple[int, int]]()
    intents = sorted((i for story in evidence.stories for i in story.intents), key=lambda i: i.at)
    for intent in intents:
        life = evidence.record.life(intent.life)
        if not life.resumed or (intent.life, intent.request_id) in seen:
            continue
        seen.add((intent.life, intent.request_id))
        asked_at = evidence.story(intent.request_id).created_at
        resumed = (evidence.story(request_id) for request_id in life.resumed)
        older = [
            story
            for story in resumed
            if story.created_at < asked_at - ROUNDING_SECONDS
            and _still_waits(evidence, story, life, intent.at)
        ]
        waiting = [story for story in older if not _looked_up(story, life, intent.at)]
        # One whose acknowledgement is being looked up keeps its slot meanwhile, in which no younger one may start.
        if len(older) + len(intent.others) + 1 > evidence.settings.slots:
            waiting = older
        if waiting:
            yield intent, life, waiting


def _looked_up(story: Story, life: Life, at: float) -> bool:
    return any(
        call.life == life.number and call.begun_at <= at for call in story.called("find_acknowledgement")
    )


def _still_waits(evidence: Evidence, story: Story, life: Life, at: float) -> bool:
    row = story.row_at(at)
    if row is None or row["status"] in OUTCOMES or _in_other_hands(evidence, str(row["owner"]), life, at):
        return False
    if row["status"] != "pending" or _has_open_submission(evidence, story.id, at):
        return False
    if at - story.created_at > evidence.settings.request_expiry - evidence.clock_slack:
        return False
    if any(call.life == life.number and call.name in TURN and call.begun_at <= at for call in story.calls):
        return False
    return not _held_up(evidence, story, life, at)


def _held_up(evidence: Evidence, story: Story, life: Life, at: float) -> bool:
    """Whether the world was in its way in this life; `prepare` belongs to no request that is known."""
    spoilt = (call for call in evidence.record.calls if call.fault and call.request_id in {story.id, 0})
    if any(call.life == life.number and call.begun_at <= at for call in spoilt):
        return True
    return evidence.database_failed(life.started_at, at)


def _in_other_hands(evidence: Evidence, owner: str, life: Life, at: float) -> bool:
    """Whether another process has it. One that had died before is none: what it left waits, claimed already or not."""
    if owner == owner_of(life.number):
        return False
    others = (other for other in evidence.record.lives if owner == owner_of(other.number))
    return any(other.number > life.number or other.alive(at) for other in others)


def _has_open_submission(evidence: Evidence, request_id: int, at: float) -> bool:
    states: dict[int, Row | None] = {}
    for change in evidence.record.changes:
        if change.at > at:
            break
        if change.table == "submissions" and change.row["request_id"] == request_id:
            attempt = change.row["attempt"]
            assert isinstance(attempt, int)
            states[attempt] = change.new
    return any(row is not None and row["state"] in OPEN for row in states.values())

"""What the rows may do, whoever writes: the promises of the store, seen from outside."""

from collections import Counter
from collections.abc import Iterator

from simulation.record import Change

from .evidence import (
    OUTCOMES,
    ROUNDING_SECONDS,
    Evidence,
    Row,
    owner_of,
    seconds,
    whole,
)

DECISIONS = (
    "status",
    "failure",
    "outcome_at",
    "delivery_route",
    "delivery_started_at",
    "outcome_message_id",
    "closed_at",
    "closure",
    "charged_micro_usd",
    "counts_toward_quota",
)
"""The columns that only the owner may change. The others are facts (placeholder, acknowledgement, token), or say whose
the request is."""

RETENTION_SECONDS = 86400.0

MOVES: dict[object, frozenset[str]] = {
    "pending": frozenset({"generating", *OUTCOMES}),
    "generating": OUTCOMES,
    "completed": frozenset({"failed"}),
}
"""Every move of a status that exists."""


def a_closed_row_never_changes(evidence: Evidence) -> Iterator[str]:
    """But for its deletion, which another invariant judges."""
    for story in evidence.stories:
        for change in story.changes:
            old, new = change.old, change.new
            if old is None or new is None or old["closed_at"] is None:
                continue
            columns = _changed(old, new)
            if columns:
                yield f"Life {change.life} changed {columns} of request {story.id} at {change.at:.3f}: it was closed."


def rows_are_deleted_only_when_closed_long_enough(evidence: Evidence) -> Iterator[str]:
    """A day."""
    for story in evidence.stories:
        for change in story.changes:
            if change.new is not None or change.old is None:
                continue
            closed_at = seconds(change.old, "closed_at")
            if closed_at is None:
                yield f"Life {change.life} deleted request {story.id} at {change.at:.3f}: it was not closed."
            elif change.at - closed_at < RETENTION_SECONDS - evidence.clock_slack:
                yield f"Life {change.life} deleted request {story.id} at {change.at:.3f}, closed at {closed_at:.3f}."


def an_operation_name_is_never_overwritten(evidence: Evidence) -> Iterator[str]:
    """Once known, for ever; the first stays."""
    for change in evidence.record.changes:
        if change.table != "submissions" or change.old is None or change.new is None:
            continue
        known, name = change.old["operation"], change.new["operation"]
        if known is not None and name != known:
            yield (
                f"Life {change.life} wrote {name} over {known} of request {change.row['request_id']} "
                f"at {change.at:.3f}."
            )


def only_the_owner_decides(evidence: Evidence) -> Iterator[str]:
    """No change of status, outcome, delivery, charge or closing by a process that the row does not belong to."""
    for story in evidence.stories:
        for change in story.changes:
            if change.old is None or change.new is None or change.old["owner"] == owner_of(change.life):
                continue
            decided = [column for column in DECISIONS if change.old[column] != change.new[column]]
            if decided:
                yield (
                    f"Life {change.life} decided {decided} of request {story.id} at {change.at:.3f}, "
                    f"which was {change.old['owner']}'s."
                )


def only_the_owner_announces_a_submission(evidence: Evidence) -> Iterator[str]:
    """The intent to pay is a decision too."""
    for story in evidence.stories:
        for intent in story.intents:
            owner = None if intent.request is None else intent.request["owner"]
            if owner != owner_of(intent.life):
                yield f"Life {intent.life} announced a submission of request {story.id} at {intent.at:.3f}: {owner}'s."


def only_a_pending_request_is_submitted(evidence: Evidence) -> Iterator[str]:
    """Not while it is at Vertex, and not once its outcome is known."""
    for story in evidence.stories:
        for intent in story.intents:
            status = None if intent.request is None else intent.request["status"]
            if status != "pending":
                yield f"Request {story.id} was {status} when a submission was announced at {intent.at:.3f}."


def epochs_rise_by_one_and_only_with_a_new_owner(evidence: Evidence) -> Iterator[str]:
    """An epoch is the count of owners."""
    for story in evidence.stories:
        for change in story.changes:
            old, new = change.old, change.new
            if new is None:
                continue
            if old is None:
                if new["epoch"] != 1 or new["owner"] != owner_of(change.life):
                    yield f"Request {story.id} began with epoch {new['epoch']} as {new['owner']}'s."
                continue
            rise, moved = whole(new, "epoch") - whole(old, "epoch"), new["owner"] != old["owner"]
            if (rise, moved) not in {(0, False), (1, True)}:
                yield (
                    f"Request {story.id} went from epoch {old['epoch']} ({old['owner']}) to {new['epoch']} "
                    f"({new['owner']}) at {change.at:.3f}."
                )


def an_owner_claims_for_itself(evidence: Evidence) -> Iterator[str]:
    """Nobody gives a request to another."""
    for story in evidence.stories:
        for change in story.changes:
            if change.old is None or change.new is None or change.old["owner"] == change.new["owner"]:
                continue
            if change.new["owner"] != owner_of(change.life):
                yield f"Life {change.life} gave request {story.id} to {change.new['owner']} at {change.at:.3f}."


def a_status_moves_only_forward(evidence: Evidence) -> Iterator[str]:
    """As in the drawing of a request's life; a finished video fails only if it is lost or cannot be delivered."""
    for story in evidence.stories:
        for change in story.changes:
            if change.new is None:
                continue
            new = change.new["status"]
            if change.old is None:
                if new != "pending":
                    yield f"Request {story.id} began {new}."
                continue
            old = change.old["status"]
            if old == new:
                continue
            late = old == "completed" and change.new["failure"] not in {"unreachable", "video_lost"}
            if new not in MOVES.get(old, frozenset()) or late:
                yield f"Request {story.id} moved from {old} to {new} ({change.new['failure']}) at {change.at:.3f}."


def an_outcome_is_recorded_before_it_is_told(evidence: Evidence) -> Iterator[str]:
    """Outcome and the way of its delivery are committed when the call to Discord is begun."""
    for story in evidence.stories:
        for call in story.called("edit_outcome", "post_outcome"):
            row = story.row_at(call.begun_at)
            if row is None or row["status"] not in OUTCOMES or row["delivery_route"] is None:
                says = (
                    "not there" if row is None else f"{row['status']}, its delivery {row['delivery_route']}"
                )
                yield f"Life {call.life} began {call.name} of request {story.id} at {call.begun_at:.3f}: it was {says}."


def every_row_is_what_the_member_asked(evidence: Evidence) -> Iterator[str]:
    """Member, channel, prompt and time are the command's."""
    for story in evidence.stories:
        row, command = story.row, story.command
        if row is None:
            continue
        if command is None:
            yield f"Request {story.id} was never asked for."
            continue
        asked = (command.user_id, command.channel_id, command.prompt)
        if (row["user_id"], row["channel_id"], row["prompt"]) != asked:
            yield f"Request {story.id} is not what its member asked for."
        elif abs((seconds(row, "created_at") or 0.0) - command.at) > ROUNDING_SECONDS:
            yield f"Request {story.id} was asked at {command.at:.3f}, and its row says otherwise."


def every_move_is_in_the_journal(evidence: Evidence) -> Iterator[str]:
    """Each change of a row has its transition, under the epoch that it was made in."""
    for story in evidence.stories:
        if story.deleted:
            continue
        written = Counter(story.events)
        moved = Counter[tuple[int, str]]()
        for change in story.changes:
            moved.update(_moves(change))
        for (epoch, event), count in moved.items():
            if event == "acknowledged":
                found = written[epoch, event] + written[epoch, "assumed acknowledged"]
            elif event == "outcome":
                found = written[epoch, event] + written[epoch, "closed"]
            else:
                found = written[epoch, event]
            if found < count:
                yield f"Request {story.id} moved {count} times ({event}, epoch {epoch}); the journal has {found}."


def _moves(change: Change) -> Iterator[tuple[int, str]]:
    """Return what the journal should say of this change."""
    old, new = change.old, change.new
    if new is None:
        return
    epoch = whole(new, "epoch")
    if old is None:
        yield epoch, "admitted"
        return
    if old["owner"] != new["owner"]:
        yield epoch, "claimed"
    if old["status"] != new["status"]:
        yield epoch, "generating" if new["status"] == "generating" else "outcome"
    if old["acknowledged_at"] is None and new["acknowledged_at"] is not None:
        yield epoch, "acknowledged"
    if old["delivery_route"] != new["delivery_route"]:
        yield epoch, "delivery begun"
    if old["outcome_message_id"] != new["outcome_message_id"]:
        yield epoch, "outcome posted"
    if old["closed_at"] is None and new["closed_at"] is not None:
        yield epoch, "closed"
    elif old["has_token"] and not new["has_token"]:
        yield epoch, "token erased"


def _changed(old: Row, new: Row) -> list[str]:
    return [column for column in old if old[column] != new[column]]

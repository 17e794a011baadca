"""What was promised to the member: an end in bounded time, told once, in the right place."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise

from simulation.record import TOKEN_SECONDS, Call, Content, Kind

from .evidence import LATE_SECONDS, Evidence, Story

WINDOW_SECONDS = 6.0
"""From when on the absence of an acknowledgement is final, and a second for the answer's way."""
BACKOFF_SECONDS = 600.0
"""The longest that a request waits between two tries."""


def _bound_seconds(evidence: Evidence) -> float:
    """Return how long a request may take once all is calm.

    It waits behind every other in `slots` lines. Each of those holds a slot for two windows at most (the lost answer,
    and the second submission), and for as long as a refused submission is repeated. Its own turn comes on top, and what
    is left of a back-off in which the calm found it.
    """
    waiting = -(-len(evidence.record.commands) // evidence.settings.slots)
    return (waiting + 1) * (2 * evidence.window + BACKOFF_SECONDS) + BACKOFF_SECONDS


def every_request_is_closed_in_bounded_time(evidence: Evidence) -> Iterator[str]:
    """Whatever was stored, acknowledged or not, comes to its end once nothing goes wrong any more."""
    calm_since = evidence.record.calm_since
    latest = calm_since + _bound_seconds(evidence)
    for story in evidence.stories:
        if story.row is not None and story.row["closed_at"] is None:
            yield (
                f"Request {story.id} is still {story.row['status']} at {evidence.record.ended_at:.3f}, "
                f"{evidence.record.ended_at - calm_since:.0f} s after all was calm."
            )
        elif story.closed_at is not None and story.closed_at > latest:
            yield (
                f"Request {story.id} was closed at {story.closed_at:.3f}; calm since {calm_since:.3f}, "
                f"it was due by {latest:.3f}."
            )


def no_acknowledged_request_disappears(evidence: Evidence) -> Iterator[str]:
    """Every acknowledged command has a row; what retention may delete is judged by an invariant of its own."""
    for story in evidence.stories:
        if story.promised and story.row is None and not story.deleted:
            assert story.command is not None
            yield f"Request {story.id} was acknowledged at {story.command.acknowledged_at}, and there is no row of it."


def nobody_is_told_that_a_command_was_accepted_before_it_is_committed(evidence: Evidence) -> Iterator[str]:
    """Commit, then acknowledge."""
    for story in evidence.stories:
        command = story.command
        if command is not None and story.promised and not command.acknowledged_committed:
            yield f"Request {story.id} was acknowledged at {command.acknowledged_at}, before its row was there."


def nobody_is_told_both_yes_and_no(evidence: Evidence) -> Iterator[str]:
    """A command that was accepted is not refused as well."""
    for story in evidence.stories:
        if story.promised and story.command is not None and story.command.refused_at is not None:
            yield (
                f"Request {story.id} was acknowledged at {story.command.acknowledged_at} and refused "
                f"({story.command.refusal}) at {story.command.refused_at}."
            )


def an_acknowledged_request_is_not_closed_as_unacknowledged(evidence: Evidence) -> Iterator[str]:
    """What the member was shown counts.

    Once the token is dead, a placeholder that was deleted is no different in the history from one that never was.
    """
    for story in evidence.stories:
        if story.closure != "unacknowledged" or not story.promised:
            continue
        assert story.command is not None
        deleted = any(m.is_placeholder and m.deleted_at is not None for m in story.messages)
        if deleted and not _looked_by_token(evidence, story, story.command.at):
            continue
        yield (
            f"Request {story.id} was acknowledged at {story.command.acknowledged_at}, "
            f"and closed as unacknowledged at {story.closed_at}."
        )


def _looked_by_token(evidence: Evidence, story: Story, asked_at: float) -> bool:
    """Whether Discord was asked while the token lived, long enough after the command to be sure, and it was kept."""
    if evidence.happened("token"):
        return False
    looks = (
        c.landed_at
        for c in story.called("find_acknowledgement")
        if c.end == "ok" and c.landed_at is not None and _could_be_kept(evidence, c)
    )
    return any(WINDOW_SECONDS < at - asked_at < TOKEN_SECONDS - evidence.clock_slack for at in looks)


def _could_be_kept(evidence: Evidence, call: Call) -> bool:
    """Whether there was a database when the answer came, and its process neither died nor was stopped just then."""
    assert call.landed_at is not None
    answered_at = call.answered_at or call.landed_at
    life = evidence.record.lives[call.life - 1]
    lived_on = life.ended_at is None or life.ended_at > answered_at
    stopped = any(begin <= answered_at <= end for begin, end in life.pauses)
    return lived_on and not stopped and not evidence.database_failed(call.landed_at, answered_at)


def a_request_that_was_to_be_cancelled_ends_as_cancelled(evidence: Evidence) -> Iterator[str]:
    """A wish that was recorded is kept: it is taken only while there is no outcome."""
    for story in evidence.stories:
        if story.cancelled_at is None or story.row is None or story.closed_at is None:
            continue
        if story.row["status"] != "cancelled":
            yield (
                f"Request {story.id} was to be cancelled at {story.cancelled_at:.3f}, "
                f"and is {story.row['status']}."
            )


def an_end_without_telling_has_its_reason(evidence: Evidence) -> Iterator[str]:
    """Undeliverable needs a channel or a message that Discord refused; withdrawn needs a deleted message."""
    for story in evidence.stories:
        if story.closure == "undeliverable":
            if not any(call.end in _PROOFS for call in story.calls):
                yield f"Request {story.id} was closed as undeliverable at {story.closed_at}, and Discord never refused."
        elif story.closure == "withdrawn" and all(m.deleted_at is None for m in story.messages):
            yield f"Request {story.id} was closed as withdrawn at {story.closed_at}, and nobody deleted a message."


_PROOFS = frozenset({"Unreachable", "TooLarge", "MessageRefused"})


def a_delivered_request_shows_its_outcome(evidence: Evidence) -> Iterator[str]:
    """A pointer is no outcome, and neither is an outcome that progress was written over.

    A message that a human deleted after it was told counts as told.
    """
    for story in evidence.stories:
        if story.closure != "delivered":
            continue
        if not any(message.says.kind is Kind.OUTCOME for message in story.messages):
            says = ", ".join(f"{m.id} says {m.says.kind}" for m in story.messages) or "there is no message"
            yield f"Request {story.id} was closed as delivered at {story.closed_at}, and no message says so: {says}."


def no_two_messages_show_an_outcome_at_the_same_time(evidence: Evidence) -> Iterator[str]:
    """One message carries the outcome, whatever the closure; one that was deleted makes room for another.

    Excused is a second one that nobody could know to be one: see `Evidence.sent_again_blindly`.
    """
    for story in evidence.stories:
        for one, other in combinations(story.outcomes(), 2):
            at_once = max(one[1], other[1]) < min(one[2], other[2])
            if at_once and not evidence.sent_again_blindly(one[0], other[0]):
                yield (
                    f"Request {story.id} has two outcomes: message {one[0].id} since {one[1]:.3f} "
                    f"and message {other[0].id} since {other[1]:.3f}."
                )


def a_request_has_one_new_message_at_most(evidence: Evidence) -> Iterator[str]:
    """Beside the placeholder there is one message, unless a human deleted the first before the second came.

    Excused is a second one that nobody could know to be one: see `Evidence.sent_again_blindly`.
    """
    for story in evidence.stories:
        posts = sorted((m for m in story.messages if not m.is_placeholder), key=lambda m: m.at)
        for first, second in pairwise(posts):
            gone = first.deleted_at is not None and first.deleted_at <= second.at
            if not gone and not evidence.sent_again_blindly(first, second):
                yield (
                    f"Request {story.id} has message {first.id} of {first.at:.3f} "
                    f"and message {second.id} of {second.at:.3f}, {second.at - first.at:.0f} s later."
                )


def a_request_has_one_placeholder_at_most(evidence: Evidence) -> Iterator[str]:
    """A command is acknowledged once."""
    for story in evidence.stories:
        placeholders = [m.id for m in story.messages if m.is_placeholder]
        if len(placeholders) > 1:
            yield f"Request {story.id} has the placeholders {placeholders}."


def no_placeholder_of_a_told_request_still_shows_progress(evidence: Evidence) -> Iterator[str]:
    """Once told by a new message, the placeholder points to it.

    The pointer is best effort: three tries of one process that failed are enough, or one that was refused for good, and
    so is a placeholder that the row does not know of.
    """
    for story in evidence.stories:
        if story.closure != "delivered" or story.row is None:
            continue
        for message in story.messages:
            if not message.is_placeholder or message.deleted_at is not None:
                continue
            if message.says.kind is not Kind.PROGRESS or story.row["placeholder_id"] != message.id:
                continue
            if _pointed_in_vain(story):
                continue
            if not _landed_beyond_all_patience(story, message.contents[-1][0]):
                yield (
                    f"The placeholder {message.id} of request {story.id} still shows progress, "
                    f"written at {message.contents[-1][0]:.3f}; closed at {story.closed_at}."
                )


POINTER_TRIES = 3
_FOR_NOW = frozenset({"Retryable", "Ambiguous", "OperatorNeeded", "RuntimeError"})
"""How a call ends that may go well another time."""


def _pointed_in_vain(story: Story) -> bool:
    ends = [(call.life, call.end) for call in story.called("point_to_outcome") if call.end not in {"", "ok"}]
    tries = Counter(life for life, end in ends if end in _FOR_NOW)
    return any(end not in _FOR_NOW for _, end in ends) or max(tries.values(), default=0) >= POINTER_TRIES


def progress_never_overwrites_an_outcome(evidence: Evidence) -> Iterator[str]:
    """What a message says at the end: no progress, if it ever said the outcome.

    An edit that takes effect later than the design reckons with, long after its caller gave up, is not judged; nor is
    one that nobody could write over any more, since the channel was closed when somebody came to it.
    """
    for story in evidence.stories:
        if story.closure == "undeliverable":
            continue
        for message, since, _ in story.outcomes():
            written_at, content = message.contents[-1]
            if content.kind is not Kind.PROGRESS or message.deleted_at is not None:
                continue
            if not _landed_beyond_all_patience(story, written_at):
                yield (
                    f"Message {message.id} of request {story.id} said its outcome at {since:.3f}, "
                    f"and progress was written over it at {written_at:.3f}."
                )


def _landed_beyond_all_patience(story: Story, at: float) -> bool:
    """Whether what took effect at this moment was given up long before."""
    return any(
        call.landed_at == at and call.answered_at is not None and at > call.answered_at + LATE_SECONDS
        for call in story.called("show_progress")
    )


def what_the_member_sees_does_not_change_after_closing(evidence: Evidence) -> Iterator[str]:
    """But for the same outcome once more, or a pointer to it."""
    for story in evidence.stories:
        closed_at = story.closed_at
        if closed_at is None or story.closure == "unacknowledged":
            continue
        for message in story.messages:
            before: Content | None = None
            for at, content in message.contents:
                beyond = _landed_beyond_all_patience(story, at)
                if at > closed_at and not _same(before, content) and not beyond:
                    yield (
                        f"Request {story.id} was closed at {closed_at:.3f}, and message {message.id} "
                        f"changed to {content.kind} at {at:.3f}."
                    )
                if content.kind is Kind.OUTCOME:
                    before = content


def _same(before: Content | None, content: Content) -> bool:
    if content.kind is Kind.POINTER:
        return True
    # An outcome whose answer was lost may still land after it was proven that nobody can be told.
    if content.kind is not Kind.OUTCOME:
        return False
    return before is None or (before.failure, before.video) == (content.failure, content.video)

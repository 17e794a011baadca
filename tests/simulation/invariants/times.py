"""When things happen: no wait without end, nothing too late, nothing by a process that has no say any more."""

from collections.abc import Iterator

from simulation.record import TOKEN_SECONDS

from .evidence import LATE_SECONDS, Evidence, Story, owner_of

LOOK_SECONDS = 90.0
"""A poll and a look in the bucket, each of which may take its time, and a progress edit."""

WRITES = frozenset(
    {
        "submit",
        "show_progress",
        "edit_outcome",
        "repeat_outcome_text",
        "post_outcome",
        "point_to_outcome",
    }
)
"""The calls that change something in the world."""


def nobody_waits_longer_than_the_deadline(evidence: Evidence) -> Iterator[str]:
    """Where Vertex never ends, the bot does: at its deadline, by its next look.

    Only the time counts in which the owner was there to look. Calls that went wrong since shortly before the deadline,
    and a database that was away, make this a question for another invariant.
    """
    allowance = evidence.settings.poll_interval + LOOK_SECONDS + evidence.clock_slack
    for story in evidence.stories:
        before = story.before_outcome
        if story.outcome_at is None or before is None or before["status"] != "generating":
            continue
        deadline = max(
            (evidence.deadline(s, _intended(story, n)) for n, s in story.submissions.items()), default=0.0
        )
        if story.outcome_at <= deadline + allowance or _disturbed(evidence, story, deadline - LOOK_SECONDS):
            continue
        for life in evidence.record.lives:
            if before["owner"] != owner_of(life.number):
                continue
            for begin, end in evidence.stretches(life, deadline, story.outcome_at):
                if end - begin > allowance:
                    yield (
                        f"Request {story.id} was due at {deadline:.3f}; life {life.number} was up from {begin:.3f}, "
                        f"and its outcome came at {story.outcome_at:.3f}."
                    )


def _intended(story: Story, attempt: int) -> float:
    return max((i.at for i in story.intents if i.attempt == attempt), default=0.0)


def _disturbed(evidence: Evidence, story: Story, since: float) -> bool:
    until = evidence.record.ended_at if story.outcome_at is None else story.outcome_at
    if any(call.fault and since <= call.begun_at <= until for call in story.calls):
        return True
    return evidence.database_failed(since, until)


def an_expired_request_is_not_submitted(evidence: Evidence) -> Iterator[str]:
    """A day-old request is not worth its money. Between the look at its age and the submission lie two calls."""
    latest = evidence.settings.request_expiry + LOOK_SECONDS + evidence.clock_slack
    for story in evidence.stories:
        for call in story.called("submit"):
            age = call.begun_at - story.created_at
            if age > latest:
                yield f"Request {story.id} was submitted at {call.begun_at:.3f}, {age / 3600:.1f} h after it was asked."


def _paused_lately(evidence: Evidence, life: int, at: float) -> bool:
    """Whether a process was stopped between the look that allowed a submission and the submission itself."""
    pauses = evidence.record.life(life).pauses
    return any(begin < at and woken > at - LOOK_SECONDS for begin, woken in pauses)


def a_resumed_request_is_submitted_only_where_it_can_be_told(evidence: Evidence) -> Iterator[str]:
    """After a restart, or with a dead token, the channel is asked for before each submission.

    What Discord proves to be closed is not paid for; any other answer proves nothing.
    """
    for story in evidence.stories:
        asked: dict[int, str] = {}
        for call in story.calls:
            if call.name == "check_reachable":
                asked[call.life] = call.end
            elif call.name == "submit":
                last = asked.pop(call.life, None)
                resumed = (call.row_epoch or 1) > 1
                dead = call.begun_at - story.created_at > TOKEN_SECONDS + LOOK_SECONDS
                dead = dead and not _paused_lately(evidence, call.life, call.begun_at)
                if last == "Unreachable":
                    yield f"Request {story.id} was submitted at {call.begun_at:.3f}, its channel known to be closed."
                elif last is None and (resumed or dead) and call.row_owner == call.owner:
                    yield (
                        f"Request {story.id} was submitted at {call.begun_at:.3f} by life {call.life} "
                        "without a look whether it can be told."
                    )


def a_stale_owner_begins_nothing(evidence: Evidence) -> Iterator[str]:
    """A call that changes the world is begun by the row's owner, or by one who was it until a moment ago."""
    for story in evidence.stories:
        for call in story.calls:
            if call.name not in WRITES or call.row_owner == call.owner:
                continue
            if call.row_owner is None:
                yield f"Life {call.life} began {call.name} of request {story.id} at {call.begun_at:.3f}: it has no row."
            elif call.begun_at - call.row_owned_since > LATE_SECONDS:
                yield (
                    f"Life {call.life} began {call.name} for request {story.id} at {call.begun_at:.3f}, "
                    f"which is {call.row_owner}'s since {call.row_owned_since:.3f}."
                )


def nothing_is_begun_for_a_closed_request(evidence: Evidence) -> Iterator[str]:
    """Closed is closed; another process may have closed it a moment ago."""
    for story in evidence.stories:
        if story.closed_at is None:
            continue
        for call in story.calls:
            unaware = 0.0 if call.life == story.closed_by else LATE_SECONDS
            if call.name in WRITES and call.begun_at > story.closed_at + unaware:
                yield (
                    f"Life {call.life} began {call.name} for request {story.id} at {call.begun_at:.3f}, "
                    f"closed since {story.closed_at:.3f}."
                )


def a_process_that_was_told_to_stop_submits_nothing(evidence: Evidence) -> Iterator[str]:
    """After SIGTERM no submission is begun."""
    for story in evidence.stories:
        for call in story.called("submit"):
            stopping_at = evidence.record.life(call.life).stopping_at
            if stopping_at is not None and call.begun_at > stopping_at:
                yield (
                    f"Life {call.life} was told to stop at {stopping_at:.3f}, and submitted request {story.id} "
                    f"at {call.begun_at:.3f}."
                )


def a_process_that_was_told_to_stop_leaves_within_five_seconds(evidence: Evidence) -> Iterator[str]:
    """Supervisors kill after 5 s at the earliest. A stopped clock (a pause) does not count."""
    for life in evidence.record.lives:
        if life.stopping_at is None:
            continue
        end = evidence.record.ended_at if life.ended_at is None else life.ended_at
        paused = sum(max(0.0, min(woken, end) - max(begin, life.stopping_at)) for begin, woken in life.pauses)
        if end - life.stopping_at - paused > LEAVE_SECONDS:
            yield f"Life {life.number} was told to stop at {life.stopping_at:.3f}, and was there until {end:.3f}."


LEAVE_SECONDS = 5.0

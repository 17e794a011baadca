"""What the messages say: to the right member, in the right place, and the truth."""

from collections.abc import Callable, Iterator, Mapping

from simulation.record import LOST_AFTER_SECONDS, MADE, Content, Generation, Kind, Result

from .evidence import Evidence, Story

PATIENCE_SECONDS = 600.0
"""How long a refused submission is repeated before its member is told."""
LOST = "video_lost"
"""The failure of a video that was made, and is not in the bucket any more."""
CRASHES = 3
"""Unexpected errors of one request before it is given up."""


def every_message_is_in_the_channel_of_its_command(evidence: Evidence) -> Iterator[str]:
    """Where the member typed it."""
    for story in evidence.stories:
        for message in story.messages:
            if story.command is not None and message.channel_id != story.command.channel_id:
                yield (
                    f"Message {message.id} of request {story.id} is in channel {message.channel_id}, "
                    f"and was asked for in {story.command.channel_id}."
                )


def every_message_is_to_the_member_who_asked(evidence: Evidence) -> Iterator[str]:
    """Nobody else is answered or mentioned."""
    for story in evidence.stories:
        for message in story.messages:
            if story.command is not None and message.user_id != story.command.user_id:
                yield (
                    f"Message {message.id} of request {story.id} is to {message.user_id}, "
                    f"and {story.command.user_id} asked."
                )


def every_message_speaks_of_its_own_request_and_prompt(evidence: Evidence) -> Iterator[str]:
    """What it says, at any time, is about the command that it answers."""
    for story in evidence.stories:
        for message in story.messages:
            for at, content in message.contents:
                if content.request_id != story.id:
                    yield f"Message {message.id} of request {story.id} spoke of {content.request_id} at {at:.3f}."
                elif story.command is not None and content.prompt != story.command.prompt:
                    yield f"Message {message.id} of request {story.id} showed another prompt at {at:.3f}."


def every_video_shown_was_made_for_this_request(evidence: Evidence) -> Iterator[str]:
    """From a submission of its own, of its own prompt, finished by then."""
    for story in evidence.stories:
        for message in story.messages:
            for at, content in message.contents:
                if content.kind is not Kind.OUTCOME or content.video is None:
                    continue
                if not any(_made(generation, content, story, at) for generation in story.generations):
                    yield f"Message {message.id} of request {story.id} showed {content.video} at {at:.3f}, not its own."


def _made(generation: Generation, content: Content, story: Story, at: float) -> bool:
    return (
        generation.prefix == content.video
        and generation.result in MADE
        and generation.ends_at <= at
        and (story.command is None or generation.prompt == story.command.prompt)
    )


def an_outcome_says_what_the_row_says(evidence: Evidence) -> Iterator[str]:
    """Completed is a video, anything else its reason. What is undeliverable may have been told before it was proven.

    Excused is a message that nobody could know of when another was sent.
    """
    for story in evidence.stories:
        row = story.row
        if row is None or row["closure"] != "delivered":
            continue
        for message in story.messages:
            content = message.says
            if content.kind is not Kind.OUTCOME or evidence.unknown_to_the_bot(message):
                continue
            shows_video = content.video is not None and content.failure is None
            if shows_video != (row["status"] == "completed") or content.failure != row["failure"]:
                yield (
                    f"Message {message.id} says {content.failure or content.video or 'nothing'}, "
                    f"and request {story.id} is {row['status']} ({row['failure']})."
                )


def an_outcome_once_told_stays_the_same(evidence: Evidence) -> Iterator[str]:
    """A member told of one end is not told of another, not even where the bucket has lost the video meanwhile.

    But a link to it opens nothing any more: whoever has no more than that is told. And of a message that nobody could
    know of when another was sent nobody knew what it says.
    """
    for story in evidence.stories:
        outcomes = [
            content
            for message in story.messages
            for _, content in message.contents
            if content.kind is Kind.OUTCOME and not evidence.unknown_to_the_bot(message)
        ]
        lost = any(content.failure == LOST for content in outcomes)
        told = {(content.failure, content.video) for content in outcomes if not (lost and content.link)}
        if len(told) > 1:
            said = ", ".join(sorted(str(failure or video) for failure, video in told))
            yield f"Request {story.id} was told different outcomes: {said}."


def a_finished_video_reaches_its_member(evidence: Evidence) -> Iterator[str]:
    """What was paid and ready before its deadline is shown, in a message that is there or that a human deleted.

    Excused are: nobody wanted it any more; nobody could be told or was promised anything; the day had passed; the
    bucket lost it, half a minute after it was made; an operation that Vertex forgot while it was still at work; Vertex
    and the bucket could not be asked for an hour past the deadline; and the adapters fell over unexpected answers until
    the request was given up.
    """
    for story in evidence.stories:
        if story.row is None or story.closure != "delivered" or story.cancelled_at is not None:
            continue
        shown = any(m.says.kind is Kind.OUTCOME and m.says.video is not None for m in story.messages)
        if shown:
            continue
        for generation in story.generations:
            if generation.result in MADE and not _excused(evidence, story, generation):
                yield (
                    f"The video of request {story.id} under {generation.prefix} was ready at "
                    f"{generation.ends_at:.3f}, and the outcome of {story.outcome_at} is {story.failure}."
                )


def _excused(evidence: Evidence, story: Story, generation: Generation) -> bool:
    deadline = evidence.deadline_of(generation)
    outcome_at = float("inf") if story.outcome_at is None else story.outcome_at
    if deadline is None or generation.ends_at > deadline - evidence.clock_slack:
        return True
    if generation.ends_at - story.created_at > evidence.settings.request_expiry - evidence.clock_slack:
        return True
    if generation.lost and (story.closed_at or 0.0) > generation.ends_at + LOST_AFTER_SECONDS:
        return True
    if generation.result is Result.FORGOTTEN and outcome_at < generation.ends_at:
        return True
    if story.failure == "internal" and _broken(evidence, story) >= CRASHES:
        return True
    asked_in_vain = any(
        call.fault and outcome_at - LATE_LOOK_SECONDS < call.begun_at <= outcome_at
        for call in story.called("poll", "find", "stat")
    )
    return asked_in_vain and outcome_at >= deadline + LAST_LOOK_SECONDS - evidence.clock_slack


LAST_LOOK_SECONDS = 3600.0
LATE_LOOK_SECONDS = 120.0
"""The last look at a submission, and what it takes to be answered."""


def _broken(evidence: Evidence, story: Story) -> int:
    """Return how often an adapter fell over; `prepare` belongs to no request that is known."""
    prepared = sum(call.name == "prepare" and call.fault == "broken" for call in evidence.record.calls)
    return prepared + sum(call.fault == "broken" for call in story.calls)


def a_failure_is_told_only_where_it_happened(evidence: Evidence) -> Iterator[str]:
    """The reason on the row is one that the world gave."""
    for story in evidence.stories:
        failure = story.failure
        if failure is None:
            continue
        happened = _EVIDENCE.get(str(failure))
        if happened is None or not happened(evidence, story):
            yield f"Request {story.id} failed with {failure} at {story.outcome_at}, and nothing in the world says so."


def _ended(*ends: str) -> Callable[[Evidence, Story], bool]:
    return lambda _, story: any(call.end in ends for call in story.calls)


def _made_by_vertex(*results: Result) -> Callable[[Evidence, Story], bool]:
    return lambda _, story: any(generation.result in results for generation in story.generations)


def _refused_for_long(evidence: Evidence, story: Story) -> bool:
    """Whether Vertex was asked in vain for as long as one should; `prepare` belongs to no request that is known."""
    refused = any(
        call.end == "Retryable" and call.name in {"prepare", "submit"} for call in evidence.record.calls
    )
    age = (story.outcome_at or 0.0) - story.created_at
    return refused and age >= PATIENCE_SECONDS - evidence.clock_slack


def _expired(evidence: Evidence, story: Story) -> bool:
    age = (story.outcome_at or 0.0) - story.created_at
    return age >= evidence.settings.request_expiry - evidence.clock_slack


def _deadline_passed(evidence: Evidence, story: Story) -> bool:
    """Whether each submission had its time, or Vertex had forgotten it."""
    outcome_at = story.outcome_at or 0.0
    return bool(story.generations) and all(
        generation.result is Result.FORGOTTEN
        or (deadline := evidence.deadline_of(generation)) is None
        or outcome_at >= deadline - evidence.clock_slack
        or generation.ends_at <= outcome_at
        for generation in story.generations
    )


_EVIDENCE: Mapping[str, Callable[[Evidence, Story], bool]] = {
    "expired": _expired,
    "unreachable": _ended("Unreachable", "TooLarge", "MessageRefused"),
    "filtered": _made_by_vertex(Result.FILTERED),
    "provider_error": lambda evidence, story: (
        _made_by_vertex(Result.FAILED)(evidence, story) or _refused_for_long(evidence, story)
    ),
    "provider_busy": _refused_for_long,
    "provider_unavailable": _refused_for_long,
    "rejected": _ended("SubmissionRefused"),
    "no_video": lambda evidence, story: (
        _made_by_vertex(Result.EMPTY)(evidence, story) or any(made.lost for made in story.generations)
    ),
    "timed_out": _deadline_passed,
    "lost_at_restart": _deadline_passed,
    "answer_lost": lambda _, story: len({intent.attempt for intent in story.intents}) > 1,
    "video_lost": _ended("VideoMissing"),
    "internal": lambda evidence, story: _broken(evidence, story) >= CRASHES,
}

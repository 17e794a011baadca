"""Money: what is asked of Vertex, how often, and what it is counted as."""

from collections import Counter
from collections.abc import Iterator

from simulation.record import LOST_AFTER_SECONDS, MADE, NEGATIVE_PROMPT, TOKEN_SECONDS, Generation, Result

from .evidence import ROUNDING_SECONDS, Evidence, Story, epoch_milliseconds, whole

DAY_SECONDS = 86400.0
FREE = frozenset({"refused", "failed"})
"""The states of a submission that Google surely charges nothing for."""


def a_request_is_submitted_twice_at_most(evidence: Evidence) -> Iterator[str]:
    """A second submission is the last: by the rows, and by Vertex's own count."""
    for story in evidence.stories:
        attempts = {intent.attempt for intent in story.intents}
        if len(attempts) > 2 or len(story.generations) > 2:
            yield (
                f"Request {story.id} has the attempts {sorted(attempts)}, "
                f"and Vertex accepted {len(story.generations)} submissions."
            )


def every_submission_has_a_prefix_of_its_own(evidence: Evidence) -> Iterator[str]:
    """Vertex accepts one submission under a prefix: a second would be paid twice and told apart by nobody."""
    prefixes = Counter(generation.prefix for generation in evidence.record.generations)
    for prefix, count in prefixes.items():
        if count > 1:
            yield f"Vertex accepted {count} submissions under {prefix}."


def a_second_submission_waits_for_the_first_ones_deadline(evidence: Evidence) -> Iterator[str]:
    """It follows a first one whose answer was lost, after its time to appear is over."""
    for story in evidence.stories:
        for intent in story.intents:
            if intent.attempt == 1:
                continue
            first = intent.first
            if first is None or first["state"] != "intended":
                state = None if first is None else first["state"]
                yield f"Request {story.id} was submitted again at {intent.at:.3f}, its first submission being {state}."
            elif intent.at < intent.first_intended_at + evidence.window - evidence.clock_slack:
                yield (
                    f"Request {story.id} was submitted again at {intent.at:.3f}, only "
                    f"{intent.at - intent.first_intended_at:.0f} s after its first submission was announced."
                )


def a_second_submission_follows_a_look_that_found_nothing(evidence: Evidence) -> Iterator[str]:
    """The process that submits again has looked in the first one's prefix after its deadline, and it was empty.

    What lies there counts as nothing where it has no bytes, or where the bucket has lost it.
    """
    for story in evidence.stories:
        for intent in story.intents:
            if intent.attempt == 1:
                continue
            looks = [
                call.begun_at
                for call in story.called("find")
                if call.life == intent.life and call.end == "ok" and call.begun_at <= intent.at
            ]
            due = intent.first_intended_at + evidence.window - evidence.clock_slack
            if not looks or looks[-1] < due:
                yield f"Request {story.id} was submitted again at {intent.at:.3f}; nobody had looked since {due:.3f}."
            elif (first := _usable(story, 1)) is not None and _lies_there(first, looks[-1]):
                yield (
                    f"Request {story.id} was submitted again at {intent.at:.3f}, its first video being there "
                    f"since {first.ends_at:.3f}."
                )


def _usable(story: Story, attempt: int) -> Generation | None:
    made = (g for g in story.generations if g.attempt == attempt)
    return next((g for g in made if g.result in MADE), None)


def _lies_there(generation: Generation, at: float) -> bool:
    lost = generation.lost and at > generation.ends_at + LOST_AFTER_SECONDS
    return generation.ends_at < at - ROUNDING_SECONDS and not lost


def no_video_is_paid_twice(evidence: Evidence) -> Iterator[str]:
    """Two videos of one request are charged only if the first appeared after its deadline.

    An empty file, and one that the bucket lost before anybody looked, cannot be adopted.
    """
    for story in evidence.stories:
        paid = [g for g in story.generations if g.paid(evidence.record.ended_at)]
        if len(paid) < 2:
            continue
        first = min(paid, key=lambda g: (g.attempt, g.landed_at))
        deadline = evidence.deadline_of(first)
        if first.result is Result.EMPTY or first.lost:
            continue
        if deadline is None or first.ends_at <= deadline - evidence.clock_slack:
            yield (
                f"Request {story.id} is paid {len(paid)} times; its first video under {first.prefix} "
                f"was there at {first.ends_at:.3f}, its deadline was {deadline}."
            )


def every_submission_is_announced_first(evidence: Evidence) -> Iterator[str]:
    """Each call that Vertex may charge for follows a commit of its own, by the process that makes it."""
    for story in evidence.stories:
        calls = Counter[int]()
        for call in story.called("submit"):
            calls[call.life] += 1
            announced = sum(i.life == call.life and i.at <= call.begun_at for i in story.intents)
            if announced < calls[call.life]:
                yield f"Life {call.life} submitted request {story.id} at {call.begun_at:.3f} without announcing it."


def every_submission_lands_where_it_was_announced(evidence: Evidence) -> Iterator[str]:
    """Attempt and prefix are those of the row, and the prompts are the member's."""
    for story in evidence.stories:
        for generation in story.generations:
            submission = story.submissions.get(generation.attempt)
            if not story.deleted and (submission is None or submission["prefix"] != generation.prefix):
                yield f"Vertex works for request {story.id} under {generation.prefix}, and no row says so."
            if story.command is not None and generation.prompt != story.command.prompt:
                yield f"Vertex works for request {story.id} on another prompt than the member's."
            if generation.negative_prompt != NEGATIVE_PROMPT:
                yield f"Vertex works for request {story.id} on another negative prompt than the member's."


def every_known_operation_is_the_one_that_vertex_runs(evidence: Evidence) -> Iterator[str]:
    """The name in a row is Vertex's, for this very submission."""
    for story in evidence.stories:
        names = {(g.attempt, g.operation) for g in story.generations}
        for attempt, submission in story.submissions.items():
            operation = submission["operation"]
            if operation is not None and (attempt, operation) not in names:
                yield f"Attempt {attempt} of request {story.id} has {operation}, which Vertex never gave it."


def no_paid_answer_is_thrown_away(evidence: Evidence) -> Iterator[str]:
    """Who gets an operation's name records it, under any epoch, if it lives on for a minute.

    A database that is away is tried again until the process leaves: that minute counts once it is back.
    """
    for story in evidence.stories:
        for call in story.called("submit"):
            if call.end != "ok" or call.answered_at is None:
                continue
            life = evidence.record.life(call.life)
            since = call.answered_at
            lived = any(
                end - begin > 60 and not evidence.database_failed(end - 60, end)
                for begin, end in evidence.stretches(life, since, since + DAY_SECONDS)
            )
            landed = [g for g in story.generations if g.begun_at == call.begun_at and g.life == call.life]
            if not lived or story.deleted:
                continue
            for generation in landed:
                submission = story.submissions.get(generation.attempt)
                if submission is None or submission["operation"] is None:
                    yield f"Life {call.life} learned {generation.operation} at {since:.3f}, and no row has a name."


def nothing_is_paid_for_a_command_that_was_not_acknowledged(evidence: Evidence) -> Iterator[str]:
    """Nothing was promised, so nothing is submitted; unless nobody could look it up."""
    for story in evidence.stories:
        if story.command is None or story.promised or _could_not_be_looked_up(evidence, story):
            continue
        for generation in story.generations:
            yield f"Request {story.id} was never acknowledged, and was submitted at {generation.begun_at:.3f}."


def nothing_is_shown_for_a_command_that_was_not_acknowledged(evidence: Evidence) -> Iterator[str]:
    """No message comes after a refusal, or after silence; unless nobody could look it up."""
    for story in evidence.stories:
        if story.command is None or story.promised or _could_not_be_looked_up(evidence, story):
            continue
        for message in story.messages:
            yield f"Request {story.id} was never acknowledged, and message {message.id} came at {message.at:.3f}."


def _could_not_be_looked_up(evidence: Evidence, story: Story) -> bool:
    """Whether neither token nor history could be read at the last look before the row said "acknowledged"."""
    command = story.command
    assumed_at = next((c.at for c in story.changes if c.new is not None and c.new["acknowledged_at"]), None)
    if command is None or assumed_at is None:
        return False
    looks = [
        call.landed_at
        for call in story.called("find_acknowledgement")
        if call.end == "ok" and call.landed_at is not None and call.landed_at <= assumed_at
    ]
    if not looks:
        return False
    dead_since = command.at + TOKEN_SECONDS - evidence.clock_slack
    if command.token_died_at is not None:
        dead_since = min(dead_since, command.token_died_at)
    closed = evidence.record.unreadable.get(command.channel_id, ())
    return looks[-1] >= dead_since and any(begin <= looks[-1] <= end for begin, end in closed)


def what_is_known_to_be_free_is_not_charged(evidence: Evidence) -> Iterator[str]:
    """A closed request costs nothing if each of its submissions was refused or failed, or if there was none."""
    for story in evidence.stories:
        if story.row is None or story.closed_at is None or not whole(story.row, "charged_micro_usd"):
            continue
        if all(submission["state"] in FREE for submission in story.submissions.values()):
            states = [str(s["state"]) for s in story.submissions.values()] or "none"
            yield (
                f"Request {story.id} is charged {story.row['charged_micro_usd']} micro-USD; its submissions: {states}."
            )


def every_paid_video_is_charged(evidence: Evidence) -> Iterator[str]:
    """The books hold at least the price of each video that Google made, shown or not."""
    price = evidence.settings.price_micro_usd
    for story in evidence.stories:
        if story.row is None or story.closed_at is None:
            continue
        paid = sum(g.paid(evidence.record.ended_at) for g in story.generations)
        if whole(story.row, "charged_micro_usd") < price * paid:
            yield f"Request {story.id} is charged {story.row['charged_micro_usd']} micro-USD for {paid} videos."


def no_more_is_charged_than_was_submitted(evidence: Evidence) -> Iterator[str]:
    """Each submission that may have been charged counts once, at its price."""
    price = evidence.settings.price_micro_usd
    for story in evidence.stories:
        if story.row is None or story.closed_at is None:
            continue
        charged = whole(story.row, "charged_micro_usd")
        if charged > price * len(story.submissions):
            yield f"Request {story.id} is charged {charged} micro-USD for {len(story.submissions)} submissions."


def a_failed_request_gives_its_quota_back_and_a_completed_one_does_not(evidence: Evidence) -> Iterator[str]:
    """No failure is the member's fault; but what they cancel counts, where Google may have made it all the same."""
    for story in evidence.stories:
        if story.row is None or story.closed_at is None:
            continue
        counts = bool(story.row["counts_toward_quota"])
        dropped = story.row["status"] == "cancelled" and any(
            submission["state"] not in FREE for submission in story.submissions.values()
        )
        if counts != (story.row["status"] == "completed" or dropped):
            says = "counts" if counts else "does not count"
            yield f"Request {story.id} is {story.row['status']} and {says} toward its member's quota."


def nothing_is_announced_for_what_nobody_wants_any_more(evidence: Evidence) -> Iterator[str]:
    """Once a wish to cancel is recorded, no submission follows, whoever carries the request."""
    for story in evidence.stories:
        wished_at = story.cancelled_at
        if wished_at is None:
            continue
        for intent in story.intents:
            if intent.at > wished_at:
                yield (
                    f"Request {story.id} was to be cancelled at {wished_at:.3f}, "
                    f"and its submission {intent.attempt} was announced at {intent.at:.3f}."
                )


def what_is_cancelled_before_it_starts_costs_nothing(evidence: Evidence) -> Iterator[str]:
    """Vertex never hears of it, and the money is given back."""
    for story in evidence.stories:
        wished_at = story.cancelled_at
        if wished_at is None or any(intent.at <= wished_at for intent in story.intents):
            continue
        if story.generations:
            yield f"Request {story.id} was to be cancelled at {wished_at:.3f}, and Vertex accepted it all the same."
        if story.closed_at is not None and story.row is not None and story.row["charged_micro_usd"]:
            yield f"Request {story.id} was cancelled before it started, and is charged for."


def no_member_has_more_requests_than_the_quota(evidence: Evidence) -> Iterator[str]:
    """In the 24 hours before each admission: that of a command that was hours old by then is given back at once."""
    counted: dict[int, tuple[int, int]] = {}
    day = int((DAY_SECONDS - evidence.clock_slack) * 1000)
    for change in evidence.record.changes:
        if change.table != "requests":
            continue
        request_id, new = whole(change.row, "id"), change.new
        if new is None or not new["counts_toward_quota"]:
            counted.pop(request_id, None)
            continue
        member, created_at = whole(new, "user_id"), whole(new, "created_at")
        counted[request_id] = (member, created_at)
        if change.old is not None:
            continue
        admitted_at = max(created_at, epoch_milliseconds(change.at))
        have = sum(who == member and at > admitted_at - day for who, at in counted.values())
        if have > evidence.settings.quota:
            yield f"Member {member} had {have} requests that count when {request_id} was admitted at {change.at:.3f}."

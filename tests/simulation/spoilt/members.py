"""What a member would complain about."""

from dataclasses import replace

from simulation.record import Kind, Record, Result

from .book import ONE, THREE, TWO, milliseconds, prefix
from .tools import (
    add_change,
    add_message,
    becomes,
    breaks,
    call_of,
    drop_changes,
    end_as,
    excuses,
    generation_of,
    say,
    say_otherwise,
)


@breaks("every_request_is_closed_in_bounded_time")
def is_never_closed(record: Record) -> None:
    end_as(record, ONE, closed_at=None, closure=None)


@breaks("every_request_is_closed_in_bounded_time")
def is_closed_too_late(record: Record) -> None:
    drop_changes(record, ONE, becomes(closure="delivered"))
    add_change(record, ONE, 200_000, 1, closed_at=milliseconds(200_000), closure="delivered", has_token=0)


@breaks("no_acknowledged_request_disappears")
def has_no_row(record: Record) -> None:
    record.rows = [row for row in record.rows if row["id"] != ONE]


@breaks("nobody_is_told_that_a_command_was_accepted_before_it_is_committed")
def was_acknowledged_first(record: Record) -> None:
    record.commands[ONE].acknowledged_committed = False


@breaks("nobody_is_told_both_yes_and_no")
def was_refused_too(record: Record) -> None:
    record.commands[ONE].refused_at = 12.0


@breaks("an_acknowledged_request_is_not_closed_as_unacknowledged")
def was_taken_for_unacknowledged(record: Record) -> None:
    end_as(record, ONE, closure="unacknowledged")


@breaks("an_end_without_telling_has_its_reason")
def was_called_undeliverable(record: Record) -> None:
    end_as(record, ONE, closure="undeliverable", status="failed", failure="unreachable")


@breaks("an_end_without_telling_has_its_reason")
def was_called_withdrawn(record: Record) -> None:
    end_as(record, ONE, closure="withdrawn")


@breaks(
    "a_delivered_request_shows_its_outcome",
    "no_placeholder_of_a_told_request_still_shows_progress",
    "a_finished_video_reaches_its_member",
)
def was_never_told(record: Record) -> None:
    record.messages[ONE + 8000].contents.pop()


@breaks("no_two_messages_show_an_outcome_at_the_same_time")
def was_told_twice(record: Record) -> None:
    add_message(record, ONE, 71)


@breaks("a_request_has_one_new_message_at_most")
def was_posted_twice(record: Record) -> None:
    first = add_message(record, ONE, 71)
    record.messages[1] = replace(first, id=1, at=72)


@breaks("a_request_has_one_placeholder_at_most")
def has_two_placeholders(record: Record) -> None:
    add_message(record, ONE, 20, Kind.PROGRESS).is_placeholder = True


@breaks("progress_never_overwrites_an_outcome", "what_the_member_sees_does_not_change_after_closing")
def was_overwritten(record: Record) -> None:
    say(record, ONE, 75, kind=Kind.PROGRESS, video=None)


@breaks("progress_never_overwrites_an_outcome")
def was_overwritten_by_an_edit_shortly_after_it_was_given_up(record: Record) -> None:
    say(record, ONE, 75, kind=Kind.PROGRESS, video=None)
    call = call_of(record, "edit_outcome", ONE)
    record.calls.append(
        replace(call, name="show_progress", begun_at=69, landed_at=75, answered_at=70.5, end="Ambiguous")
    )


@breaks("what_the_member_sees_does_not_change_after_closing", "an_outcome_once_told_stays_the_same")
def changed_after_closing(record: Record) -> None:
    say(record, ONE, 75, failure="internal", video=None)


@breaks("every_message_is_in_the_channel_of_its_command")
def is_in_another_channel(record: Record) -> None:
    record.messages[ONE + 8000].channel_id = 101


@breaks("every_message_is_to_the_member_who_asked")
def is_to_somebody_else(record: Record) -> None:
    record.messages[ONE + 8000].user_id = 501


@breaks("every_message_speaks_of_its_own_request_and_prompt")
def shows_another_prompt(record: Record) -> None:
    say_otherwise(record, ONE, prompt="prompt of 1001")


@breaks("every_message_speaks_of_its_own_request_and_prompt")
def speaks_of_another_request(record: Record) -> None:
    say_otherwise(record, ONE, request_id=TWO)


@breaks("every_video_shown_was_made_for_this_request")
def shows_anothers_video(record: Record) -> None:
    say_otherwise(record, ONE, video=prefix(TWO, 1))


@breaks("every_video_shown_was_made_for_this_request")
def shows_an_empty_file(record: Record) -> None:
    generation_of(record, ONE).result = Result.EMPTY


@breaks("every_video_shown_was_made_for_this_request")
def shows_a_video_before_it_is_ready(record: Record) -> None:
    generation_of(record, ONE).ends_at = 71.0


@breaks("an_outcome_says_what_the_row_says")
def says_something_else_than_the_row(record: Record) -> None:
    say_otherwise(record, ONE, failure="timed_out", video=None)


@breaks("a_finished_video_reaches_its_member", "a_failure_is_told_only_where_it_happened")
def is_failed_although_the_video_was_there(record: Record) -> None:
    say_otherwise(record, ONE, failure="filtered", video=None)
    end_as(record, ONE, status="failed", failure="filtered")


@breaks("a_failure_is_told_only_where_it_happened")
def has_a_failure_that_nobody_knows(record: Record) -> None:
    end_as(record, ONE, failure="no such failure")


@breaks("a_failure_is_told_only_where_it_happened")
def is_called_expired_when_young(record: Record) -> None:
    end_as(record, ONE, failure="expired")


@breaks("a_failure_is_told_only_where_it_happened")
def gave_up_before_its_patience_was_over(record: Record) -> None:
    end_as(record, ONE, failure="provider_busy")
    call_of(record, "submit", ONE).end = "Retryable"


@breaks("a_failure_is_told_only_where_it_happened")
def timed_out_before_its_deadline(record: Record) -> None:
    end_as(record, ONE, failure="timed_out")
    generation_of(record, ONE).ends_at = float("inf")


@breaks("an_outcome_once_told_stays_the_same")
def was_told_that_the_video_is_lost_once_it_was_shown(record: Record) -> None:
    say(record, ONE, 70.35, failure="video_lost", video=None)
    end_as(record, ONE, status="failed", failure="video_lost")


@breaks("no_placeholder_of_a_told_request_still_shows_progress")
def was_pointed_to_twice_in_vain(record: Record) -> None:
    was_never_told(record)
    add_message(record, ONE, 70.3)
    point = replace(call_of(record, "edit_outcome", ONE), name="point_to_outcome", end="Ambiguous")
    record.calls += [replace(point, begun_at=70.31), replace(point, begun_at=70.32)]


@excuses("no_placeholder_of_a_told_request_still_shows_progress")
def was_pointed_to_three_times_in_vain(record: Record) -> None:
    was_pointed_to_twice_in_vain(record)
    record.calls.append(replace(record.calls[-1], begun_at=70.33))


@excuses("no_placeholder_of_a_told_request_still_shows_progress")
def was_pointed_to_where_nothing_may_be_edited(record: Record) -> None:
    was_pointed_to_twice_in_vain(record)
    record.calls[-1].end = "Unreachable"


@excuses("an_acknowledged_request_is_not_closed_as_unacknowledged")
def was_deleted_before_the_look(record: Record) -> None:
    was_taken_for_unacknowledged(record)
    record.messages[ONE + 8000].deleted_at = 11


@excuses("no_two_messages_show_an_outcome_at_the_same_time", "a_request_has_one_new_message_at_most")
def was_told_again_after_it_was_deleted(record: Record) -> None:
    record.messages[ONE + 8000].deleted_at = 70.9
    first = add_message(record, ONE, 71)
    first.deleted_at = 72
    record.messages[1] = replace(first, id=1, at=73, contents=[(73, first.says)], deleted_at=None)


@excuses("a_finished_video_reaches_its_member", "a_failure_is_told_only_where_it_happened")
def appeared_after_its_deadline(record: Record) -> None:
    say_otherwise(record, THREE, failure="timed_out", video=None)
    end_as(record, THREE, status="timeout", failure="timed_out")
    generation_of(record, THREE, 2).ends_at = 2000
    drop_changes(record, THREE, lambda change: change.at > 800)
    add_change(record, THREE, 1400, 2, status="timeout")


@excuses("progress_never_overwrites_an_outcome", "what_the_member_sees_does_not_change_after_closing")
def was_overwritten_long_after_the_edit_was_given_up(record: Record) -> None:
    say(record, ONE, 90, kind=Kind.PROGRESS, video=None)
    call = call_of(record, "edit_outcome", ONE)
    record.calls.append(
        replace(call, name="show_progress", begun_at=60, landed_at=90, answered_at=65, end="Ambiguous")
    )

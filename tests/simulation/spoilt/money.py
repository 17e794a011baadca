"""Too late, too often, too dear, or before one's turn."""

from dataclasses import replace

from simulation.record import Record

from .book import DAY, ONE, PRICE, THREE, TWO, milliseconds, prefix
from .tools import (
    add_change,
    breaks,
    call_of,
    drop_changes,
    end_as,
    excuses,
    generation_of,
    log,
)


@breaks("nobody_waits_longer_than_the_deadline")
def waits_for_ever(record: Record) -> None:
    drop_changes(record, TWO, lambda change: change.at > 149)
    add_change(record, TWO, 1000, 2, status="timeout", outcome_at=milliseconds(1000))


@breaks("an_expired_request_is_not_submitted")
def is_submitted_when_old(record: Record) -> None:
    record.commands[ONE].at -= DAY + 600


@breaks("a_resumed_request_is_submitted_only_where_it_can_be_told")
def is_submitted_without_a_look(record: Record) -> None:
    record.calls.remove(call_of(record, "check_reachable", TWO))


@breaks("a_resumed_request_is_submitted_only_where_it_can_be_told")
def is_submitted_though_unreachable(record: Record) -> None:
    call_of(record, "check_reachable", TWO).end = "Unreachable"


@breaks("a_stale_owner_begins_nothing")
def was_begun_by_a_stale_owner(record: Record) -> None:
    call = call_of(record, "edit_outcome", ONE)
    call.row_owner, call.row_owned_since = "life-2", call.begun_at - 6


@breaks("a_stale_owner_begins_nothing")
def was_begun_without_a_row(record: Record) -> None:
    call_of(record, "edit_outcome", ONE).row_owner = None


@breaks("nothing_is_begun_for_a_closed_request")
def was_begun_after_closing(record: Record) -> None:
    record.calls.append(replace(call_of(record, "edit_outcome", ONE), begun_at=71))


@breaks("a_process_that_was_told_to_stop_submits_nothing")
def submits_while_stopping(record: Record) -> None:
    record.lives[0].stopping_at = 10.5


@breaks("a_process_that_was_told_to_stop_leaves_within_five_seconds")
def takes_its_time_to_leave(record: Record) -> None:
    record.lives[0].stopping_at = 75


@breaks("a_request_is_submitted_twice_at_most")
def is_submitted_three_times(record: Record) -> None:
    third = replace(generation_of(record, THREE, 2), attempt=3, prefix=prefix(THREE, 3))
    record.generations.append(third)


@breaks("every_submission_has_a_prefix_of_its_own", "no_video_is_paid_twice", "every_paid_video_is_charged")
def is_submitted_twice_under_one_prefix(record: Record) -> None:
    record.generations.append(replace(generation_of(record, ONE), operation="another", landed_at=12))


@breaks("a_second_submission_waits_for_the_first_ones_deadline")
def is_submitted_again_too_early(record: Record) -> None:
    for index, change in enumerate(record.changes):
        if change.table == "submissions" and change.row["attempt"] == 2:
            record.changes[index] = replace(change, at=700)


@breaks("a_second_submission_waits_for_the_first_ones_deadline")
def is_submitted_again_after_it_was_accepted(record: Record) -> None:
    first = next(
        i
        for i, c in enumerate(record.changes)
        if c.table == "submissions" and (c.row["request_id"], c.row["attempt"]) == (THREE, 1)
    )
    change = record.changes[first]
    assert change.new is not None
    accepted = {**change.new, "state": "accepted", "operation": "operations/1002-1-1"}
    record.changes.insert(first + 1, replace(change, old=change.new, new=accepted))


@breaks("a_second_submission_follows_a_look_that_found_nothing")
def is_submitted_again_without_a_look(record: Record) -> None:
    call_of(record, "find", THREE).begun_at = 700


@breaks("a_second_submission_follows_a_look_that_found_nothing", "no_video_is_paid_twice")
def is_submitted_again_though_the_video_was_there(record: Record) -> None:
    generation_of(record, THREE).ends_at = 700


@breaks("every_submission_is_announced_first")
def is_submitted_before_it_is_announced(record: Record) -> None:
    call_of(record, "submit", ONE).begun_at = 10.9


@breaks("every_submission_lands_where_it_was_announced")
def lands_under_another_prefix(record: Record) -> None:
    generation_of(record, ONE).prefix = "veo/elsewhere/"


@breaks("every_submission_lands_where_it_was_announced")
def is_made_from_another_prompt(record: Record) -> None:
    generation_of(record, ONE).prompt = "prompt of 1001"


@breaks("every_submission_lands_where_it_was_announced")
def is_made_without_the_negative_prompt(record: Record) -> None:
    generation_of(record, ONE).negative_prompt = ""


@breaks("every_known_operation_is_the_one_that_vertex_runs")
def has_a_name_that_vertex_never_gave(record: Record) -> None:
    generation_of(record, ONE).operation = "operations/another"


@breaks("no_paid_answer_is_thrown_away")
def forgot_the_name(record: Record) -> None:
    next(row for row in record.submission_rows if row["request_id"] == TWO)["operation"] = None


@breaks(
    "nothing_is_paid_for_a_command_that_was_not_acknowledged",
    "nothing_is_shown_for_a_command_that_was_not_acknowledged",
)
def was_never_acknowledged(record: Record) -> None:
    record.commands[ONE].acknowledged_at = None


@breaks("what_is_known_to_be_free_is_not_charged")
def is_charged_for_nothing(record: Record) -> None:
    next(row for row in record.submission_rows if row["request_id"] == ONE)["state"] = "failed"


@breaks("every_paid_video_is_charged")
def is_charged_too_little(record: Record) -> None:
    end_as(record, THREE, charged_micro_usd=PRICE)


@breaks("no_more_is_charged_than_was_submitted")
def is_charged_too_much(record: Record) -> None:
    end_as(record, ONE, charged_micro_usd=2 * PRICE)


@breaks("a_failed_request_gives_its_quota_back_and_a_completed_one_does_not")
def completed_for_free(record: Record) -> None:
    end_as(record, ONE, counts_toward_quota=0)


@breaks("a_failed_request_gives_its_quota_back_and_a_completed_one_does_not")
def failed_and_counts(record: Record) -> None:
    end_as(record, ONE, status="failed")


@breaks("no_member_has_more_requests_than_the_quota")
def is_over_the_quota(record: Record) -> None:
    record.settings = replace(record.settings, quota=2)


@breaks(
    "nothing_is_announced_while_all_slots_may_be_taken",
    "vertex_never_has_more_to_do_than_there_are_slots",
)
def had_no_slot(record: Record) -> None:
    record.settings = replace(record.settings, slots=1)


@breaks("resumed_requests_start_before_new_ones")
def came_before_a_resumed_one(record: Record) -> None:
    record.lives[1].resumed = (TWO,)
    for name in ("check_reachable", "submit"):
        record.calls.remove(call_of(record, name, TWO))
    drop_changes(record, TWO, lambda change: change.at > 91)


@breaks("resumed_requests_start_oldest_first")
def came_before_an_older_one(record: Record) -> None:
    for name in ("check_reachable", "submit"):
        record.calls.remove(call_of(record, name, TWO))
    drop_changes(record, TWO, lambda change: change.at > 91)


@excuses("a_stale_owner_begins_nothing")
def lost_its_row_a_moment_ago(record: Record) -> None:
    call = call_of(record, "edit_outcome", ONE)
    call.row_owner, call.row_owned_since = "life-2", call.begun_at - 4


@breaks(
    "nothing_is_paid_for_a_command_that_was_not_acknowledged",
    "nothing_is_shown_for_a_command_that_was_not_acknowledged",
)
def looked_up_with_a_live_token(record: Record) -> None:
    assumed_acknowledged(record)
    look = call_of(record, "edit_outcome", ONE)
    record.calls.append(replace(look, name="find_acknowledgement", begun_at=10.15, landed_at=10.25))
    record.unreadable[100] = [(5, 20)]


@breaks(
    "nothing_is_paid_for_a_command_that_was_not_acknowledged",
    "nothing_is_shown_for_a_command_that_was_not_acknowledged",
)
def assumed_acknowledged(record: Record) -> None:
    was_never_acknowledged(record)
    record.transitions.append(
        {"request_id": ONE, "at": 0, "epoch": 1, "event": "assumed acknowledged", "detail": ""}
    )


@excuses(
    "nothing_is_announced_while_all_slots_may_be_taken",
    "vertex_never_has_more_to_do_than_there_are_slots",
)
def ran_beside_another_process(record: Record) -> None:
    had_no_slot(record)
    record.overlapping = True


@excuses(
    "nothing_is_paid_for_a_command_that_was_not_acknowledged",
    "nothing_is_shown_for_a_command_that_was_not_acknowledged",
)
def could_not_be_looked_up(record: Record) -> None:
    looked_up_with_a_live_token(record)
    record.commands[ONE].token_died_at = 10.1


@breaks("resumed_requests_start_oldest_first")
def said_that_it_had_trouble(record: Record) -> None:
    came_before_an_older_one(record)
    log(record, 92, "request.retried", "warning", request_id=TWO)


@excuses("resumed_requests_start_oldest_first")
def was_held_up_by_trouble_of_its_own(record: Record) -> None:
    came_before_an_older_one(record)
    look = replace(call_of(record, "check_reachable", THREE), name="find_acknowledgement", request_id=TWO)
    record.calls.append(replace(look, fault="not_sent", end="Retryable"))


@excuses("resumed_requests_start_oldest_first")
def was_held_up_by_the_database(record: Record) -> None:
    came_before_an_older_one(record)
    record.database_away.append((91, 91))


@excuses("a_process_that_was_told_to_stop_leaves_within_five_seconds")
def was_paused_while_stopping(record: Record) -> None:
    takes_its_time_to_leave(record)
    record.lives[0].pauses.append((76, 80))


@breaks("nobody_waits_longer_than_the_deadline")
def waits_and_complains(record: Record) -> None:
    waits_for_ever(record)
    log(record, 900, "request.retried", "warning", request_id=TWO)


@excuses("nobody_waits_longer_than_the_deadline")
def waits_for_the_database(record: Record) -> None:
    waits_for_ever(record)
    record.database_away.append((690, 990))


@breaks("no_paid_answer_is_thrown_away")
def forgot_the_name_and_complained(record: Record) -> None:
    forgot_the_name(record)
    log(record, 100, "request.retried", "warning", request_id=TWO)


@excuses("no_paid_answer_is_thrown_away")
def could_not_write_the_name_down(record: Record) -> None:
    forgot_the_name(record)
    record.database_away.append((91, 5000))


@breaks("an_expired_request_is_not_submitted")
def is_submitted_when_old_after_a_pause(record: Record) -> None:
    is_submitted_when_old(record)
    record.lives[0].pauses.append((10.9, 11))


@excuses("nobody_waits_longer_than_the_deadline")
def nobody_was_there_to_look(record: Record) -> None:
    waits_for_ever(record)
    record.lives[1].pauses.append((160, 990))


@breaks("a_request_that_was_to_be_cancelled_ends_as_cancelled")
def is_told_a_video_that_nobody_wanted(record: Record) -> None:
    add_change(record, ONE, 20, 1, cancel_requested_at=milliseconds(20))


@breaks(
    "nothing_is_announced_for_what_nobody_wants_any_more",
    "what_is_cancelled_before_it_starts_costs_nothing",
    "a_request_that_was_to_be_cancelled_ends_as_cancelled",
)
def is_submitted_though_nobody_wants_it(record: Record) -> None:
    add_change(record, ONE, 9, 1, cancel_requested_at=milliseconds(9))

"""Rows that do what no row may."""

from dataclasses import replace

from simulation.record import Record

from .book import DAY, ONE, THREE, TWO, milliseconds
from .members import has_no_row
from .tools import (
    add_change,
    becomes,
    breaks,
    call_of,
    end_as,
    excuses,
    rewrite,
)


@breaks("a_closed_row_never_changes")
def changed_once_closed(record: Record) -> None:
    add_change(record, ONE, 80, 1, placeholder_id=1)


@breaks("rows_are_deleted_only_when_closed_long_enough")
def was_deleted_too_early(record: Record) -> None:
    add_change(record, ONE, 80, 1)
    record.changes[-1] = replace(record.changes[-1], new=None)


@breaks("an_operation_name_is_never_overwritten")
def has_its_name_overwritten(record: Record) -> None:
    change = [c for c in record.changes if c.table == "submissions" and c.row["request_id"] == ONE][-1]
    assert change.new is not None
    record.changes.append(
        replace(change, seq=999, old=change.new, new={**change.new, "operation": "another"})
    )


@breaks("only_the_owner_decides")
def was_decided_by_another(record: Record) -> None:
    rewrite(record, TWO, becomes(status="completed"), life=1)


@breaks("only_the_owner_announces_a_submission")
def was_announced_by_another(record: Record) -> None:
    rewrite(record, TWO, becomes(state="intended"), life=1)


@breaks("only_a_pending_request_is_submitted")
def was_submitted_while_generating(record: Record) -> None:
    rewrite(record, THREE, becomes(epoch=2), status="generating")


@breaks("epochs_rise_by_one_and_only_with_a_new_owner")
def kept_its_epoch(record: Record) -> None:
    rewrite(record, TWO, becomes(epoch=2), epoch=1)


@breaks("epochs_rise_by_one_and_only_with_a_new_owner")
def began_in_another_epoch(record: Record) -> None:
    rewrite(record, TWO, lambda change: change.old is None, epoch=2)


@breaks("an_owner_claims_for_itself")
def was_given_away(record: Record) -> None:
    rewrite(record, TWO, becomes(epoch=2), owner="life-7")


@breaks("a_status_moves_only_forward")
def began_generating(record: Record) -> None:
    rewrite(record, TWO, lambda change: change.old is None, status="generating")


@breaks("a_status_moves_only_forward")
def went_back(record: Record) -> None:
    rewrite(record, TWO, becomes(closure="delivered"), status="pending")


@breaks("a_status_moves_only_forward")
def failed_once_completed(record: Record) -> None:
    rewrite(record, TWO, becomes(closure="delivered"), status="failed", failure="timed_out")


@breaks("an_outcome_is_recorded_before_it_is_told")
def was_told_before_it_was_recorded(record: Record) -> None:
    call_of(record, "edit_outcome", ONE).begun_at = 70.05


@breaks("every_row_is_what_the_member_asked")
def has_another_prompt(record: Record) -> None:
    end_as(record, ONE, prompt="prompt of 1001")


@breaks("every_row_is_what_the_member_asked")
def has_another_time(record: Record) -> None:
    end_as(record, ONE, created_at=milliseconds(20))


@breaks("every_row_is_what_the_member_asked")
def was_never_asked(record: Record) -> None:
    del record.commands[ONE]


@breaks("every_move_is_in_the_journal")
def is_missing_in_the_journal(record: Record) -> None:
    record.transitions.remove(next(row for row in record.transitions if row["event"] == "generating"))


@excuses("rows_are_deleted_only_when_closed_long_enough", "no_acknowledged_request_disappears")
def was_deleted_in_time(record: Record) -> None:
    add_change(record, ONE, 70 + DAY + 60, 1)
    record.changes[-1] = replace(record.changes[-1], new=None)
    has_no_row(record)

"""What is left behind: secrets, tasks, files, errors."""

from simulation.record import NEGATIVE_PROMPT, Record

from .book import ONE, TWO
from .tools import (
    becomes,
    breaks,
    call_of,
    drop_changes,
    end_as,
    excuses,
    log,
    rewrite,
)


@breaks("a_closed_request_has_no_token")
def was_closed_with_its_token(record: Record) -> None:
    rewrite(record, ONE, becomes(closure="delivered"), has_token=1)


@breaks("a_closed_request_has_no_token")
def has_a_token_in_the_end(record: Record) -> None:
    end_as(record, ONE, interaction_token="token")


@breaks("a_dead_token_is_erased")
def kept_its_dead_token(record: Record) -> None:
    drop_changes(record, TWO, lambda change: bool(change.new and change.new.get("has_token") == 0))


@breaks("no_secret_and_no_prompt_is_in_the_log")
def logged_a_token(record: Record) -> None:
    log(record, 20, "request.admitted", request=[{"token": "token of 1000"}])


@breaks("no_secret_and_no_prompt_is_in_the_log")
def logged_a_prompt_with_a_line_break(record: Record) -> None:
    record.commands[ONE].prompt = "a fox\nin the snow"
    log(record, 20, "request.admitted", reason="asked for a fox\nin the snow today")


@breaks("no_secret_and_no_prompt_is_in_the_log")
def logged_a_negative_prompt(record: Record) -> None:
    log(record, 20, "request.admitted", options=[f"8 s, without {NEGATIVE_PROMPT}"])


@breaks("no_secret_and_no_prompt_is_in_the_log")
def left_a_link_in_an_error(record: Record) -> None:
    record.loop_errors.append("Task exception: https://storage.example/veo?signature")


@breaks("no_secret_and_no_prompt_is_in_the_journal")
def wrote_a_prompt_into_the_journal(record: Record) -> None:
    record.transitions[0]["detail"] = "prompt of 1000"


@breaks("no_process_falls_over")
def fell_over(record: Record) -> None:
    record.lives[0].how = "fell over: recovery: KeyError()"


@breaks("no_process_leaves_without_being_told")
def left_unasked(record: Record) -> None:
    record.lives[0].how = "left"


@breaks("no_task_is_left")
def left_a_task(record: Record) -> None:
    record.lives[1].tasks_left = ("request-1000",)


@breaks("no_slot_is_left_taken")
def left_a_slot(record: Record) -> None:
    record.lives[1].slots_taken = 1


@breaks("no_downloaded_video_is_left")
def left_a_video(record: Record) -> None:
    record.lives[1].files_open = 1


@breaks("every_error_is_retrieved")
def left_an_error(record: Record) -> None:
    record.loop_errors.append("Task exception was never retrieved: KeyError()")


@breaks("no_request_crashes_without_a_cause")
def crashed(record: Record) -> None:
    log(record, 95, "request.crashed", "exception", request_id=TWO)


@excuses("a_dead_token_is_erased")
def kept_its_token_while_the_database_was_away(record: Record) -> None:
    kept_its_dead_token(record)
    record.database_away.append((900, 5000))


@breaks("a_dead_token_is_erased")
def kept_its_dead_token_and_said_so(record: Record) -> None:
    kept_its_dead_token(record)
    log(record, 1200, "retention.postponed", "warning")


@excuses("no_request_crashes_without_a_cause")
def crashed_over_a_broken_answer(record: Record) -> None:
    crashed(record)
    call_of(record, "check_reachable", TWO).fault = "broken"

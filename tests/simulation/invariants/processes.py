"""What a process may leave behind, and how it may end."""

from collections.abc import Iterator

from .evidence import Evidence


def no_process_falls_over(evidence: Evidence) -> Iterator[str]:
    """A process ends by a kill, or leaves when it is told to."""
    for life in evidence.record.lives:
        if life.how not in {"", "killed", "left"}:
            yield f"Life {life.number} ended at {life.ended_at}: {life.how}."


def no_process_leaves_without_being_told(evidence: Evidence) -> Iterator[str]:
    """Only SIGTERM ends it from within."""
    for life in evidence.record.lives:
        if life.how == "left" and life.stopping_at is None:
            yield f"Life {life.number} left at {life.ended_at}, and nobody had told it to."


def no_task_is_left(evidence: Evidence) -> Iterator[str]:
    """Once everything is closed, nothing goes on but what serves."""
    for life in evidence.record.lives:
        if life.tasks_left:
            yield f"Life {life.number} still had the tasks {list(life.tasks_left)}."


def no_slot_is_left_taken(evidence: Evidence) -> Iterator[str]:
    """Once everything is closed, every slot is free; a process that is still starting has not opened them yet."""
    for life in evidence.record.lives:
        if life.slots_taken and life.ready_at is not None:
            yield f"Life {life.number} still had {life.slots_taken} slots taken."


def no_downloaded_video_is_left(evidence: Evidence) -> Iterator[str]:
    """Temporary files are removed by who made them, while it lives."""
    for life in evidence.record.lives:
        if life.files_open:
            yield f"Life {life.number} still had {life.files_open} videos on its disk."


def every_error_is_retrieved(evidence: Evidence) -> Iterator[str]:
    """No task dies unseen."""
    for error in evidence.record.loop_errors:
        yield f"Nobody retrieved: {error}"


def no_request_crashes_without_a_cause(evidence: Evidence) -> Iterator[str]:
    """An unexpected error comes only from an adapter that fell over; `prepare` belongs to no request that is known."""
    broken = [call for call in evidence.record.calls if call.fault == "broken"]
    for line in evidence.record.log:
        if line.event != "request.crashed":
            continue
        request_id = line.fields.get("request_id")
        if not any(
            call.life == line.life and call.request_id in {request_id, 0} and call.begun_at <= line.at
            for call in broken
        ):
            yield f"Request {request_id} crashed at {line.at:.3f} in life {line.life}, and nothing had broken."

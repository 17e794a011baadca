"""How a healthy record is spoilt, and which invariants should say so."""

from collections.abc import Callable
from dataclasses import replace

from simulation.record import Call, Change, Content, Generation, Kind, Logged, Message, Record

from .book import prefix

Spoiler = Callable[[Record], None]


BROKEN: list[tuple[str, Spoiler]] = []


def breaks(*names: str) -> Callable[[Spoiler], Spoiler]:
    """Say which invariants a spoilt record breaks, among others."""

    def note(spoil: Spoiler) -> Spoiler:
        BROKEN.extend((name, spoil) for name in names)
        return spoil

    return note


EXCUSED: list[tuple[str, Spoiler]] = []


def excuses(*names: str) -> Callable[[Spoiler], Spoiler]:
    """Say which invariants this does not break."""

    def note(spoil: Spoiler) -> Spoiler:
        EXCUSED.extend((name, spoil) for name in names)
        return spoil

    return note


def call_of(record: Record, name: str, request_id: int) -> Call:
    return next(call for call in record.calls if (call.name, call.request_id) == (name, request_id))


def generation_of(record: Record, request_id: int, attempt: int = 1) -> Generation:
    return next(g for g in record.generations if (g.request_id, g.attempt) == (request_id, attempt))


def row_of(record: Record, request_id: int) -> dict[str, object]:
    found = record.row(request_id)
    assert found is not None
    return found


def end_as(record: Record, request_id: int, **columns: object) -> None:
    """Have the row end otherwise."""
    row_of(record, request_id).update(columns)


def rewrite(
    record: Record,
    request_id: int,
    choose: Callable[[Change], bool],
    *,
    life: int | None = None,
    **new: object,
) -> None:
    """Have one change of a row be another: the first that is chosen."""
    for index, change in enumerate(record.changes):
        if change.row.get("id", change.row.get("request_id")) == request_id and choose(change):
            assert change.new is not None
            record.changes[index] = replace(
                change, life=change.life if life is None else life, new={**change.new, **new}
            )
            return
    raise AssertionError("There is no such change.")


def becomes(**columns: object) -> Callable[[Change], bool]:
    """Choose the change that brings these values."""
    return lambda change: (
        change.new is not None
        and all(
            column in change.new
            and change.new[column] == value
            and (change.old is None or change.old[column] != value)
            for column, value in columns.items()
        )
    )


def add_change(record: Record, request_id: int, at: float, life: int, **new: object) -> None:
    last = [c for c in record.changes if c.table == "requests" and c.row["id"] == request_id][-1]
    assert last.new is not None
    change = Change(last.seq + 1000, at, life, "requests", last.new, {**last.new, **new})
    record.changes.append(change)


def drop_changes(record: Record, request_id: int, choose: Callable[[Change], bool]) -> None:
    record.changes = [
        change
        for change in record.changes
        if change.row.get("id", change.row.get("request_id")) != request_id or not choose(change)
    ]


def add_message(record: Record, request_id: int, at: float, kind: Kind = Kind.OUTCOME) -> Message:
    content = Content(kind, request_id, f"prompt of {request_id}", video=prefix(request_id, 1))
    message = Message(request_id + 8500, 100, 500, request_id, at, False, [(at, content)])
    record.messages[message.id] = message
    return message


def say(record: Record, request_id: int, at: float, **content: object) -> None:
    """Have the placeholder say one thing more."""
    message = record.messages[request_id + 8000]
    message.contents.append((at, replace(message.says, **content)))  # type: ignore[arg-type]  # a test's own columns


def say_otherwise(record: Record, request: int, /, **content: object) -> None:
    """Have the placeholder say something else in the end."""
    message = record.messages[request + 8000]
    at, last = message.contents[-1]
    message.contents[-1] = (at, replace(last, **content))  # type: ignore[arg-type]  # a test's own columns


def log(record: Record, at: float, event: str, level: str = "info", life: int = 2, **fields: object) -> None:
    record.log.append(Logged(at, life, level, event, fields))

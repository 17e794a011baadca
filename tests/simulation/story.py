"""Tells one schedule as it happened, line by line: for whoever has to understand a broken invariant."""

from collections.abc import Iterator, Mapping

from .record import Call, Record


def tell(record: Record) -> Iterator[str]:
    """Yield what happened, in order."""
    for at, line in sorted(_events(record), key=lambda event: event[0]):
        yield f"{at:10.2f}  {line}"


def _events(record: Record) -> Iterator[tuple[float, str]]:
    yield from _lives(record)
    for command in record.commands.values():
        yield command.at, f"{command.request_id} /veo by {command.user_id} in {command.channel_id}"
    for call in record.calls:
        yield call.begun_at, _call(call)
    for made in record.generations:
        ends = f"{made.result} at {made.ends_at:.2f}"
        yield made.landed_at, f"{made.request_id} Vertex accepts {made.operation}: {ends}"
    for change in record.changes:
        request_id = change.row.get("id", change.row.get("request_id"))
        yield change.at, f"{request_id} life {change.life} row {_difference(change.old, change.new)}"
    for message in record.messages.values():
        for at, content in message.contents:
            shows = content.video or content.failure or ""
            yield at, f"{message.request_id} message {message.id} says {content.kind} {shows}"
        if message.deleted_at is not None:
            yield message.deleted_at, f"{message.request_id} message {message.id} is deleted"
    for line in record.log:
        fields = {name: value for name, value in line.fields.items() if name != "request_id"}
        about = line.fields.get("request_id", "")
        yield line.at, f"{about} life {line.life} logs {line.level} {line.event} {fields or ''}"


def _lives(record: Record) -> Iterator[tuple[float, str]]:
    for life in record.lives:
        yield life.started_at, f"life {life.number} starts"
        if life.ready_at is not None:
            yield life.ready_at, f"life {life.number} is ready"
        for begin, end in life.pauses:
            yield begin, f"life {life.number} is stopped until {end:.2f}"
        if life.ended_at is not None:
            yield life.ended_at, f"life {life.number} {life.how}"


def _call(call: Call) -> str:
    landed = "never lands" if call.landed_at is None else f"lands {call.landed_at:.2f}"
    answer = "answer unseen" if call.answered_at is None else f"{call.end} {call.answered_at:.2f}"
    fault = f" [{call.fault}]" if call.fault else ""
    stale = "" if call.row_owner in {None, call.owner} else f" (the row is {call.row_owner}'s)"
    return f"{call.request_id} life {call.life} {call.name}{fault}: {landed}, {answer}{stale}"


def _difference(old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> str:
    if old is None:
        return "inserted"
    if new is None:
        return "deleted"
    return ", ".join(f"{name}: {old[name]} → {new[name]}" for name in new if old[name] != new[name])

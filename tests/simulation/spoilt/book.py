"""A healthy record, written by hand as the world would write it."""

from simulation.record import (
    BEGINNING,
    NEGATIVE_PROMPT,
    Call,
    Change,
    Command,
    Content,
    Generation,
    Kind,
    Life,
    Message,
    Record,
    Result,
    Settings,
)

ONE, TWO, THREE = 1000, 1001, 1002
PRICE = 400_000
WINDOW = 660.0
DAY = 86400.0


def milliseconds(at: float) -> int:
    return round((BEGINNING.timestamp() + at) * 1000)


class Book:
    """Writes a record as the world would, one change after the other."""

    def __init__(self, slots: int = 2, quota: int = 5) -> None:
        self.record = Record(
            Settings(
                slots=slots,
                quota=quota,
                price_micro_usd=PRICE,
                submit_timeout=60.0,
                generation_deadline=600.0,
                poll_interval=20.0,
                request_expiry=DAY,
            )
        )
        self.rows: dict[int, dict[str, object]] = {}
        self.submissions: dict[tuple[int, int], dict[str, object]] = {}

    # -- the world

    def life(self, at: float, resumed: tuple[int, ...] = ()) -> Life:
        life = Life(len(self.record.lives) + 1, at, ready_at=at, resumed=resumed)
        self.record.lives.append(life)
        return life

    def ask(self, request_id: int, at: float, user_id: int = 500) -> Command:
        command = Command(request_id, user_id, 100, f"prompt of {request_id}", f"token of {request_id}", at)
        command.dispatches = 1
        self.record.commands[request_id] = command
        return command

    def call(self, name: str, request_id: int, life: int, at: float, end: str = "ok") -> Call:
        row = self.rows.get(request_id)
        call = Call(
            name,
            life,
            request_id,
            at,
            row_epoch=None if row is None else int(str(row["epoch"])),
            row_owner=None if row is None else str(row["owner"]),
            row_owned_since=at,
            landed_at=at + 0.1,
            answered_at=at + 0.2,
            end=end,
        )
        self.record.calls.append(call)
        return call

    def generation(self, request_id: int, attempt: int, life: int, at: float, ends_at: float) -> Generation:
        generation = Generation(
            request_id,
            attempt,
            prefix(request_id, attempt),
            operation(request_id, attempt),
            f"prompt of {request_id}",
            NEGATIVE_PROMPT,
            life,
            at,
            at + 0.1,
            ends_at,
            Result.VIDEO,
        )
        self.record.generations.append(generation)
        return generation

    def says(self, request_id: int, at: float, kind: Kind, video: str | None = None) -> Message:
        """Have the placeholder say this."""
        content = Content(kind, request_id, f"prompt of {request_id}", video=video)
        message = self.record.messages.get(request_id + 8000)
        if message is None:
            message = Message(request_id + 8000, 100, 500, request_id, at, True, [])
            self.record.messages[message.id] = message
        message.contents.append((at, content))
        return message

    # -- the rows

    def write(self, request_id: int, at: float, life: int, event: str = "", **columns: object) -> None:
        """Change a request's row, and write the move down."""
        old = self.rows.get(request_id)
        new = {**(old or row(request_id, at, life)), **columns}
        self.rows[request_id] = new
        self.record.changes.append(Change(len(self.record.changes) + 1, at, life, "requests", old, new))
        if event:
            self.record.transitions.append(
                {"request_id": request_id, "at": 0, "epoch": new["epoch"], "event": event, "detail": ""}
            )

    def submission(self, request_id: int, attempt: int, at: float, life: int, **columns: object) -> None:
        old = self.submissions.get((request_id, attempt))
        new = {**(old or submission(request_id, attempt, at)), **columns}
        self.submissions[request_id, attempt] = new
        self.record.changes.append(Change(len(self.record.changes) + 1, at, life, "submissions", old, new))

    def finish(self, at: float) -> Record:
        """Close the book."""
        record = self.record
        record.calm_since, record.ended_at = at - 200, at
        record.rows = [
            {
                **row,
                "prompt": f"prompt of {request_id}",
                "interaction_token": "token" if row["has_token"] else None,
                "failure_detail": "",
            }
            for request_id, row in self.rows.items()
        ]
        record.submission_rows = list(self.submissions.values())
        return record

    # -- whole passages of a request's life

    def admit(self, request_id: int, at: float, life: int) -> None:
        command = self.ask(request_id, at)
        self.write(request_id, at + 0.1, life, "admitted")
        command.acknowledged_at, command.placeholder_id = at + 0.2, request_id + 8000
        self.says(request_id, at + 0.2, Kind.PROGRESS)
        self.write(
            request_id,
            at + 0.3,
            life,
            "acknowledged",
            acknowledged_at=milliseconds(at + 0.3),
            placeholder_id=request_id + 8000,
        )

    def claim(self, request_id: int, at: float, life: int) -> None:
        epoch = int(str(self.rows[request_id]["epoch"])) + 1
        self.write(request_id, at, life, "claimed", owner=f"life-{life}", epoch=epoch)

    def submit(self, request_id: int, at: float, life: int, attempt: int = 1, seconds: float = 50) -> None:
        """Announce, submit, and learn the operation's name."""
        self.submission(request_id, attempt, at, life)
        self.call("submit", request_id, life, at)
        self.generation(request_id, attempt, life, at, at + seconds)
        self.submission(
            request_id,
            attempt,
            at + 0.2,
            life,
            state="accepted",
            operation=operation(request_id, attempt),
            accepted_at=milliseconds(at + 0.2),
        )
        self.write(request_id, at + 0.2, life, "generating", status="generating")

    def lose(self, request_id: int, at: float, life: int, ends_at: float) -> None:
        """Announce and submit, and learn nothing."""
        self.submission(request_id, 1, at, life)
        self.call("submit", request_id, life, at, "Ambiguous")
        self.generation(request_id, 1, life, at, ends_at)

    def complete(self, request_id: int, at: float, life: int, attempt: int = 1, charged: int = PRICE) -> None:
        """Find the video, and tell the member."""
        self.write(
            request_id,
            at,
            life,
            "outcome",
            status="completed",
            outcome_at=milliseconds(at),
            charged_micro_usd=charged,
        )
        self.submission(request_id, attempt, at, life, state="succeeded")
        self.write(
            request_id,
            at + 0.1,
            life,
            "delivery begun",
            delivery_route="edit",
            delivery_started_at=milliseconds(at + 0.1),
        )
        self.call("edit_outcome", request_id, life, at + 0.2)
        self.says(request_id, at + 0.3, Kind.OUTCOME, prefix(request_id, attempt))
        self.write(
            request_id,
            at + 0.4,
            life,
            "closed",
            closed_at=milliseconds(at + 0.4),
            closure="delivered",
            has_token=0,
        )


def row(request_id: int, at: float, life: int) -> dict[str, object]:
    return {
        "id": request_id,
        "user_id": 500,
        "guild_id": 1,
        "channel_id": 100,
        "created_at": milliseconds(at - 0.1),
        "status": "pending",
        "failure": None,
        "cancel_requested_at": None,
        "acknowledged_at": None,
        "placeholder_id": None,
        "outcome_at": None,
        "delivery_route": None,
        "delivery_started_at": None,
        "outcome_message_id": None,
        "closed_at": None,
        "closure": None,
        "owner": f"life-{life}",
        "epoch": 1,
        "charged_micro_usd": PRICE,
        "counts_toward_quota": 1,
        "has_token": 1,
    }


def submission(request_id: int, attempt: int, at: float) -> dict[str, object]:
    return {
        "request_id": request_id,
        "attempt": attempt,
        "prefix": prefix(request_id, attempt),
        "first_intended_at": milliseconds(at),
        "intended_at": milliseconds(at),
        "state": "intended",
        "operation": None,
        "accepted_at": None,
        "ended_at": None,
        "video_uri": None,
    }


def prefix(request_id: int, attempt: int) -> str:
    return f"veo/{request_id}/{attempt}/"


def operation(request_id: int, attempt: int) -> str:
    return f"operations/{request_id}-{attempt}-1"


def healthy() -> Record:
    """Write of three requests: one made at once, one resumed, one submitted twice since its first answer was lost."""
    book = Book()
    first = book.life(0)
    book.admit(ONE, 10, 1)
    book.submit(ONE, 11, 1)
    book.complete(ONE, 70, 1)
    book.admit(TWO, 80, 1)
    book.admit(THREE, 81, 1)
    first.ended_at, first.how = 82, "killed"
    book.life(90, resumed=(TWO, THREE))
    book.claim(TWO, 90, 2)
    book.claim(THREE, 90, 2)
    book.call("check_reachable", TWO, 2, 91)
    book.call("check_reachable", THREE, 2, 91)
    book.submit(TWO, 92, 2)
    book.lose(THREE, 92.5, 2, ends_at=92.5 + 2000)
    book.complete(TWO, 150, 2)
    again = 92.5 + WINDOW + 1
    book.call("find", THREE, 2, again)
    book.call("check_reachable", THREE, 2, again + 1)
    book.submit(THREE, again + 2, 2, attempt=2)
    book.complete(THREE, again + 60, 2, attempt=2, charged=2 * PRICE)
    return book.finish(5000)

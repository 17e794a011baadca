"""Google as it is: Vertex makes videos and charges for them, the bucket holds them, whoever is alive to see it."""

from veobot.core.errors import SubmissionRefused, VideoMissing
from veobot.core.failures import Failure
from veobot.core.ports import Finished, Gone, PollAnswer, Running, StoredVideo, Unsuccessful
from veobot.core.request import OperationName, Submission, VideoUri

from .record import LOST_AFTER_SECONDS, Generation, Record, Result
from .schedule import MINUTE, Makes, Schedule, Size

BUCKET = "gs://videos/"
SMALL_BYTES, LARGE_BYTES = 10, 100
UPLOAD_LIMIT_BYTES = 50
"""Between the two."""
DEADLINE_SECONDS = 10 * MINUTE


class Google:
    """Vertex and the bucket. Every method is the effect of one call, at the moment when it takes place."""

    def __init__(self, schedule: Schedule, record: Record, first_id: int) -> None:
        self._schedule = schedule
        self._record = record
        self._first_id = first_id
        self._made = {
            (fault.command, fault.attempt): fault.result
            for fault in schedule.faults
            if isinstance(fault, Makes)
        }
        self._large = {fault.command for fault in schedule.faults if isinstance(fault, Size)}
        self._by_operation: dict[str, Generation] = {}

    def submit(
        self,
        submission: Submission,
        prompt: str,
        negative_prompt: str,
        *,
        life: int,
        begun_at: float,
        now: float,
    ) -> OperationName:
        """Accept one submission, however often the same one comes: there is no idempotency key."""
        request_id, attempt, prefix = submission.request_id, submission.attempt, submission.prefix
        plan = self._made.get((request_id - self._first_id, attempt), "video")
        if plan == "refused":
            raise SubmissionRefused(Failure.REJECTED, "the prompt is refused")
        landed_before = sum(g.prefix == prefix for g in self._record.generations)
        operation = f"operations/{request_id}-{attempt}-{landed_before + 1}"
        generation = Generation(
            request_id=request_id,
            attempt=attempt,
            prefix=prefix,
            operation=operation,
            prompt=prompt,
            negative_prompt=negative_prompt,
            life=life,
            begun_at=begun_at,
            landed_at=now,
            ends_at=now + self._seconds(plan, operation),
            result=_RESULTS.get(plan, Result.VIDEO),
            lost=plan == "lost",
        )
        self._record.generations.append(generation)
        self._by_operation[operation] = generation
        return OperationName(operation)

    def _seconds(self, plan: str, operation: str) -> float:
        share = self._schedule.fraction("generation", operation)
        if plan == "never":
            return float("inf")
        if plan == "slow":
            return DEADLINE_SECONDS * (0.8 + share)  # at times past its deadline
        return 12 + 70 * share * share

    def poll(self, operation: str, now: float) -> PollAnswer:
        generation = self._by_operation.get(operation)
        if generation is None or generation.result is Result.FORGOTTEN:
            return Gone()
        if generation.running(now):
            return Running()
        match generation.result:
            case Result.FILTERED:
                return Unsuccessful(Failure.FILTERED, "support code 1")
            case Result.FAILED:
                return Unsuccessful(Failure.PROVIDER_ERROR, "code 13")
            case Result.EXPIRED:
                return Gone()
            case _:
                return Finished(_uri(generation.prefix))

    def find(self, prefix: str, now: float) -> StoredVideo | None:
        made = self._object(prefix, now)
        return None if made is None or made.result is Result.EMPTY else self._stored(made)

    def stat(self, uri: str, now: float) -> StoredVideo:
        made = self._object(prefix_of(uri), now)
        if made is None:
            raise VideoMissing
        return self._stored(made)

    def _object(self, prefix: str, now: float) -> Generation | None:
        """Return what was stored under this prefix and is still there."""
        for generation in self._record.generations:
            if generation.prefix == prefix and generation.paid(now):
                lost = generation.lost and now > generation.ends_at + LOST_AFTER_SECONDS
                return None if lost else generation
        return None

    def _stored(self, generation: Generation) -> StoredVideo:
        if generation.result is Result.EMPTY:
            return StoredVideo(_uri(generation.prefix), 0)
        large = generation.request_id - self._first_id in self._large
        return StoredVideo(_uri(generation.prefix), LARGE_BYTES if large else SMALL_BYTES)


_RESULTS = {
    "filtered": Result.FILTERED,
    "failed": Result.FAILED,
    "never": Result.NEVER,
    "forgotten": Result.FORGOTTEN,
    "expired": Result.EXPIRED,
    "empty": Result.EMPTY,
}


def _uri(prefix: str) -> VideoUri:
    return VideoUri(f"{BUCKET}{prefix}sample_0.mp4")


def prefix_of(uri: str) -> str:
    """Return the prefix under which a video was made."""
    return uri.removeprefix(BUCKET).rpartition("/")[0] + "/"

"""Carries one request to its end.

One loop: look at the row, do the one next thing, commit, look again. Starting, resuming and taking over are the same
code, since the rows alone say what comes next (`steps.next_step`).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import assert_never

from .delivery import Delivery
from .errors import (
    Ambiguous,
    OperatorNeeded,
    Retryable,
    RowUnreadable,
    StoreUnavailable,
    SubmissionRefused,
    Superseded,
    TurnTooFarOff,
    Unreachable,
)
from .failures import RULES, Failure
from .forecast import Forecast, forecast
from .limits import (
    ACKNOWLEDGEMENT_WINDOW,
    FORECAST_SAMPLES,
    INTENT_FRESH,
    LOOK_FRESH,
    OPERATOR_PAUSE_SECONDS,
    backoff_seconds,
)
from .looking import fix, look, wait_until
from .outcomes import abandon_open, cancelled, completed, failed, next_attempt, unacknowledged
from .ownership import Ownership
from .parts import Parts
from .ports import (
    Deleted,
    Gone,
    NotAcknowledged,
    Running,
    StoredVideo,
    SubmissionEnd,
    Unknowable,
    Unsuccessful,
)
from .progress import Checking, Waiting
from .request import MAX_ATTEMPTS, MessageId, Placeholder, RequestId, Submission, VideoRequest
from .status import Closure, SubmissionState
from .status_line import StatusLine
from .steps import Step, deadline, next_step


class Lifecycle:
    """One request's life under one owner. `run` returns once it is closed, or another owner has it."""

    def __init__(self, parts: Parts, request_id: RequestId, epoch: int) -> None:
        self._parts = parts
        self._id = request_id
        self._epoch = epoch
        self._ownership = Ownership(parts, request_id, epoch)
        self._status_line = StatusLine(parts, self._ownership)
        self._delivery = Delivery(parts, self._status_line, self._ownership)
        self._failures_in_a_row = 0
        self._forecast: Forecast | None = None
        self._may_be_running = False
        self._trying_since: datetime | None = None
        self._in_line_again = False
        if epoch > 1:
            self._status_line.taken_over()

    async def run(self) -> None:
        """Do the next thing until nothing is owed. Raises `Stopping` when the process is about to leave."""
        try:
            while (request := await self._look_at_the_row()) is not None:
                try:
                    await self._do_next(request)
                    self._failures_in_a_row = 0
                except Superseded:
                    continue
                except (Retryable, Ambiguous, StoreUnavailable) as error:
                    await self._back_off(error, request)
        finally:
            # After an unexpected error a submission may be running: its slot stays taken until it is carried on.
            if not self._may_be_running:
                self._parts.slots.release(self._id)

    async def give_up(self) -> None:
        """End the request with an internal error, unless its outcome is known already."""
        request = await self._look_at_the_row()
        if request is None or request.status.is_outcome:
            return
        if request.cancel_requested_at is not None:
            await self._cancel(request)
        else:
            await self._end(request, Failure.INTERNAL)

    async def _look_at_the_row(self) -> VideoRequest | None:
        """Return the request, or None where it is closed or somebody else's."""
        while True:
            self._parts.check_running()
            request: VideoRequest | None
            now = self._parts.clock.now()
            try:
                request = await self._parts.store.get(self._id)
            except StoreUnavailable as error:
                await self._back_off(error)
                continue
            except RowUnreadable as error:
                self._parts.log.error(
                    "request.unreadable", request_id=self._id, reason=str(error), fix=error.fix
                )
                request = None
            except KeyError:
                request = None  # its commit had failed after all
            if request is None or request.closed or request.epoch != self._epoch:
                self._may_be_running = False
                return None
            self._ownership.proven(now)
            self._may_be_running = bool(request.open_submissions) and not request.status.is_outcome
            return request

    async def _do_next(self, request: VideoRequest) -> None:
        now = self._parts.clock.now()
        has_slot = self._parts.slots.holds(request.id)
        match next_step(request, now, has_slot=has_slot, limits=self._parts.limits):
            case Step.CONFIRM:
                await self._confirm(request)
            case Step.CANCEL:
                await self._cancel(request)
            case Step.EXPIRE:
                await self._end(request, Failure.EXPIRED)
            case Step.LINE_UP:
                await self._wait_for_slot(request)
            case Step.SUBMIT:
                await self._submit(request)
            case Step.RECONCILE:
                await self._reconcile(request)
            case Step.START:
                await self._parts.store.start_generating(request, now)
            case Step.WATCH:
                await self._watch(request)
            case Step.DELIVER:
                self._parts.slots.release(request.id)
                await self._delivery.deliver(request)
            case step:
                assert_never(step)

    # -- was the member shown that the command was accepted?

    async def _confirm(self, request: VideoRequest) -> None:
        answer = await self._parts.messenger.find_acknowledgement(request)
        now = self._parts.clock.now()
        match answer:
            case Placeholder():
                await self._record_placeholder(answer, now)
            case Unknowable():
                await self._parts.store.assume_acknowledged(request, now)
            case NotAcknowledged() | Deleted() if now - request.created_at < ACKNOWLEDGEMENT_WINDOW:
                await self._parts.pause(1.0)
            case Deleted():
                # Nothing tells its id. Under the command's own, which is no message's, each edit finds it gone.
                stand_in = Placeholder(MessageId(request.id))
                await self._record_placeholder(stand_in, now)
            case NotAcknowledged():
                self._parts.log.info("request.unacknowledged", request_id=request.id)
                outcome = None if request.status.is_outcome else unacknowledged()
                await self._parts.store.close(request, Closure.UNACKNOWLEDGED, now, outcome)

    async def _record_placeholder(self, placeholder: Placeholder, now: datetime) -> None:
        try:
            await self._parts.store.record_placeholder(self._id, placeholder, now)
        except KeyError:
            raise Superseded from None  # carried to its end by another, and deleted

    # -- pending

    async def _wait_for_slot(self, request: VideoRequest) -> None:
        slots = self._parts.slots
        if await slots.wait(request, self._parts.limits.progress_interval_seconds):
            return
        self._parts.check_running()
        position = slots.position(request)
        now = self._parts.clock.now()
        usual = await self._usual(request, now)
        starts_at = now + timedelta(seconds=slots.rounds_before(position) * usual.usual_seconds)
        await self._status_line.show(request, Waiting(position, starts_at))

    async def _submit(self, request: VideoRequest) -> None:
        """Ask Vertex, a few requests at a time; whoever waits here holds no turn, and has looked at nothing yet."""
        async with self._parts.submissions:
            self._parts.check_running()
            if await self._can_be_told(request) and await self._prepared(request):
                await self._submit_now(request)

    async def _submit_now(self, request: VideoRequest) -> None:
        """Commit the intent, ask Vertex, record the answer."""
        parts = self._parts
        parts.check_running()
        now = parts.clock.now()
        if now - request.created_at > parts.limits.request_expiry:
            return  # it had not expired when this began
        attempt = next_attempt(request)
        prefix = f"veo/{request.id}/{attempt}/"
        submission = await parts.store.record_intent(request, attempt, prefix, now)
        self._ownership.proven(now)
        self._may_be_running = True
        if not await self._may_still_submit(submission):
            await self._remember(lambda: parts.store.record_refusal(submission, parts.clock.now()))
            parts.check_running()
            raise Retryable("The submission was not made: too much time had passed since its intent")
        try:
            operation = await parts.generator.submit(request.prompt, request.options, submission)
        except Retryable as error:
            await self._remember(lambda: parts.store.record_refusal(submission, parts.clock.now()))
            await self._refused_for_now(request, submission.first_intended_at, error)
        except SubmissionRefused as error:
            failure, detail = error.failure, error.detail
            # The fact first: should somebody else have taken over, it need not wait for this submission.
            await self._remember(lambda: parts.store.record_refusal(submission, parts.clock.now()))
            await self._remember(lambda: self._end(request, failure, detail))
        except Ambiguous as error:
            parts.log.warning(
                "submission.answer_lost", request_id=request.id, attempt=attempt, reason=str(error)
            )
        else:
            parts.log.info("submission.accepted", request_id=request.id, attempt=attempt, operation=operation)
            await self._remember(
                lambda: parts.store.record_operation(request, submission, operation, parts.clock.now())
            )

    async def _may_still_submit(self, submission: Submission) -> bool:
        """Whether the call may follow its intent now; nothing may be awaited between this and the call."""
        # Now that the intent is there, everybody counts it; before, the slot may have been given to another.
        if not self._parts.slots.is_sure(self._id):
            return False
        try:
            await self._ownership.check()
        except (Superseded, StoreUnavailable):
            return False
        in_time = self._parts.clock.now() - submission.intended_at < INTENT_FRESH
        return in_time and not self._parts.stopping.is_set()

    async def _can_be_told(self, request: VideoRequest) -> bool:
        """Make sure, before paying, that the outcome could be told; close the request where it is proven not."""
        now = self._parts.clock.now()
        if not request.resumed and request.token_alive(now):
            return True
        try:
            await self._parts.messenger.check_reachable(request)
        except Unreachable as error:
            # The token may still reach the member, where the bot itself may not write.
            await self._end(request, Failure.UNREACHABLE, str(error))
            return False
        return True

    async def _prepared(self, request: VideoRequest) -> bool:
        """Do all that can be done before the intent; end the request where that fails for too long."""
        if self._trying_since is None:
            self._trying_since = self._parts.clock.now()
        try:
            await self._parts.generator.prepare(request.options)
        except TurnTooFarOff:
            self._trying_since = None  # all the rest of it succeeded, and nobody has refused anything
            raise
        except Retryable as error:
            await self._refused_for_now(request, self._trying_since, error)
            return False
        self._trying_since = None
        return True

    async def _refused_for_now(self, request: VideoRequest, since: datetime, error: Retryable) -> None:
        """End the request when it was refused for too long; else raise, so that it is tried again later."""
        patience = self._parts.limits.submit_patience - (self._parts.clock.now() - since)
        if isinstance(error, OperatorNeeded):
            raise error
        if patience > timedelta(0):
            error.retry_after_seconds = min(error.retry_after_seconds, patience.total_seconds())
            raise error
        try:
            request = await self._parts.store.get(request.id)  # its submissions have changed since
        except KeyError:
            raise Superseded from None  # carried to its end by another, and deleted
        if request.epoch != self._epoch:
            raise Superseded  # else this would decide in another owner's name
        await self._end(request, error.failure, str(error))

    async def _reconcile(self, request: VideoRequest) -> None:
        """The answer to a submission was lost: adopt its video if it appears, submit again if it surely cannot."""
        parts = self._parts
        until = max(deadline(s, parts.limits) for s in request.open_submissions)
        # Before the look: what it does not find may come while this process is stopped.
        now = parts.clock.now()
        if now < until:
            parts.slots.hold(request.id)
        for submission in request.open_submissions:
            video = await parts.bucket.find(submission.prefix)
            if video is not None:
                await self._complete(request, submission, video)
                return
        if now < until:
            await self._status_line.show(request, Checking(until))
            await parts.pause(parts.limits.poll_interval_seconds)
        elif now - request.created_at > parts.limits.request_expiry:
            await self._end(request, Failure.EXPIRED)
        elif next_attempt(request) > MAX_ATTEMPTS:
            await self._end(request, Failure.ANSWER_LOST)
        elif not self._in_line_again:
            # Nothing of it runs any more, so it waits for a slot like any other.
            self._in_line_again = True
            parts.slots.release(request.id)
        elif parts.slots.holds(request.id):
            await self._submit(request)
        else:
            await self._wait_for_slot(request)

    # -- generating

    async def _watch(self, request: VideoRequest) -> None:
        """Look at every submission that may still bring a video; the first video wins."""
        self._parts.slots.hold(request.id)
        now = self._parts.clock.now()
        ends: list[SubmissionEnd] = []
        failure, detail = Failure.TIMED_OUT, ""
        in_the_way: Retryable | None = None
        for submission in request.open_submissions:
            match await look(self._parts, submission, request):
                case StoredVideo() as video:
                    await self._complete(request, submission, video)
                    return
                case Unsuccessful() as end:
                    failure, detail = end.failure, end.detail
                    free = end.failure is not Failure.NO_VIDEO
                    state = SubmissionState.FAILED if free else SubmissionState.ABANDONED
                    ends.append(SubmissionEnd(submission.attempt, state))
                case Gone():
                    failure = Failure.LOST_AT_RESTART if request.resumed else Failure.TIMED_OUT
                    ends.append(SubmissionEnd(submission.attempt, SubmissionState.ABANDONED))
                case Retryable() as error:
                    in_the_way = error
                case Running():
                    pass
        if self._parts.clock.now() - now > LOOK_FRESH:
            return  # stopped meanwhile: what was looked for in vain may be there now
        if len(ends) == len(request.open_submissions):
            await self._end(request, failure, detail, ends)
        elif now >= wait_until(request, self._parts.limits, in_the_way):
            await self._last_look(request, ends)
        else:
            await self._show_generating(request)
            await self._parts.pause(self._parts.limits.poll_interval_seconds)

    async def _last_look(self, request: VideoRequest, ends: list[SubmissionEnd]) -> None:
        """The deadline has passed: what is in the bucket now is delivered, else the wait is over."""
        now = self._parts.clock.now()
        for submission in request.open_submissions:
            try:
                video = await self._parts.bucket.find(submission.prefix)
            except Retryable as error:
                if now < wait_until(request, self._parts.limits, error):
                    raise
                continue
            if video is not None:
                await self._complete(request, submission, video)
                return
        expired = now - request.created_at > self._parts.limits.request_expiry
        await self._end(request, Failure.EXPIRED if expired else Failure.TIMED_OUT, "", ends)

    async def _show_generating(self, request: VideoRequest) -> None:
        started_at = max(s.accepted_at or s.intended_at for s in request.open_submissions)
        if self._forecast is None:
            # From what was known when it began: so the bar goes on where it stood before a restart.
            self._forecast = await self._usual(request, started_at)
        await self._status_line.show(request, self._forecast.progress(started_at, self._parts.clock.now()))

    async def _usual(self, request: VideoRequest, before: datetime) -> Forecast:
        history = await self._parts.store.recent_generation_seconds(request.options, before, FORECAST_SAMPLES)
        return forecast(request.options, history)

    # -- outcomes

    async def _complete(self, request: VideoRequest, submission: Submission, video: StoredVideo) -> None:
        now = self._parts.clock.now()
        end = SubmissionEnd(submission.attempt, SubmissionState.SUCCEEDED, video.uri, video.size_bytes)
        ends = abandon_open(request, [end])
        await self._parts.store.record_outcome(request, completed(request, ends), ends, now)
        self._parts.log.info("request.completed", request_id=request.id, size_bytes=video.size_bytes)

    async def _cancel(self, request: VideoRequest) -> None:
        ends = abandon_open(request, [])
        outcome = cancelled(request, ends)
        await self._parts.store.record_outcome(request, outcome, ends, self._parts.clock.now())
        self._parts.log.info("request.cancelled", request_id=request.id, paid=outcome.counts_toward_quota)

    async def _end(
        self,
        request: VideoRequest,
        failure: Failure,
        detail: str = "",
        ended: list[SubmissionEnd] | None = None,
    ) -> None:
        ends = abandon_open(request, ended or [])
        outcome = failed(request, failure, detail, ends)
        await self._parts.store.record_outcome(request, outcome, ends, self._parts.clock.now())
        self._parts.log.info(
            "request.failed",
            request_id=request.id,
            failure=failure,
            reason=RULES[failure].reason,
            detail=detail,
        )

    # -- when something is in the way

    async def _remember(self, record: Callable[[], Awaitable[None]]) -> None:
        """Record a fact that only we know: as often as it takes, until the process has to leave."""
        while True:
            try:
                await record()
            except StoreUnavailable as error:
                await self._back_off(error)
            else:
                return

    async def _back_off(
        self, error: Retryable | Ambiguous | StoreUnavailable, request: VideoRequest | None = None
    ) -> None:
        """Wait before the next try. What only the operator can mend closes the slots, where it is about submitting."""
        self._failures_in_a_row += 1
        fields: dict[str, object] = {"request_id": self._id, "reason": str(error), **fix(error)}
        if isinstance(error, OperatorNeeded):
            self._parts.log.error("operator.needed", **fields)
            if request is not None and not request.status.is_outcome and not request.open_submissions:
                self._parts.slots.close_for(OPERATOR_PAUSE_SECONDS)
                self._parts.slots.release(self._id)
        else:
            self._parts.log.warning("request.retried", **fields)
        at_least = error.retry_after_seconds if isinstance(error, Retryable) else 0.0
        await self._parts.pause(backoff_seconds(self._failures_in_a_row, self._parts.jitter(), at_least))

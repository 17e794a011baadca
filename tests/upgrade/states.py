"""Every state that a killed bot can leave a request in.

A request's prompt names its state; what becomes of it stands in `endings`, under the same name.
"""

from dataclasses import replace
from datetime import timedelta

from upgrade.pen import OPTIONS, PORTRAIT, UPLOAD_LIMIT_BYTES, WRITTEN, Asked, Pen
from veobot.core.failures import Failure
from veobot.core.request import VideoOptions
from veobot.core.status import Closure, DeliveryRoute

HOUR = 60.0
"""In minutes: long after the 15 for which Discord honours a token."""
DAY = 25 * HOUR
"""After the 24 hours past which a request is not worth its money."""
TOKENS_ERASED_BEFORE = WRITTEN - timedelta(hours=10)
"""What the latest sweep erased; younger tokens are dead and still there."""

LEFT_MODEL = replace(OPTIONS, model="veo-3.0-generate-001")
"""Of a model that has left the price table."""

NEGATIVE = replace(
    OPTIONS, model="veo-3.1-lite-generate-001", seed=0, negative_prompt="Regen, „Schirme“ ☂\nund Text"
)
"""With everything that a member can say besides the first five options."""


async def write_states(pen: Pen) -> None:
    """Write them all."""
    await _accepted_and_not_started(pen)
    await _not_acknowledged(pen)
    await _pending(pen)
    await _answer_lost(pen)
    await _generating(pen)
    await _completed(pen)
    await _failed(pen)
    await _to_be_cancelled(pen)
    await _closed(pen)
    await _of_a_newer_version(pen)
    await _damaged(pen)
    await pen.store.erase_expired_tokens(TOKENS_ERASED_BEFORE)


async def _accepted_and_not_started(pen: Pen) -> None:
    """Written first: the restart in its middle claims whatever is incomplete."""
    asked = await _intended(pen, "pending, accepted", 4)
    before = await asked.read()
    await pen.start_again("second", minutes_ago=3)
    await asked.accept(as_read=before)


async def _not_acknowledged(pen: Pen) -> None:
    await pen.ask("not acknowledged, shown after all", 2, shown=False)
    await pen.ask("not acknowledged, never shown", 2, shown=False)
    await pen.ask("not acknowledged, nobody can tell", HOUR, shown=False)
    await pen.ask("not acknowledged, shown a day ago", DAY, shown=False)


async def _pending(pen: Pen) -> None:
    await pen.ask("pending, untouched", 1)
    await pen.ask("pending, other options", 1, options=PORTRAIT)
    await pen.ask("pending, a model that left", 1, options=LEFT_MODEL)
    await pen.ask("pending, a negative prompt", 1, options=NEGATIVE)
    await pen.ask("pending, token dead", HOUR)
    await pen.ask("pending, a day old", DAY)
    ephemeral = await pen.ask("pending, ephemeral", 1, shown=False)
    await ephemeral.acknowledge(ephemeral=True)
    believed = await pen.ask("pending, believed acknowledged", HOUR, shown=False)
    await believed.assume_acknowledged()
    refused = await _intended(pen, "pending, refused", 2)
    await refused.refuse()
    refused = await _intended(pen, "pending, refused and intended again", 2)
    await refused.refuse()
    await refused.intend()


async def _answer_lost(pen: Pen) -> None:
    await _intended(pen, "intended, no video yet", 2)
    await _intended(pen, "intended, a video meanwhile", 2)
    await _intended(pen, "intended, past its deadline", 13)
    await _intended(pen, "intended, past its deadline, a negative prompt", 13, NEGATIVE)
    await _intended(pen, "intended, past its deadline, a video", 13)
    await _intended(pen, "intended, a day old", DAY)
    await _intended_twice(pen, "intended twice")
    await _intended_twice(pen, "intended twice, the first's video")
    await _intended_twice(pen, "intended twice, the second's video")
    refused = await _intended_twice(pen, "intended, then refused")
    await refused.refuse()
    for name in ("intended, then generating", "intended, then generating, the first's video"):
        second = await _intended_twice(pen, name)
        await second.accept()


async def _generating(pen: Pen) -> None:
    await _generating_one(pen, "generating, running", 2)
    await _generating_one(pen, "generating, finished", 2)
    await _generating_one(pen, "generating, gone", 2)
    await _generating_one(pen, "generating, gone, a video", 2)
    await _generating_one(pen, "generating, filtered", 2)
    await _generating_one(pen, "generating, past its deadline", 12)
    await _generating_one(pen, "generating, past its deadline, finished", 12)
    await _generating_one(pen, "generating, token dead, finished", HOUR)
    await _generating_one(pen, "generating, a day old", DAY)
    await _generating_one(pen, "generating, a day old, finished", DAY)
    await _generating_one(pen, "generating, a model that left", 2, options=LEFT_MODEL)


async def _completed(pen: Pen) -> None:
    await _completed_one(pen, "completed", 3)
    await _completed_one(pen, "completed, token dead", HOUR)
    await _completed_one(pen, "completed, token erased", 11 * HOUR)
    await _completed_one(pen, "completed, a day old", DAY)
    await _completed_one(pen, "completed, too large to attach", 3, size_bytes=UPLOAD_LIMIT_BYTES + 1)
    for name, minutes_ago in (("completed, edit begun", 3), ("completed, edit begun, token dead", HOUR)):
        await (await _completed_one(pen, name, minutes_ago)).begin(DeliveryRoute.EDIT)
    for name in ("completed, post begun", "completed, post begun and landed"):
        await (await _completed_one(pen, name, HOUR)).begin(DeliveryRoute.POST, after_seconds=20 * 60)
    posted = await _completed_one(pen, "completed, posted", HOUR)
    await posted.begin(DeliveryRoute.POST, after_seconds=20 * 60)
    await posted.post()
    ephemeral = await pen.ask("completed, ephemeral, token dead", HOUR, shown=False)
    await ephemeral.acknowledge(ephemeral=True)
    await ephemeral.intend()
    await ephemeral.accept()
    await ephemeral.complete()


async def _failed(pen: Pen) -> None:
    for failure in Failure:
        await _failed_one(pen, failure, f"failed: {failure}", 5)
    await _failed_one(pen, Failure.FILTERED, "failed, token dead", HOUR)
    edited = await _failed_one(pen, Failure.FILTERED, "failed, edit begun", 5)
    await edited.begin(DeliveryRoute.EDIT)
    for name in ("failed, post begun", "failed, post begun and landed"):
        begun = await _failed_one(pen, Failure.TIMED_OUT, name, HOUR)
        await begun.begin(DeliveryRoute.POST, after_seconds=20 * 60)
    posted = await _failed_one(pen, Failure.TIMED_OUT, "failed, posted", HOUR)
    await posted.begin(DeliveryRoute.POST, after_seconds=20 * 60)
    await posted.post()
    cancelled = await pen.ask("cancelled", 2)
    await cancelled.cancel()


async def _to_be_cancelled(pen: Pen) -> None:
    await (await pen.ask("pending, to be cancelled", 1)).call_off(drop=False)
    await (await _intended(pen, "intended, to be dropped", 2)).call_off(drop=True)
    await (await _generating_one(pen, "generating, to be dropped", 2)).call_off(drop=True)


async def _closed(pen: Pen) -> None:
    edited = await _completed_one(pen, "closed, delivered by edit", 2 * HOUR)
    await edited.begin(DeliveryRoute.EDIT)
    await edited.close(Closure.DELIVERED)
    posted = await _completed_one(pen, "closed, delivered by a message", 3 * HOUR)
    await posted.begin(DeliveryRoute.POST, after_seconds=20 * 60)
    await posted.post()
    await posted.close(Closure.DELIVERED)
    unreached = await _completed_one(pen, "closed, nobody could be given the video", 3 * HOUR)
    await unreached.begin(DeliveryRoute.EDIT)
    await unreached.close(Closure.UNDELIVERABLE)
    untold = await _failed_one(pen, Failure.UNREACHABLE, "closed, nobody could be told", 3 * HOUR)
    await untold.begin(DeliveryRoute.POST, after_seconds=20 * 60)
    await untold.close(Closure.UNDELIVERABLE)
    unseen = await pen.ask("closed, never acknowledged", 3 * HOUR, shown=False)
    await unseen.close(Closure.UNACKNOWLEDGED)
    withdrawn = await _completed_one(pen, "closed, withdrawn", 3 * HOUR)
    await withdrawn.begin(DeliveryRoute.EDIT)
    await withdrawn.close(Closure.WITHDRAWN)
    for failure in Failure:
        told = await _failed_one(pen, failure, f"closed, failed: {failure}", 4 * HOUR)
        await told.begin(DeliveryRoute.EDIT)
        await told.close(Closure.DELIVERED)
    unknown = await _completed_one(pen, "closed, in a newer version's way", 2 * HOUR)
    await pen.change(
        unknown, "requests", "closed_at = created_at + 90000, closure = 'archived', interaction_token = NULL"
    )


async def _of_a_newer_version(pen: Pen) -> None:
    asked = await pen.ask("newer: a status", 2)
    await pen.change(asked, "requests", "status = 'paused'")
    asked = await _generating_one(pen, "newer: a submission's state", 2)
    await pen.change(asked, "submissions", "state = 'queued'")
    asked = await pen.ask("newer: a shape", 2)
    await pen.change(asked, "requests", "aspect_ratio = '1:1'")
    asked = await pen.ask("newer: a height", 2)
    await pen.change(asked, "requests", "resolution = '2160p'")
    asked = await _failed_one(pen, Failure.FILTERED, "newer: a failure", 2)
    await pen.change(asked, "requests", "failure = 'age_restricted'")
    asked = await _completed_one(pen, "newer: a way of delivery", 2)
    await pen.change(
        asked,
        "requests",
        "delivery_route = 'direct message', delivery_started_at = created_at + 90000",
    )


async def _damaged(pen: Pen) -> None:
    asked = await pen.ask("damaged: the seed", 2)
    await pen.change(asked, "requests", "seed = 'a word'")
    asked = await _generating_one(pen, "damaged: the submission's time", 2)
    await pen.change(asked, "submissions", "intended_at = 'yesterday'")
    asked = await pen.ask("damaged: the time", 2)
    await pen.change(asked, "requests", "created_at = 'yesterday'")


# -- what several have in common


async def _intended(pen: Pen, name: str, minutes_ago: float, options: VideoOptions = OPTIONS) -> Asked:
    asked = await pen.ask(name, minutes_ago, options=options)
    await asked.intend()
    return asked


async def _intended_twice(pen: Pen, name: str) -> Asked:
    """The second intent comes when the first's video is no longer expected, and a minute before the end."""
    asked = await _intended(pen, name, 14)
    await asked.intend(2, after_seconds=12.5 * 60)
    return asked


async def _generating_one(pen: Pen, name: str, minutes_ago: float, options: VideoOptions = OPTIONS) -> Asked:
    asked = await _intended(pen, name, minutes_ago, options)
    await asked.accept()
    return asked


async def _completed_one(pen: Pen, name: str, minutes_ago: float, size_bytes: int = 2**20) -> Asked:
    asked = await _generating_one(pen, name, minutes_ago)
    await asked.complete(size_bytes=size_bytes)
    return asked


async def _failed_one(pen: Pen, failure: Failure, name: str, minutes_ago: float) -> Asked:
    """Fail in the way that this reason comes about: before, during or after a submission."""
    match failure:
        case Failure.EXPIRED | Failure.UNREACHABLE | Failure.INTERNAL:
            asked = await pen.ask(name, minutes_ago)
        case Failure.PROVIDER_BUSY | Failure.PROVIDER_UNAVAILABLE:
            asked = await _intended(pen, name, minutes_ago)
            await asked.refuse()
        case Failure.REJECTED | Failure.MODEL_RETIRED | Failure.ANSWER_LOST:
            asked = await _intended(pen, name, minutes_ago)
        case Failure.VIDEO_LOST:
            asked = await _completed_one(pen, name, minutes_ago)
        case _:
            asked = await _generating_one(pen, name, minutes_ago)
    await asked.fail(failure)
    return asked

"""What a request looks like to the member: from the rows to the text of a message.

Pure functions. Every content fits Discord's 2,000 characters, since the quoted prompt gives way to all else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from veobot.core.limits import Limits
from veobot.core.models import model_name
from veobot.core.ports import OutcomeVideo, SignedLink
from veobot.core.progress import Checking, Generating, Progress, Waiting
from veobot.core.request import MessageId, VideoOptions, VideoRequest
from veobot.core.status import Status

from .markdown import file_stem, length, quote, shorten
from .texts import en

CONTENT_LIMIT = 2000
"""Characters in a message's content; Discord refuses more (50035)."""
DESCRIPTION_LIMIT = 1024
"""Characters in an attachment's description."""
BAR_CELLS = 10
LARGEST_PERCENT = 95
"""A bar never says 100 % before delivery."""
FILE_NAME_WORDS = 3


@dataclass(frozen=True, slots=True)
class Card:
    """A message: its text, and what its video is called and described as."""

    content: str
    file_name: str
    description: str


# -- while it works


def progress(request: VideoRequest, state: Progress, *, restarted_at: datetime) -> Card:
    """Show how far the request is; `restarted_at` is when this process took it over, if an earlier one had it."""
    match state:
        case Waiting():
            return _card(
                request,
                en.WAITING,
                place=en.ordinal(state.position),
                starts_at=_unix(state.starts_at),
                options=options_line(request.options),
            )
        case Generating():
            return _generating(request, state, restarted_at)
        case Checking():
            return _card(
                request, en.CHECKING, until=_unix(state.until), options=options_line(request.options)
            )
        case _:
            assert_never(state)


def _generating(request: VideoRequest, state: Generating, restarted_at: datetime) -> Card:
    # Rounded down to steps of five, for it is an estimate, and so that it never goes backwards.
    percent = min(LARGEST_PERCENT, int(state.fraction * 20) * 5)
    full = percent * BAR_CELLS // 100
    when = en.LONGER_THAN_USUAL if state.overdue else en.USUALLY_READY.format(ready_at=_unix(state.ready_at))
    interrupted = any(submission.intended_at < restarted_at for submission in request.open_submissions)
    return _card(
        request,
        en.RESUMED if request.resumed and interrupted else en.GENERATING,
        share=en.SHARE.format(percent=percent) if percent else en.JUST_STARTED,
        bar="▰" * full + "▱" * (BAR_CELLS - full),
        when=when,
        options=options_line(request.options),
        restarted_at=_unix(restarted_at),
    )


def options_line(options: VideoOptions) -> str:
    """Say what was asked for: 8 s, 16:9, 720p, sound on. Of a negative prompt only that there is one."""
    line = en.OPTIONS.format(
        duration=options.duration_seconds,
        aspect_ratio=options.aspect_ratio,
        resolution=options.resolution,
        sound=en.SOUND[options.audio],
    )
    return line + (en.WITH_NEGATIVE_PROMPT if options.negative_prompt else "")


# -- the outcome


def outcome(request: VideoRequest, video: OutcomeVideo | None, limits: Limits) -> Card:
    """Show the outcome in the placeholder's place: the video, or the reason why there is none."""
    if request.status is Status.COMPLETED:
        options = request.options
        return _card(
            request,
            en.DONE,
            link=_link(request, video.link if video else None),
            model=model_name(options.model),
            duration=options.duration_seconds,
            resolution=options.resolution,
            seed=options.seed,
            took=_took(request),
        )
    return _card(request, _failure(request, limits, number_always=False))


def late_outcome(request: VideoRequest, video: OutcomeVideo | None, limits: Limits) -> Card:
    """Show the outcome in a new message: it names the member, and holds the request's id for who looks for it.

    The id stands in the last small line ("request 144…"), where history shows it: by it the message is found again
    after a crash (`request_id_of`), and a member can quote it to the operator.
    """
    if request.status is Status.COMPLETED:
        return _card(
            request,
            en.DONE_LATE,
            user_id=request.user_id,
            link=_link(request, video.link if video else None),
            asked_at=_unix(request.created_at),
            model=model_name(request.options.model),
            duration=request.options.duration_seconds,
            resolution=request.options.resolution,
            request_id=request.id,
            restart=en.RESTARTED if request.resumed else "",
        )
    address = en.LATE_FAILURE.format(user_id=request.user_id, asked_at=_unix(request.created_at))
    return _card(request, f"{address}\n{_failure(request, limits, number_always=True)}")


def pointer(request: VideoRequest, message_id: MessageId) -> str:
    """Point from the placeholder to the message that carries the outcome."""
    url = message_url(request, message_id)
    text = en.POINTER_DONE if request.status is Status.COMPLETED else en.POINTER_ENDED
    return text.format(url=url)


def message_url(request: VideoRequest, message_id: MessageId) -> str:
    """Return the address of a message in the request's channel."""
    return f"https://discord.com/channels/{request.guild_id}/{request.channel_id}/{message_id}"


def request_id_of(content: str) -> int | None:
    """Return the id of the request whose outcome this text is, None if it is no outcome's.

    Only small lines count: a quoted prompt is one line that begins with "> ", so no member can forge one.
    """
    for line in content.splitlines():
        if not line.startswith("-# "):
            continue
        *_, last = line.removeprefix("-# ").split(" · ")
        word, _, number = last.partition(" ")
        if word.lower() == "request" and number.isascii() and number.isdigit():
            return int(number)
    return None


def _failure(request: VideoRequest, limits: Limits, *, number_always: bool) -> str:
    """Return the text of a failure, with the place of the quote still open."""
    if request.failure is not None:
        text = en.FAILURES[request.failure]
    else:
        text = en.CANCELLED_RUNNING if request.counts_toward_quota else en.CANCELLED
    explanation = text.explanation.format(
        expiry_hours=round(limits.request_expiry / timedelta(hours=1)),
        patience_minutes=round(limits.submit_patience / timedelta(minutes=1)),
        deadline_minutes=round(limits.generation_deadline / timedelta(minutes=1)),
    )
    headline = text.headline.format(model=model_name(request.options.model))
    lines = [headline, *(["{quote}"] if text.quotes_prompt else []), explanation, text.next_step]
    if number_always or text.quotes_prompt:
        lines.append(en.REQUEST_LINE.format(request_id=request.id))
    return "\n".join(lines)


def _link(request: VideoRequest, link: SignedLink | None) -> str:
    if link is None:
        return ""
    size = request.video.video_size_bytes if request.video else None
    text = en.TOO_LARGE if size is None or size > request.upload_limit_bytes else en.NOT_ATTACHED
    # A closing bracket in the address would end the link.
    url = link.url.replace("(", "%28").replace(")", "%29")
    return text.format(url=url, until=_unix(link.expires_at))


def _took(request: VideoRequest) -> str:
    submission = request.video
    if submission is None or submission.ended_at is None:
        return ""
    seconds = (submission.ended_at - (submission.accepted_at or submission.intended_at)).total_seconds()
    return en.TOOK.format(duration=en.elapsed(max(0.0, seconds)))


# -- what all share


def _card(request: VideoRequest, template: str, **fields: object) -> Card:
    """Fill a text in, the prompt last: it gets what room is left."""
    without_prompt = length(template.format_map({**fields, "quote": ""}))
    quoted = quote(request.prompt, CONTENT_LIMIT - without_prompt)
    filled: Mapping[str, object] = {**fields, "quote": quoted}
    description_room = DESCRIPTION_LIMIT - length(en.ATTACHMENT.format(prompt=""))
    return Card(
        content=template.format_map(filled),
        file_name=f"{file_stem(request.prompt, FILE_NAME_WORDS)}.mp4",
        description=en.ATTACHMENT.format(prompt=shorten(request.prompt, description_room)),
    )


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())

"""A request, its options and its submissions, as the rows have them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NewType

from .failures import Failure
from .models import MODELS, AspectRatio, Resolution
from .status import Closure, DeliveryRoute, Status, SubmissionState

RequestId = NewType("RequestId", int)
"""The interaction's snowflake."""
UserId = NewType("UserId", int)
GuildId = NewType("GuildId", int)
ChannelId = NewType("ChannelId", int)
MessageId = NewType("MessageId", int)
OperationName = NewType("OperationName", str)
"""Vertex's full name of a running submission: `projects/…/operations/<uuid>`."""
VideoUri = NewType("VideoUri", str)
"""`gs://bucket/object`."""

TOKEN_LIFETIME = timedelta(minutes=15)
"""How long Discord honours an interaction's token. A hint only: Discord's answer decides."""

PROMPT_LENGTHS = range(5, 1001)
"""Characters a prompt may have: fewer say nothing; Veo takes 1,024 tokens, and every 1,000 characters fit."""

MAX_NEGATIVE_PROMPT_LENGTH = 500
"""Characters: room for a long list. With the longest prompt it can still be handed back in one message of Discord's."""

SEEDS = range(2**32)
"""Veo takes a uint32."""

MAX_ATTEMPTS = 2
"""Submissions a request may have: a second one only after the first's answer was lost and its prefix stayed empty."""


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """What is asked of the model. Stored with the request: later settings do not change it.

    `seed` is one of `SEEDS`, the member's or drawn before admission, so that a second submission makes the same video.
    `location` is the Google Cloud region that the operation lives in. `negative_prompt` is what should not be seen,
    empty if nothing was named; it is as private as the prompt, so no text of these options shows it.
    """

    model: str
    location: str
    duration_seconds: int
    aspect_ratio: AspectRatio
    resolution: Resolution
    audio: bool
    seed: int
    person_generation: str
    negative_prompt: str = field(default="", repr=False)

    @property
    def price_micro_usd(self) -> int:
        """What Vertex asks for this video. Raises KeyError where the price table has none: such a model is refused."""
        return MODELS[self.model].price_micro_usd(
            self.resolution, audio=self.audio, duration_seconds=self.duration_seconds
        )


@dataclass(frozen=True, slots=True)
class OptionDefaults:
    """What the operator's settings say of every video, and of what a member does not choose."""

    model: str
    models: tuple[str, ...]
    """Offered to members, in this order; `model` is among them."""
    location: str
    person_generation: str
    duration_seconds: int
    aspect_ratio: AspectRatio
    resolution: Resolution
    audio: bool


@dataclass(frozen=True, slots=True)
class Submission:
    """One call that Vertex may charge for."""

    request_id: RequestId
    attempt: int
    prefix: str
    """Where in the bucket this submission's video lands, and no other's: `veo/<request>/<attempt>/`."""
    first_intended_at: datetime
    intended_at: datetime
    """When the call was made last; earlier ones under this attempt were surely refused."""
    state: SubmissionState
    operation: OperationName | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    video_uri: VideoUri | None = None
    video_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The message by which `/veo` was acknowledged."""

    message_id: MessageId
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome's way to the member, once it has begun."""

    route: DeliveryRoute
    started_at: datetime
    message_id: MessageId | None = None
    """The new message that carries the outcome, once it is known to exist."""


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """One paid interaction, from the commit that accepts it to the commit that closes it."""

    id: RequestId
    user_id: UserId
    guild_id: GuildId
    channel_id: ChannelId
    application_id: int
    interaction_token: str | None
    """Erased once closed."""
    upload_limit_bytes: int
    """The largest file Discord said it takes in this place; it has over-reported."""
    prompt: str
    options: VideoOptions
    created_at: datetime
    """When the member pressed Enter, by Discord's clock: the snowflake's time."""
    status: Status = Status.PENDING
    failure: Failure | None = None
    failure_detail: str = ""
    cancel_requested_at: datetime | None = None
    """When somebody asked not to get it any more; taken only while there was no outcome."""
    acknowledged_at: datetime | None = None
    placeholder: Placeholder | None = None
    outcome_at: datetime | None = None
    delivery: Delivery | None = None
    closed_at: datetime | None = None
    closure: Closure | None = None
    owner: str = ""
    epoch: int = 1
    """How many owners it has had."""
    charged_micro_usd: int = 0
    """What counts against the budget: the price, until it is known that nothing was billed."""
    counts_toward_quota: bool = True
    submissions: tuple[Submission, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether nothing is owed any longer."""
        return self.closed_at is not None

    @property
    def resumed(self) -> bool:
        """Whether a restart lies between the command and now."""
        return self.epoch > 1

    @property
    def submission(self) -> Submission | None:
        """The latest submission."""
        return self.submissions[-1] if self.submissions else None

    @property
    def open_submissions(self) -> tuple[Submission, ...]:
        """The submissions that may still bring a video."""
        return tuple(s for s in self.submissions if s.state.is_open)

    @property
    def video(self) -> Submission | None:
        """The submission whose video is the outcome: the first that has one."""
        return next((s for s in self.submissions if s.state is SubmissionState.SUCCEEDED), None)

    def token_alive(self, now: datetime) -> bool:
        """Whether the interaction's token is probably still honoured."""
        return self.interaction_token is not None and now - self.created_at < TOKEN_LIFETIME

"""The named windows in which a crash can fall, each held open by a call that hangs."""

from dataclasses import dataclass
from enum import Enum

CALLBACK = "discord.callback"
EDIT = "discord.webhook.message.edit"
POST = "discord.message.create"
CHANNEL_EDIT = "discord.message.edit"
ORIGINAL = "discord.original.get"
HISTORY = "discord.history"
SUBMIT = "vertex.submit"
POLL = "vertex.poll"
LIST = "bucket.list"
STAT = "bucket.stat"
DOWNLOAD = "bucket.download"
TOKEN = "google.token"

LATE_SECONDS = 1.2
"""How much later a call lands that outlives its bot: the next process has come up meanwhile, and has not looked yet."""

VIDEO_OF_PROBE = "AI-generated video: {prompt}"
"""What only the call that carries a finished video contains."""


class Effect(Enum):
    """Whether the call in hand at the kill has its effect."""

    NEVER = "drop_before"
    DONE = "drop_after"
    LATER = "delay_before"


@dataclass(frozen=True, slots=True)
class Window:
    """A place in a request's life at which the bot is killed.

    Attributes:
        name: as the table has it.
        endpoint: the sandbox's name of the call that is in hand.
        effect: whether it has its effect.
        contains: only calls with this in path or body; `{prompt}` and `{request}` are the probe's.
        dead_token: the probe was asked so long ago that only a new message can tell its outcome.
        wish: a word for the probe's prompt that decides how Vertex ends it; see `crowd`.
        after: the window of an earlier kill, which leaves behind what this one is about: a takeover.
    """

    name: str
    endpoint: str
    effect: Effect
    contains: str | None = "{prompt}"
    dead_token: bool = False
    wish: str = ""
    after: "Window | None" = None

    @property
    def kills(self) -> int:
        """How many kills it takes."""
        return 1 if self.after is None else 1 + self.after.kills


SHOWN = Window("acknowledged, not recorded", CALLBACK, Effect.DONE)
SHOWN_LONG_AGO = Window("acknowledged, not recorded, token dead", CALLBACK, Effect.DONE, dead_token=True)
PAID = Window("accepted, not recorded", SUBMIT, Effect.DONE)
POLLING = Window("polling", POLL, Effect.NEVER, None)
TOLD = Window("delivered, not recorded", EDIT, Effect.DONE, VIDEO_OF_PROBE)
POSTED = Window("posted, not recorded", POST, Effect.DONE, VIDEO_OF_PROBE, dead_token=True)

WINDOWS = (
    Window("committed, not acknowledged", CALLBACK, Effect.NEVER),
    SHOWN,
    SHOWN_LONG_AGO,
    Window("acknowledgement lands late", CALLBACK, Effect.LATER),
    Window("intent, not submitted", SUBMIT, Effect.NEVER),
    PAID,
    Window("submission lands late", SUBMIT, Effect.LATER),
    POLLING,
    Window("finished, outcome not recorded", STAT, Effect.NEVER, "{request}"),
    Window("outcome recorded, not delivered", DOWNLOAD, Effect.NEVER, "{request}"),
    Window("delivery begun, not landed", EDIT, Effect.NEVER, VIDEO_OF_PROBE),
    TOLD,
    Window("delivery lands late", EDIT, Effect.LATER, VIDEO_OF_PROBE),
    Window("progress edit lands late", EDIT, Effect.LATER, "Making your video", wish="slow"),
    Window("reason told, not recorded", EDIT, Effect.DONE, "be made", wish="forbidden"),
    Window("posting begun, not landed", POST, Effect.NEVER, VIDEO_OF_PROBE, dead_token=True),
    POSTED,
    Window("post lands late", POST, Effect.LATER, VIDEO_OF_PROBE, dead_token=True),
    Window("pointer not written", CHANNEL_EDIT, Effect.NEVER, "see the video", dead_token=True),
    Window("takeover: asks what was shown", ORIGINAL, Effect.NEVER, "@original", after=SHOWN),
    Window("takeover: reads the history for it", HISTORY, Effect.NEVER, None, after=SHOWN_LONG_AGO),
    Window("takeover: fetches an access token", TOKEN, Effect.NEVER, None, after=SHOWN),
    Window("takeover: looks for what was paid", LIST, Effect.NEVER, "{request}", after=PAID),
    Window("takeover: first poll", POLL, Effect.NEVER, None, after=POLLING),
    Window("takeover: tells again", EDIT, Effect.NEVER, VIDEO_OF_PROBE, after=TOLD),
    Window("takeover: told again, not recorded", EDIT, Effect.DONE, VIDEO_OF_PROBE, after=TOLD),
    Window("takeover: reads the history for the post", HISTORY, Effect.NEVER, None, after=POSTED),
)


class Moment(Enum):
    """A window that no call holds open: the kill follows upon a sign."""

    UNCOMMITTED = "command seen, not committed"
    IN_LINE = "waiting in line"
    IDENTIFIED = "start: at the gateway"
    READY = "start: ready"
    CLAIMED = "start: requests claimed"
    CONFIRMED = "an acknowledgement lands"
    SUBMITTED = "a submission lands"
    FINISHED = "a video is finished"
    OUTCOME = "an outcome lands"


WINDOW_NAMES = tuple(window.name for window in WINDOWS)
MOMENT_NAMES = tuple(moment.value for moment in Moment)

"""The story's cast: eight members, what each asks for, and the state in which the kill is to catch each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

CLOCK_RATE = 20.0
"""Sandbox seconds per real second: a minute of Vertex AI in three seconds, and still slow enough to watch."""

CHANNEL = "video-lab"

TOKEN_LIFETIME_SECONDS = 15 * 60.0
EXPIRY_SECONDS = 24 * 3600.0

SLOTS = 4
"""Generations at once: requests 2, 3, 4 and 6 hold them at the kill, so that 1 and 7 have to wait."""


class StateAtKill(Enum):
    """What the kill is to interrupt; the value is how the table words it, in at most 27 characters."""

    WAITING = "waiting for a free slot"
    PAID_UNRECORDED = "paid, name not yet recorded"
    GENERATING = "generating"
    FINISHED_WHILE_DEAD = "generating, done while dead"
    UNDELIVERED = "finished and undelivered"
    TOKEN_EXPIRED = "generating, token ran out"  # noqa: S105 -- a sentence, no secret
    TOO_OLD = "waiting, older than 24 h"

    @property
    def at_kill(self) -> str:
        """How the table words it while the bot is still dead, and the rest has yet to happen."""
        match self:
            case StateAtKill.FINISHED_WHILE_DEAD | StateAtKill.TOKEN_EXPIRED:
                return StateAtKill.GENERATING.value
            case StateAtKill.TOO_OLD:
                return StateAtKill.WAITING.value
            case _:
                return str(self.value)


@dataclass(frozen=True, slots=True)
class Ask:
    """One member's request.

    Attributes:
        number: how the table and the files call it.
        title: the prompt in two words, at most 12 characters.
        state: what the kill is to interrupt; None for the one who asks afterwards.
    """

    number: int
    member: str
    title: str
    prompt: str
    state: StateAtKill | None

    @property
    def file_name(self) -> str:
        """Under which name the demo keeps this video."""
        return f"{self.number}-{self.title.replace(' ', '-')}.mp4"


ASKS = (
    Ask(1, "mira", "red fox", "A red fox running through fresh snow at dawn", StateAtKill.WAITING),
    Ask(
        2,
        "jonas",
        "paper boat",
        "A paper boat drifting down a rain gutter, close up",
        StateAtKill.PAID_UNRECORDED,
    ),
    Ask(3, "aiko", "lighthouse", "A lighthouse in a storm, waves over the rocks", StateAtKill.GENERATING),
    Ask(
        4,
        "tomás",
        "copper pot",
        "A copper pot beginning to steam in a sunlit kitchen",
        StateAtKill.FINISHED_WHILE_DEAD,
    ),
    Ask(5, "priya", "hummingbird", "A hummingbird at a red flower, slow motion", StateAtKill.UNDELIVERED),
    Ask(6, "sven", "night train", "A night train crossing a snowy valley", StateAtKill.TOKEN_EXPIRED),
    Ask(7, "lea", "sand castle", "A sand castle as the tide comes in, time lapse", StateAtKill.TOO_OLD),
    Ask(8, "omar", "snow globe", "A snow globe being shaken, macro", None),
)

WATCHED = ASKS[5]
"""Whose view of the channel is shown: the one who gets a new message."""


def ask(number: int) -> Ask:
    """Return the request of this number, from 1 on."""
    return ASKS[number - 1]


def bot_environment(
    environment: Mapping[str, str], *, project: str, bucket: str, resume: bool
) -> dict[str, str]:
    """Return the bot's settings for this story.

    Args:
        environment: what points the bot to the sandbox.
        project: the Google Cloud project that pays.
        bucket: where the videos go.
        resume: whether the bot takes up what was interrupted.
    """
    return {
        **environment,
        "VEOBOT_GOOGLE_PROJECT": project,
        "VEOBOT_BUCKET": bucket,
        "VEOBOT_CONCURRENT_GENERATIONS": str(SLOTS),
        # Real seconds; at clock x20 the default would let a whole generation pass between two looks.
        "VEOBOT_POLL_INTERVAL_SECONDS": "1",
        "VEOBOT_PROGRESS_INTERVAL_SECONDS": "5",
        # Ten minutes are 30 real seconds here, which a busy machine may need for the whole story.
        "VEOBOT_GENERATION_DEADLINE_MINUTES": "60",
        "VEOBOT_DAILY_BUDGET_USD": "20",  # eight videos of 0.40 USD
        "VEOBOT_LOG_FORMAT": "json",
        "VEOBOT_LOG_LEVEL": "info",
        "VEOBOT_RESUME": "true" if resume else "false",
    }

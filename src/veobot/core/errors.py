"""How a remote call can end, other than well.

A call to Discord, Vertex or the bucket returns, or raises exactly one of three: `Retryable` (surely not done),
`Permanent` (never will be) or `Ambiguous` (unknown). Adapters translate; the core decides. The docstring of
each class is its default message.
"""

from .failures import Failure


class VeobotError(Exception):
    """Something went wrong in veobot."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class Retryable(VeobotError):
    """The call was surely not carried out, and may be made again."""

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after_seconds: float = 0.0,
        failure: Failure = Failure.INTERNAL,
    ) -> None:
        """`failure` is what the request fails with, should retrying never succeed."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.failure = failure


class TurnTooFarOff(Retryable):
    """Our own pace of calls left no turn for this one: nobody was asked, and nobody refused."""


class OperatorNeeded(Retryable):
    """The call was refused until the operator mends credentials, permissions or billing."""

    def __init__(self, message: str | None = None, *, fix: str) -> None:
        """`fix` is one sentence that tells the operator what to do."""
        super().__init__(message)
        self.fix = fix


class Ambiguous(VeobotError):
    """Nobody can tell whether the call was carried out."""


class Permanent(VeobotError):
    """The call was refused, and will be however often it is made."""


class SubmissionRefused(Permanent):
    """Vertex will never accept this submission."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        """`detail` is the provider's own text, for the operator; never shown in public."""
        super().__init__(detail or failure.value)
        self.failure = failure
        self.detail = detail


class VideoMissing(Permanent):
    """The bucket no longer holds this video."""


class TokenExpired(Permanent):
    """The interaction's token is dead: nothing was done (Discord 50027, 10015)."""


class MessageGone(Permanent):
    """The message was deleted (Discord 10008)."""


class Unreachable(Permanent):
    """The channel is gone or closed to the bot (Discord 10003, 50001, 50013, 50083, 160005)."""

    def __init__(
        self,
        message: str | None = None,
        *,
        discord_code: int,
        fix: str = "Give the bot View Channel and Send Messages there",
    ) -> None:
        """`fix` is what the operator can do about it."""
        super().__init__(message)
        self.discord_code = discord_code
        self.fix = fix


class TooLarge(Permanent):
    """Discord takes no file of this size here (Discord 40005, HTTP 413)."""


class MessageRefused(Permanent):
    """Discord refused the message itself."""


class Superseded(VeobotError):
    """The row is no longer as this decision expected it: look again."""


class AlreadyKnown(VeobotError):
    """This very command was accepted before."""


class StoreUnavailable(VeobotError):
    """The database cannot be read or written at the moment."""


class RowUnreadable(VeobotError):
    """This version cannot read this row."""

    def __init__(self, message: str | None = None, *, fix: str) -> None:
        """`fix` is one sentence that tells the operator what to do."""
        super().__init__(message)
        self.fix = fix


class Stopping(VeobotError):
    """The process is about to leave, and begins nothing new."""

"""What the control API's calls take: one model for each body, and one sentence for each mistake."""

from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from veobot.sandbox.faults import FaultKind
from veobot.sandbox.generations import (
    DEFAULT_ERROR_CODE,
    DEFAULT_ERROR_MESSAGE,
    DEFAULT_SUPPORT_CODE,
    Result,
)
from veobot.sandbox.vertex import SubmitMode


class ControlError(Exception):
    """A control call that cannot be done; the text is one plain sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


class Body(BaseModel):
    """A control call's body; unknown fields are refused, since they are most likely mistyped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockBody(Body):
    """How the time is to go on."""

    rate: float | None = None
    jump_seconds: float | None = None


class FaultBody(Body):
    """A fault, see `faults.Fault`."""

    endpoint: str
    kind: FaultKind
    seconds: float = 0.0
    status: int = 500
    code: int | None = None
    message: str | None = None
    bytes: int = 0
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    contains: str | None = None


class CommandBody(Body):
    """A member runs a command."""

    member: str
    channel: str | None = None
    name: str = "veo"
    options: dict[str, JsonValue] = Field(default_factory=dict)
    asked_seconds_ago: float = Field(default=0.0, ge=0)
    interaction_id: str | None = None
    dispatch_times: int = Field(default=1, ge=0)
    attachment_size_limit: int | None = None
    unchecked: bool = False


class ButtonBody(Body):
    """A member presses a button."""

    member: str
    message_id: str
    custom_id: str


class ModalBody(Body):
    """A member sends the form with which the bot answered."""

    interaction_id: str
    values: dict[str, str]


class MessageBody(Body):
    """A member writes."""

    member: str
    channel: str
    content: str


class NewChannelBody(Body):
    """A channel appears."""

    name: str
    type: int = 0
    parent: str | None = None
    nsfw: bool = False


class BotPermissions(Body):
    """Which of the bot's permissions change in a channel."""

    deny: list[str] = Field(default_factory=list)
    allow: list[str] = Field(default_factory=list)


class ChannelBody(Body):
    """A channel changes."""

    bot_permissions: BotPermissions = BotPermissions()
    archived: bool | None = None
    locked: bool | None = None
    nsfw: bool | None = None


class GuildBody(Body):
    """The guild changes, or the bot's being in it."""

    upload_limit_bytes: int | None = None
    premium_tier: int | None = None
    features: list[str] | None = None
    bot_present: bool | None = None


class GatewayBody(Body):
    """The gateway misbehaves."""

    action: Literal["drop", "invalidate", "reconnect", "refuse", "accept"]


class SceneBody(Body):
    """A line of the script, see `generations.Scene`."""

    result: Result = Result.DONE
    contains: str | None = None
    error_code: int = DEFAULT_ERROR_CODE
    message: str = DEFAULT_ERROR_MESSAGE
    support_code: str = DEFAULT_SUPPORT_CODE
    generation_seconds: float | None = Field(default=None, ge=0)
    times: int | None = Field(default=None, ge=1)


class VertexBody(Body):
    """Vertex AI's settings; what is left out stays as it is."""

    generation_seconds: float | None = Field(default=None, ge=0)
    script: list[SceneBody] | None = None
    submit: SubmitMode | None = None
    models: list[str] | None = None


class FinishBody(Body):
    """Which running operations finish now; none given means all."""

    contains: str | None = None
    operation: str | None = None


BodyType = TypeVar("BodyType", bound=Body)


async def read_body(request: web.Request, model: type[BodyType]) -> BodyType:
    """Return the request's body as the model; an empty one is an empty object.

    Raises:
        ControlError: with a sentence that names the field.
    """
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "The body"
        sentence = f"{place}: {first['msg']}."
        raise ControlError(sentence) from None

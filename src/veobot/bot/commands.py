"""`/veo`: check, commit, acknowledge, work, in this order.

The command is committed before the member sees that it was accepted, and the acknowledgement is the waiting card
itself, so that one message serves from the first moment to the outcome. Whatever becomes of the acknowledgement's
answer, the request goes to the work queue: the core looks the placeholder up where its id is not recorded.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import discord
from discord import app_commands

from veobot.core.admission import Place, Refusal, UnknownOption
from veobot.core.door import Unavailable
from veobot.core.errors import AlreadyKnown, Ambiguous, Permanent, Retryable, StoreUnavailable
from veobot.core.models import MODELS, AspectRatio, Resolution
from veobot.core.ports import EventLog
from veobot.core.progress import Progress
from veobot.core.request import (
    PROMPT_LENGTHS,
    MessageId,
    OptionDefaults,
    Placeholder,
    RequestId,
    VideoOptions,
    VideoRequest,
)

from . import cards, refusals
from .calls import one_call
from .failures import AlreadyAcknowledged
from .interactions import encodable, place_of, request_from
from .texts import en
from .tree import ACCEPTED, ANSWER_TIMEOUT_SECONDS, OutdatedForm, tell

SEEDS = 2**32
"""Veo takes a uint32."""
ACKNOWLEDGEMENT_PAUSE_SECONDS = 0.2
"""Between tries of the acknowledgement, which all fall within Discord's 3 s."""
OPTION_TYPES: dict[str, type] = {
    "prompt": str,
    "duration": int,
    "aspect_ratio": str,
    "resolution": str,
    "audio": bool,
}
"""The command's form; discord.py hands on what does not fit, and drops what it does not know."""


class Door(Protocol):
    """Lets requests in; `core.door.Door` is one."""

    async def admit(self, request: VideoRequest, place: Place) -> Refusal | Unavailable | None:
        """Commit the request, or return what speaks against it. Raises `AlreadyKnown`, `StoreUnavailable`."""


class Acceptance(Protocol):
    """What happens to a request that was let in."""

    async def forecast(self, request: VideoRequest) -> Progress:
        """Say what the member is shown first: a place in line, or a video under way where a slot is free.

        Raises nothing, and is quick: the member's 3 s are running.
        """

    async def acknowledged(self, request_id: RequestId, placeholder: Placeholder) -> None:
        """Record the placeholder. Raises `StoreUnavailable`."""

    def accepted(self, request: VideoRequest) -> None:
        """Hand the request to the work queue."""


class VeoCommand:
    """The command's form and its handler.

    Args:
        door: decides and commits.
        acceptance: takes over what was let in.
        defaults: from the settings.
        log: gets what the member is not told.
    """

    def __init__(self, door: Door, acceptance: Acceptance, defaults: OptionDefaults, log: EventLog) -> None:
        self._door = door
        self._acceptance = acceptance
        self._defaults = defaults
        self._log = log
        self._in_hand: set[asyncio.Task[object]] = set()

    async def drain(self, seconds: float) -> int:
        """Give commands in hand this long to be answered; return how many were not."""
        if not self._in_hand:
            return 0
        _, unanswered = await asyncio.wait(set(self._in_hand), timeout=seconds)
        return len(unanswered)

    def build(self) -> app_commands.Command[Any, ..., None]:
        """Return the command as Discord shows it."""
        defaults = self._defaults

        @app_commands.command(name="veo", description=en.COMMAND_DESCRIPTION)
        @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
        @app_commands.allowed_installs(guilds=True, users=False)
        @app_commands.describe(
            prompt=en.PROMPT_DESCRIPTION.format(
                minimum=PROMPT_LENGTHS.start, maximum=PROMPT_LENGTHS.stop - 1
            ),
            duration=en.DURATION_DESCRIPTION.format(default=defaults.duration_seconds),
            aspect_ratio=en.ASPECT_RATIO_DESCRIPTION.format(default=defaults.aspect_ratio),
            resolution=en.RESOLUTION_DESCRIPTION.format(default=defaults.resolution),
            audio=en.AUDIO_DESCRIPTION.format(default=en.SOUND[defaults.audio]),
        )
        @app_commands.choices(duration=_durations(defaults.model))
        @app_commands.choices(aspect_ratio=[_choice(en.LANDSCAPE, "16:9"), _choice(en.PORTRAIT, "9:16")])
        @app_commands.choices(resolution=[_choice(r, r) for r in MODELS[defaults.model].resolutions])
        async def veo(  # noqa: PLR0917  # discord.py reads the options off the signature, and calls by name
            interaction: discord.Interaction,
            prompt: app_commands.Range[str, 5, 1000],
            duration: int = defaults.duration_seconds,
            aspect_ratio: str = defaults.aspect_ratio.value,
            resolution: str = defaults.resolution.value,
            audio: bool = defaults.audio,
        ) -> None:
            with self._kept_in_hand():
                await self._handle(interaction, prompt, duration, aspect_ratio, resolution, audio=audio)

        return veo

    @contextmanager
    def _kept_in_hand(self) -> Iterator[None]:
        """Count the current task among those that a leaving process waits for."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._in_hand.add(task)
        try:
            yield
        finally:
            self._in_hand.discard(task)

    async def _handle(
        self,
        interaction: discord.Interaction,
        prompt: str,
        duration_seconds: int,
        aspect_ratio: str,
        resolution: str,
        *,
        audio: bool,
    ) -> None:
        _require_known_form(interaction.namespace)
        prompt = encodable(prompt)
        if interaction.guild_id is None or interaction.channel is None:
            await tell(interaction, en.SERVERS_ONLY, self._log)
            return
        refusal = _unknown_choice(aspect_ratio, resolution)
        if refusal is not None:
            await tell(interaction, refusals.refused(refusal, prompt), self._log)
            return
        options = VideoOptions(
            model=self._defaults.model,
            location=self._defaults.location,
            duration_seconds=duration_seconds,
            aspect_ratio=AspectRatio(aspect_ratio),
            resolution=Resolution(resolution),
            audio=audio,
            seed=secrets.randbelow(SEEDS),
            person_generation=self._defaults.person_generation,
        )
        await self._ask(
            interaction,
            request_from(interaction, interaction.guild_id, interaction.channel.id, prompt, options),
        )

    async def _ask(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """Check and commit; then acknowledge, and hand over whatever becomes of the acknowledgement."""
        place = await place_of(interaction, request.channel_id)
        try:
            answer = await self._door.admit(request, place)
        except AlreadyKnown:
            self._log.info("command.replayed", request_id=request.id)
            return
        except StoreUnavailable as error:
            self._log.error("request.not_stored", request_id=request.id, reason=str(error))
            answer = Unavailable.NO_RECORDS
        if isinstance(answer, Unavailable):
            await tell(interaction, refusals.unavailable(answer, request.prompt), self._log)
            return
        if answer is not None:
            self._log.info("request.refused", request_id=request.id, refusal=type(answer).__name__)
            await tell(interaction, refusals.refused(answer, request.prompt), self._log)
            return
        interaction.extras[ACCEPTED] = True
        try:
            await self._acknowledge(interaction, request)
        finally:
            self._acceptance.accepted(request)

    async def _acknowledge(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """Answer with the first card, and record which message it became."""
        first = await self._acceptance.forecast(request)
        card = cards.progress(request, first, restarted_at=request.created_at)
        placeholder = await self._answer(interaction, request, card.content)
        if placeholder is None:
            return
        try:
            await self._acceptance.acknowledged(request.id, placeholder)
        except StoreUnavailable as error:
            self._log.warning("placeholder.not_recorded", request_id=request.id, reason=str(error))

    async def _answer(
        self, interaction: discord.Interaction, request: VideoRequest, content: str
    ) -> Placeholder | None:
        """Answer the interaction within Discord's 3 s; None where it is not known which message that became.

        Trying again is harmless: Discord takes one answer, and says 40060 to any further.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_TIMEOUT_SECONDS
        while (seconds := until - loop.time()) > 0:
            try:
                async with one_call(seconds, by_token=True):
                    response = await interaction.response.send_message(
                        content, allowed_mentions=discord.AllowedMentions.none()
                    )
                if response.message_id is not None:
                    return Placeholder(MessageId(response.message_id))
                break
            except AlreadyAcknowledged:
                break  # by a try before this one, whose answer got lost
            except (Retryable, Ambiguous) as error:
                self._log.info("acknowledgement.retried", request_id=request.id, reason=str(error))
                await asyncio.sleep(ACKNOWLEDGEMENT_PAUSE_SECONDS)
            except Permanent as error:
                self._log.warning("acknowledgement.refused", request_id=request.id, reason=str(error))
                break
        return None


def _choice(name: str, value: str) -> app_commands.Choice[str]:
    return app_commands.Choice(name=name, value=value)


def _durations(model: str) -> list[app_commands.Choice[int]]:
    return [
        app_commands.Choice(name=en.DURATION_CHOICE.format(seconds=seconds), value=seconds)
        for seconds in MODELS[model].durations_seconds
    ]


def _require_known_form(namespace: app_commands.Namespace) -> None:
    """Raise `OutdatedForm` if a member's Discord still shows another form of the command."""
    odd = [name for name, value in namespace if not isinstance(value, OPTION_TYPES.get(name, ()))]
    if odd:
        raise OutdatedForm(f"options not understood: {', '.join(sorted(odd))}")


def _unknown_choice(aspect_ratio: str, resolution: str) -> Refusal | None:
    """Return what is wrong with a choice that Discord's own form would not have offered."""
    if aspect_ratio not in {a.value for a in AspectRatio}:
        return UnknownOption("aspect_ratio", aspect_ratio, tuple(AspectRatio))
    if resolution not in {r.value for r in Resolution}:
        return UnknownOption("resolution", resolution, tuple(Resolution))
    return None

"""`/veo`: the command's form, and the request that it makes; what follows is decided at the core's door."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import discord
from discord import app_commands

from veobot.core.admission import Place, Refusal, UnknownOption
from veobot.core.models import MICRO_USD, MODELS, AspectRatio, Model, Resolution, model_name
from veobot.core.ports import EventLog, Reply
from veobot.core.request import (
    MAX_NEGATIVE_PROMPT_LENGTH,
    PROMPT_LENGTHS,
    SEEDS,
    OptionDefaults,
    VideoOptions,
    VideoRequest,
)

from . import refusals
from .in_hand import InHand
from .interactions import encodable, place_of, request_from
from .reply import DiscordReply
from .texts import en
from .tree import OutdatedForm, tell

T = TypeVar("T")

OPTION_TYPES: dict[str, type] = {
    "prompt": str,
    "duration": int,
    "aspect_ratio": str,
    "resolution": str,
    "audio": bool,
    "negative_prompt": str,
    "seed": int,
    "model": str,
}
"""The command's form; discord.py hands on what does not fit, and drops what it does not know."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What a member filled in, as Discord hands it on; None for a seed that is to be drawn."""

    prompt: str
    duration_seconds: int
    aspect_ratio: str
    resolution: str
    audio: bool
    negative_prompt: str
    seed: int | None
    model: str


class Door(Protocol):
    """Lets requests in; `core.door.Door` is one."""

    async def receive(self, request: VideoRequest, place: Place, reply: Reply) -> None:
        """Commit the request, then tell the member that it was accepted; or refuse it."""


class VeoCommand:
    """The command's form and its handler.

    Args:
        door: takes each request, from the check to the work queue.
        defaults: from the settings.
        log: gets what the member is not told.
        in_hand: keeps the process there until the member has an answer.
        others_first_seconds: see `DiscordReply`.
    """

    def __init__(
        self,
        door: Door,
        defaults: OptionDefaults,
        log: EventLog,
        *,
        in_hand: InHand,
        others_first_seconds: float = 0.0,
    ) -> None:
        self._door = door
        self._defaults = defaults
        self._log = log
        self._in_hand = in_hand
        self._others_first_seconds = others_first_seconds

    def build(self) -> app_commands.Command[Any, ..., None]:
        """Return the command as Discord shows it."""
        defaults = self._defaults
        models = [MODELS[model] for model in defaults.models]

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
            negative_prompt=en.NEGATIVE_PROMPT_DESCRIPTION.format(maximum=MAX_NEGATIVE_PROMPT_LENGTH),
            seed=en.SEED_DESCRIPTION,
            model=en.MODEL_DESCRIPTION.format(default=model_name(defaults.model)),
        )
        @app_commands.choices(duration=_durations(models))
        @app_commands.choices(aspect_ratio=[_choice(en.LANDSCAPE, "16:9"), _choice(en.PORTRAIT, "9:16")])
        @app_commands.choices(resolution=[_choice(r, r) for r in _of_any(models, lambda m: m.resolutions)])
        @app_commands.choices(model=[_choice(_with_price(model), model.id) for model in models])
        async def veo(  # noqa: PLR0917  # discord.py reads the options off the signature, and calls by name
            interaction: discord.Interaction,
            prompt: app_commands.Range[str, 5, 1000],
            duration: int = defaults.duration_seconds,
            aspect_ratio: str = defaults.aspect_ratio.value,
            resolution: str = defaults.resolution.value,
            audio: bool = defaults.audio,
            negative_prompt: app_commands.Range[str, 1, MAX_NEGATIVE_PROMPT_LENGTH] = "",
            seed: app_commands.Range[int, SEEDS[0], SEEDS[-1]] | None = None,
            model: str = defaults.model,
        ) -> None:
            form = _Form(
                prompt=encodable(prompt),
                duration_seconds=duration,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                audio=audio,
                negative_prompt=encodable(negative_prompt),
                seed=seed,
                model=model,
            )
            with self._in_hand.kept():
                await self._handle(interaction, form)

        return veo

    async def _handle(self, interaction: discord.Interaction, form: _Form) -> None:
        _require_known_form(interaction.namespace)
        if interaction.guild_id is None or interaction.channel is None:
            await tell(interaction, en.SERVERS_ONLY, self._log)
            return
        refusal = _unknown_choice(form.aspect_ratio, form.resolution)
        if refusal is not None:
            words = refusals.refused(refusal, form.prompt, form.negative_prompt)
            await tell(interaction, words, self._log)
            return
        options = self._options(form)
        request = request_from(
            interaction, interaction.guild_id, interaction.channel.id, form.prompt, options
        )
        place = await place_of(interaction, request.channel_id)
        reply = DiscordReply(interaction, self._log, others_first_seconds=self._others_first_seconds)
        await self._door.receive(request, place, reply)

    def _options(self, form: _Form) -> VideoOptions:
        return VideoOptions(
            model=form.model,
            location=self._defaults.location,
            duration_seconds=form.duration_seconds,
            aspect_ratio=AspectRatio(form.aspect_ratio),
            resolution=Resolution(form.resolution),
            audio=form.audio,
            seed=secrets.randbelow(len(SEEDS)) if form.seed is None else form.seed,
            person_generation=self._defaults.person_generation,
            negative_prompt=form.negative_prompt,
        )


def _choice(name: str, value: str) -> app_commands.Choice[str]:
    return app_commands.Choice(name=name, value=value)


def _durations(models: Iterable[Model]) -> list[app_commands.Choice[int]]:
    return [
        app_commands.Choice(name=en.DURATION_CHOICE.format(seconds=seconds), value=seconds)
        for seconds in sorted(_of_any(models, lambda model: model.durations_seconds))
    ]


def _of_any(models: Iterable[Model], values: Callable[[Model], Iterable[T]]) -> list[T]:
    """Return what any of the models can do, once each: the door refuses what the chosen one cannot."""
    return list(dict.fromkeys(value for model in models for value in values(model)))


def _with_price(model: Model) -> str:
    price = model.price_micro_usd(Resolution.P720, audio=True, duration_seconds=1)
    return en.MODEL_CHOICE.format(model=model.name, dollars_per_second=price / MICRO_USD)


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

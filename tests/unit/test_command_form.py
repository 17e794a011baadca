"""The form of `/veo`: what it offers follows from the models that the operator does."""

from collections.abc import Mapping
from dataclasses import replace

import discord
import pytest

from support.discord_bot import DEFAULTS
from support.event_log import RecordingLog
from support.requests import OPTIONS
from veobot.bot.commands import VeoCommand
from veobot.bot.in_hand import InHand
from veobot.bot.tree import VeobotTree
from veobot.core.admission import NeedsFullLength, Place, UnknownOption, check_options
from veobot.core.models import DEFAULT_MODEL_ID, MODELS, Model, Resolution
from veobot.core.ports import Reply
from veobot.core.request import VideoRequest

SHORT = Model(
    "veo-short-001",
    "Veo Short",
    (2, 4),
    {(Resolution.P720, True): 125, (Resolution.P720, False): 3},
    frozenset(),
)
"""Shorter videos than the others make, and none at 1080p."""


class NoDoor:
    async def receive(self, request: VideoRequest, place: Place, reply: Reply) -> None:
        raise AssertionError(f"nobody asks: {request}, {place}, {reply}")


@pytest.fixture(autouse=True)
def _one_more_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, SHORT.id, SHORT)


def form(*models: str) -> Mapping[str, Mapping[str, object]]:
    """Return the options that Discord is told of, by name."""
    log = RecordingLog()
    tree = VeobotTree(discord.Client(intents=discord.Intents.none()), log)
    defaults = replace(DEFAULTS, model=models[0], models=models)
    payload = VeoCommand(NoDoor(), defaults, log, in_hand=InHand()).build().to_dict(tree)
    return {str(option["name"]): option for option in payload["options"]}


def values(option: Mapping[str, object]) -> list[object]:
    choices = option["choices"]
    assert isinstance(choices, list)
    return [choice["value"] for choice in choices]


async def test_what_any_offered_model_can_do_is_offered_once() -> None:
    options = form(DEFAULT_MODEL_ID, SHORT.id)
    assert values(options["duration"]) == [2, 4, 6, 8]
    assert values(options["resolution"]) == ["720p", "1080p"]
    assert values(options["model"]) == [DEFAULT_MODEL_ID, SHORT.id]


async def test_what_no_offered_model_can_do_is_not_offered() -> None:
    options = form(SHORT.id)
    assert values(options["duration"]) == [2, 4]
    assert values(options["resolution"]) == ["720p"]


async def test_a_choice_of_one_model_still_says_its_price() -> None:
    option = form(SHORT.id)["model"]
    assert option["choices"] == [{"name": "Veo Short · $1.25 a second", "value": SHORT.id}]
    assert option["description"] == (
        "Which model makes it; prices are for 720p with sound (Veo Short if you don't choose)"
    )


def test_what_the_chosen_model_cannot_do_is_refused_with_what_it_can() -> None:
    short = replace(OPTIONS, model=SHORT.id)
    assert check_options("A red fox", short) is None
    assert check_options("A red fox", replace(short, duration_seconds=8)) == UnknownOption(
        "duration", "8 s", ("2 s", "4 s")
    )
    assert check_options("A red fox", replace(short, resolution=Resolution.P1080)) == UnknownOption(
        "resolution", "1080p", ("720p",)
    )
    other = replace(OPTIONS, resolution=Resolution.P1080)
    assert check_options("A red fox", other) == NeedsFullLength(Resolution.P1080, 8)

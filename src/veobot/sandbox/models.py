"""Which Veo models the sandbox knows, what they refuse and what they cost: its own account of the bot's bill."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from veobot.sandbox.ledger import JsonValue

# Documented limits of Veo 3.1 on Vertex AI, read November 2026.
DURATIONS_SECONDS = (4, 6, 8)
ASPECT_RATIOS = ("16:9", "9:16")
FULL_LENGTH_RESOLUTIONS = ("1080p", "4k")  # these need the longest duration
MAX_SAMPLES = 4
MAX_SEED = 2**32 - 1
MAX_IMAGE_BYTES = 20 * 2**20
PERSON_GENERATION = ("allow_adult", "allow_all", "dont_allow")

# Labels follow the rules of all Google Cloud labels.
MAX_LABELS = 64
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")

T = TypeVar("T", int, str)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per second of video, with and without sound."""

    with_audio: float
    without_audio: float


# Prices per model and resolution as published in November 2026.
PRICES: Mapping[str, Mapping[str, Price]] = {
    "veo-3.1-generate-001": {
        "720p": Price(0.40, 0.20),
        "1080p": Price(0.40, 0.20),
        "4k": Price(0.60, 0.40),
    },
    "veo-3.1-fast-generate-001": {"720p": Price(0.10, 0.08), "1080p": Price(0.12, 0.10)},
    "veo-3.1-lite-generate-001": {"720p": Price(0.05, 0.03), "1080p": Price(0.08, 0.05)},
}


class Refused(Exception):
    """The model does not accept these parameters; the text is the sentence of the 400."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A submission as the model understood it, defaults filled in.

    Attributes:
        duration_seconds: length of the video.
        storage_uri: `gs://bucket/prefix/` with its trailing slash; None if the video is to come inline.
        parameters: as they were sent.
    """

    model: str
    prompt: str
    duration_seconds: int
    aspect_ratio: str
    resolution: str
    generate_audio: bool
    sample_count: int
    storage_uri: str | None
    parameters: Mapping[str, JsonValue]
    labels: Mapping[str, JsonValue]

    @property
    def cost_usd(self) -> float:
        """What Google would charge if it succeeds."""
        # A model that is configured but unknown here costs as much as the dearest, so that no test passes by it.
        prices = PRICES.get(self.model, PRICES["veo-3.1-generate-001"])
        price = prices.get(self.resolution, prices["720p"])
        per_second = price.with_audio if self.generate_audio else price.without_audio
        return round(per_second * self.duration_seconds * self.sample_count, 4)


def understand(model: str, body: JsonValue) -> GenerationRequest:
    """Read the body of a predictLongRunning call as the model would.

    Raises:
        Refused: with the sentence to answer.
    """
    if not isinstance(body, Mapping):
        msg = "Invalid JSON payload received: the body must be an object."
        raise Refused(msg)
    parameters, labels = body.get("parameters") or {}, body.get("labels") or {}
    if not isinstance(parameters, Mapping) or not isinstance(labels, Mapping):
        msg = "Invalid JSON payload received: parameters and labels must be objects."
        raise Refused(msg)
    _check_labels(labels)
    duration_seconds = _choice(parameters, "durationSeconds", DURATIONS_SECONDS, 8)
    resolution = _choice(parameters, "resolution", tuple(PRICES.get(model, {"720p": None})), "720p")
    if resolution in FULL_LENGTH_RESOLUTIONS and duration_seconds != DURATIONS_SECONDS[-1]:
        msg = f"Resolution {resolution} needs a duration of {DURATIONS_SECONDS[-1]} seconds, not {duration_seconds}."
        raise Refused(msg)
    _choice(parameters, "personGeneration", PERSON_GENERATION, PERSON_GENERATION[0])
    _integer(parameters, "seed", 0, MAX_SEED)
    if not isinstance(parameters.get("negativePrompt", ""), str):
        msg = "negativePrompt must be a text."
        raise Refused(msg)
    audio = parameters.get("generateAudio", True)
    if not isinstance(audio, bool):
        msg = "generateAudio must be true or false."
        raise Refused(msg)
    return GenerationRequest(
        model=model,
        prompt=_prompt(body.get("instances")),
        duration_seconds=duration_seconds,
        aspect_ratio=_choice(parameters, "aspectRatio", ASPECT_RATIOS, "16:9"),
        resolution=resolution,
        generate_audio=audio,
        sample_count=_integer(parameters, "sampleCount", 1, MAX_SAMPLES) or 1,
        storage_uri=_storage_uri(parameters.get("storageUri")),
        parameters=parameters,
        labels=labels,
    )


def _prompt(instances: JsonValue) -> str:
    match instances:
        case [Mapping() as instance]:
            prompt, image = instance.get("prompt"), instance.get("image")
        case _:
            msg = "The request must contain exactly one instance."
            raise Refused(msg)
    if isinstance(image, Mapping):
        encoded = image.get("bytesBase64Encoded")
        if isinstance(encoded, str) and len(encoded) * 3 // 4 > MAX_IMAGE_BYTES:
            msg = f"The input image is larger than {MAX_IMAGE_BYTES // 2**20} MB."
            raise Refused(msg)
    elif not isinstance(prompt, str) or not prompt.strip():
        msg = "The instance has neither a prompt nor an image."
        raise Refused(msg)
    return prompt if isinstance(prompt, str) else ""


def _choice(parameters: Mapping[str, JsonValue], name: str, allowed: tuple[T, ...], default: T) -> T:
    value = parameters.get(name, default)
    for candidate in allowed:
        # True == 1 and 8.0 == 8 for Python, but not for the model.
        if type(value) is type(candidate) and value == candidate:
            return candidate
    msg = f"{name} must be one of {', '.join(map(str, allowed))}, but got {value}."
    raise Refused(msg)


def _integer(parameters: Mapping[str, JsonValue], name: str, least: int, most: int) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        msg = f"{name} must be a whole number from {least} to {most}, but got {value}."
        raise Refused(msg)
    return value


def _storage_uri(value: JsonValue) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"gs://[a-z0-9][a-z0-9._-]+(/.*)?", value):
        msg = f"storageUri must be a Cloud Storage address such as gs://bucket/folder/, but got {value}."
        raise Refused(msg)
    return value if value.endswith("/") else f"{value}/"


def _check_labels(labels: Mapping[str, JsonValue]) -> None:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not (isinstance(value, str) and _LABEL_VALUE.fullmatch(value)):
            msg = f"Invalid label {key}: labels are lower-case letters, digits, _ and -, at most 63 of them."
            raise Refused(msg)
    if len(labels) > MAX_LABELS:
        msg = f"A request can have at most {MAX_LABELS} labels."
        raise Refused(msg)

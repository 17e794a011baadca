"""Every model veobot can use: what it can do and what it costs. The one place for both.

Source: Google's Vertex AI model and pricing pages, November 2026.
"""

from dataclasses import dataclass
from enum import StrEnum

MICRO_USD = 1_000_000
"""Money is counted in whole millionths of a US dollar, so that sums are exact."""


class AspectRatio(StrEnum):
    """The shape of the picture."""

    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"


class Resolution(StrEnum):
    """The height of a landscape picture in lines."""

    P720 = "720p"
    P1080 = "1080p"


@dataclass(frozen=True, slots=True)
class Model:
    """What one model can do, and its price.

    `cents_per_second` maps (resolution, with audio) to US cents for a second of video. `full_length_only` names the
    resolutions that the model makes only at its longest duration.
    """

    id: str
    name: str
    durations_seconds: tuple[int, ...]
    cents_per_second: dict[tuple[Resolution, bool], int]
    full_length_only: frozenset[Resolution]

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """The resolutions this model has a price for, smallest first."""
        return tuple(r for r in Resolution if (r, True) in self.cents_per_second)

    def price_micro_usd(self, resolution: Resolution, *, audio: bool, duration_seconds: int) -> int:
        """Return what one video costs, in millionths of a US dollar."""
        return self.cents_per_second[resolution, audio] * duration_seconds * (MICRO_USD // 100)


def _prices(p720: tuple[int, int], p1080: tuple[int, int]) -> dict[tuple[Resolution, bool], int]:
    """Build the price table from (with audio, without) pairs in cents."""
    return {
        (Resolution.P720, True): p720[0],
        (Resolution.P720, False): p720[1],
        (Resolution.P1080, True): p1080[0],
        (Resolution.P1080, False): p1080[1],
    }


_DURATIONS = (4, 6, 8)
_FULL_LENGTH_ONLY = frozenset({Resolution.P1080})

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "veo-3.1-fast-generate-001",
            "Veo 3.1 Fast",
            _DURATIONS,
            _prices((10, 8), (12, 10)),
            _FULL_LENGTH_ONLY,
        ),
        Model("veo-3.1-generate-001", "Veo 3.1", _DURATIONS, _prices((40, 20), (40, 20)), _FULL_LENGTH_ONLY),
        Model(
            "veo-3.1-lite-generate-001",
            "Veo 3.1 Lite",
            _DURATIONS,
            _prices((5, 3), (8, 5)),
            _FULL_LENGTH_ONLY,
        ),
    )
}
"""Every model, by its id at Vertex."""

DEFAULT_MODEL_ID = "veo-3.1-fast-generate-001"


def model_name(model_id: str) -> str:
    """Return how a model is called in front of people; an unknown one by its id."""
    model = MODELS.get(model_id)
    return model.name if model else model_id

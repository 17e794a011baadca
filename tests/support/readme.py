"""The README's tables, made from what the code says.

.venv/bin/python tests/support/readme.py     writes them into the README
"""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from pydantic.fields import FieldInfo

from veobot.config import Settings
from veobot.config.settings import PREFIX, SECRETS
from veobot.core.models import MODELS, Model, Resolution

README = Path(__file__).parents[2] / "README.md"


def settings_table() -> str:
    """Return every setting: its variable, its default, what it means."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        twin = f" (or `{PREFIX}{name.upper()}_FILE`)" if name in SECRETS else ""
        rows.append(f"| `{PREFIX}{name.upper()}`{twin} | {_default(field)} | {field.description} |")
    return "\n".join(rows)


def prices_table() -> str:
    """Return what a second of video costs by model, and the default video of each."""
    heads = [f"{r}, {sound}" for r in Resolution for sound in ("sound", "silent")]
    rows = [f"| model | {' | '.join(heads)} | 4 s, 720p, sound |", "|---|--:|--:|--:|--:|--:|"]
    for model in MODELS.values():
        prices = [_dollars(_price(model, r, audio=audio)) for r in Resolution for audio in (True, False)]
        whole = _dollars(_price(model, Resolution.P720, audio=True, seconds=4))
        rows.append(f"| {model.name} (`{model.id}`) | {' | '.join(prices)} | {whole} |")
    return "\n".join(rows)


TABLES: dict[str, Callable[[], str]] = {"settings": settings_table, "prices": prices_table}
"""What stands between `<!-- NAME -->` and `<!-- /NAME -->`."""


def with_tables(text: str) -> str:
    """Return the README's text with every table as it must be. Raises ValueError where one has no place."""
    for name, table in TABLES.items():
        places = re.split(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", text, flags=re.DOTALL)
        if len(places) != 2:
            raise ValueError(f"the README must have one place for the table {name!r}, not {len(places) - 1}")
        text = f"{places[0]}{table()}\n{places[1]}"
    return text


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value in (None, "", frozenset(), ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _price(model: Model, resolution: Resolution, *, audio: bool, seconds: int = 1) -> Decimal:
    return Decimal(model.price_micro_usd(resolution, audio=audio, duration_seconds=seconds)) / 1_000_000


def _dollars(amount: Decimal) -> str:
    return f"${amount:.2f}"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")

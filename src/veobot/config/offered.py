"""Reads which models members may choose."""

from veobot.core.models import MODELS


def offered_models(text: str, default: str) -> tuple[str, ...]:
    """Return the ids in a list such as `a,b`, once each; of an empty one the default alone.

    Raises ValueError with what it must be: ids of known models, the default among them.
    """
    models = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if not set(models) <= set(MODELS):
        raise ValueError(f"it must be some of {', '.join(MODELS)}, with commas between.")
    if models and default in MODELS and default not in models:
        raise ValueError(f"it must name VEOBOT_MODEL too, which is {default}.")
    return models or (default,)

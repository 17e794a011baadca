"""Whether Discord has the commands as this version and these settings define them."""

from veobot.bot.calls import one_call
from veobot.bot.client import VeobotClient
from veobot.bot.registration import registered_forms, wanted_forms

from .findings import Finding, not_tried, ok, warning, wrong
from .visitor import DISCORD_TIMEOUT_SECONDS

_CHECK, _AGE_CHECK = "Commands", "Age restriction"


async def command_findings(client: VeobotClient) -> list[Finding]:
    """Compare the registered commands with the code's, and see that they are for every age. Raises as `one_call`."""
    async with one_call(DISCORD_TIMEOUT_SECONDS):
        registered = {str(form["name"]): form for form in await registered_forms(client)}
    wanted = {str(form["name"]): form for form in wanted_forms(client.tree)}
    return [_comparison(registered, wanted), _age_restriction(registered, wanted)]


def _comparison(registered: dict[str, dict[str, object]], wanted: dict[str, dict[str, object]]) -> Finding:
    missing = sorted(set(wanted) - set(registered))
    changed = sorted(name for name in wanted if name in registered and registered[name] != wanted[name])
    surplus = sorted(set(registered) - set(wanted))
    if missing:
        sentence = f"{_listed(missing)} {_is(missing)} not registered with Discord yet."
        return warning(_CHECK, sentence, "Start the bot once (`veobot run`): it registers its commands.")
    if changed:
        details = ", ".join(_differences(registered[changed[0]], wanted[changed[0]]))
        sentence = f"{_listed(changed)} {_is(changed)} registered in another form (different: {details})."
        return warning(
            _CHECK, sentence, "Restart the bot: it registers the form of this version and settings."
        )
    if surplus:
        sentence = f"Discord also lists {_listed(surplus)}, which this version does not know."
        return warning(_CHECK, sentence, "Restart the bot: it withdraws commands that are no longer its own.")
    names = sorted(wanted)
    return ok(_CHECK, f"{_listed(names)} {_is(names)} registered, exactly as this version defines it.")


def _age_restriction(
    registered: dict[str, dict[str, object]], wanted: dict[str, dict[str, object]]
) -> Finding:
    if not set(registered) & set(wanted):
        return not_tried(_AGE_CHECK, "no command is registered")
    restricted = sorted(name for name, form in registered.items() if form.get("nsfw"))
    if restricted:
        return wrong(
            _AGE_CHECK,
            f"{_listed(restricted)} {_is(restricted)} registered as age-restricted, and hidden from most members.",
            "Restart the bot: it registers its commands for every age. To limit where it works, use "
            "VEOBOT_AGE_RESTRICTED_ONLY instead.",
        )
    return ok(_AGE_CHECK, "No command itself is age-restricted.")


def _differences(registered: dict[str, object], wanted: dict[str, object]) -> list[str]:
    """Name what differs: options by their names, the rest by its key."""
    names: list[str] = []
    for key in sorted(set(registered) | set(wanted)):
        if registered.get(key) == wanted.get(key):
            continue
        if key == "options":
            names += [f"option {name}" for name in _differing_options(registered.get(key), wanted.get(key))]
        else:
            names.append({"nsfw": "age restriction"}.get(key, key.replace("_", " ")))
    return names


def _differing_options(registered: object, wanted: object) -> list[str]:
    before, after = _by_name(registered), _by_name(wanted)
    differing = [name for name in {**after, **before} if before.get(name) != after.get(name)]
    return differing or ["order"]


def _by_name(options: object) -> dict[str, object]:
    listed = options if isinstance(options, list) else []
    return {str(option["name"]): option for option in listed if isinstance(option, dict)}


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: list[str]) -> str:
    return ", ".join(f"/{name}" for name in names)

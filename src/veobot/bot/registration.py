"""Tells Discord which commands there are, only when that has changed: it allows 200 creations a day."""

from collections.abc import Iterable, Mapping

import discord
from discord import app_commands

from veobot.core.ports import EventLog

_KEYS = ("name", "type", "description", "nsfw", "contexts", "integration_types", "options")
_OPTION_KEYS = (
    "name", "type", "description", "required", "choices",
    "min_value", "max_value", "min_length", "max_length", "autocomplete",
)  # fmt: skip


async def register_if_changed(tree: app_commands.CommandTree[discord.Client], log: EventLog) -> None:
    """Register the tree's commands unless Discord already has just these."""
    try:
        registered = await registered_forms(tree.client)
        wanted = wanted_forms(tree)
        if _by_name(registered) == _by_name(wanted):
            log.info("commands.unchanged", names=[command["name"] for command in wanted])
            return
        await tree.sync()
    except (discord.DiscordException, OSError) as error:
        log.error(
            "commands.not_registered",
            reason=str(error),
            fix="Members may not see the commands, or older forms of them: restart the bot once Discord answers again",
        )
    else:
        log.info("commands.registered", names=[command["name"] for command in wanted])


async def registered_forms(client: discord.Client) -> list[dict[str, object]]:
    """Ask Discord for the registered commands; return what can be compared with `wanted_forms`.

    Raises what discord.py does.
    """
    application_id = client.application_id
    assert application_id is not None, "known from the login on"
    # Read as JSON: discord.py 2.7's AppCommand loses the contexts that a command is offered in.
    return [_comparable(dict(command)) for command in await client.http.get_global_commands(application_id)]


def wanted_forms(tree: app_commands.CommandTree[discord.Client]) -> list[dict[str, object]]:
    """Return what the tree's commands say, without ids and without what is only unset."""
    return [_comparable(command.to_dict(tree)) for command in tree.get_commands()]


def _comparable(command: Mapping[str, object]) -> dict[str, object]:
    """Keep what a command says, without ids and without what is only unset."""
    kept = _set_values(command, _KEYS)
    for key in ("contexts", "integration_types"):
        value = kept.get(key)
        if isinstance(value, list):
            kept[key] = sorted(value)
    options = kept.get("options")
    if isinstance(options, list):
        kept["options"] = [_comparable_option(option) for option in options]
    return kept


def _comparable_option(option: Mapping[str, object]) -> dict[str, object]:
    kept = _set_values(option, _OPTION_KEYS)
    choices = kept.get("choices")
    if isinstance(choices, list):
        kept["choices"] = [(choice["name"], choice["value"]) for choice in choices]
    return kept


def _set_values(source: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    return {key: source[key] for key in keys if source.get(key) not in (None, False, [], {})}


def _by_name(commands: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {command["name"]: command for command in commands}

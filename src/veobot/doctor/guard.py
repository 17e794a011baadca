"""What every group of checks does with errors: one sentence each, never a traceback, and the others go on."""

from collections.abc import Awaitable

from veobot.core.errors import OperatorNeeded, VeobotError

from .findings import Finding, wrong

_DISCORD_FIX = "Try again in a minute; see https://discordstatus.com, and this machine's network and proxy."


async def asked_of_discord(check: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    """Return the check's findings, or one that says how Discord's answer to it failed."""
    try:
        return await work
    except OperatorNeeded as error:
        return [wrong(check, f"{check}: Discord refused to answer ({error}).", f"{error.fix}.")]
    except VeobotError as error:
        return [wrong(check, f"{check}: Discord could not be asked ({error}).", _DISCORD_FIX)]


async def guarded(group: str, work: Awaitable[list[Finding]]) -> tuple[Finding, ...]:
    """Return a group's findings; a mistake in our own code costs its group only."""
    try:
        return tuple(await work)
    except Exception as error:  # noqa: BLE001  # the outermost frame of a group: the report is what the operator sees
        sentence = f"{group} could not be examined to the end: {type(error).__name__}: {error}"
        return (wrong(group, sentence, "Report this as a mistake in veobot, with this line."),)

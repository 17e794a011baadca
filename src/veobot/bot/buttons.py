"""Hands pressed buttons to their handlers. What a button does is read off its custom id, so that it outlives the bot.

discord.py's own views are in the memory of the process that sent them. Here a button needs none: after any number of
restarts, and in whichever process it arrives, the same id means the same.
"""

import asyncio
from collections.abc import Awaitable, Callable

import discord

from veobot.core.ports import EventLog

from .texts import en
from .tree import tell

Press = Callable[[discord.Interaction, str], Awaitable[None]]
"""Answers a pressed button, by its custom id. Raises `OutdatedButton`."""


class OutdatedButton(Exception):
    """The button's custom id says nothing to this version."""


class Buttons:
    """All buttons of the bot's messages, by how their custom ids begin.

    Args:
        log: gets what the member is not told.
        others_first_seconds: until so long after the press, this process keeps it to itself that it does not know the
            button: beside it, another version may.
    """

    def __init__(self, log: EventLog, *, others_first_seconds: float = 0.0) -> None:
        self._log = log
        self._others_first_seconds = others_first_seconds
        self._presses: dict[str, Press] = {}

    def add(self, prefix: str, press: Press) -> None:
        """Have `press` answer the buttons whose custom ids begin like this."""
        self._presses[prefix] = press

    async def pressed(self, interaction: discord.Interaction) -> None:
        """Answer a press; with one plain sentence where nobody knows the button, or something goes wrong."""
        data: object = interaction.data
        custom_id = str(data.get("custom_id")) if isinstance(data, dict) else ""
        try:
            await self._press_of(custom_id)(interaction, custom_id)
        except OutdatedButton:
            self._log.info("button.outdated", interaction_id=interaction.id)
            await asyncio.sleep(self._others_first_seconds)
            await tell(interaction, en.OUTDATED_BUTTON, self._log)
        except Exception:  # noqa: BLE001  # the outermost frame of a press: its member would see no answer at all
            self._log.exception("button.failed", interaction_id=interaction.id)
            await tell(interaction, en.UNEXPECTED, self._log)

    def _press_of(self, custom_id: str) -> Press:
        for prefix, press in self._presses.items():
            if custom_id.startswith(prefix):
                return press
        raise OutdatedButton

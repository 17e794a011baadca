"""Where members look something up: in servers only, in time, and with a plain sentence where nothing can be read."""

import asyncio
from collections.abc import Awaitable, Callable

import discord

from veobot.core.errors import StoreUnavailable
from veobot.core.ports import EventLog

from .in_hand import InHand
from .texts import en
from .tree import tell

Answer = Callable[[discord.Interaction], Awaitable[None]]
"""Looks up and answers; raises `StoreUnavailable`, in time for another answer, where nothing can be looked up."""


class Desk:
    """Serves whoever looks something up.

    Args:
        log: gets what the member is not told.
        in_hand: keeps the process there until the member has an answer.
        others_first_seconds: see `DiscordReply`.
    """

    def __init__(self, log: EventLog, in_hand: InHand, *, others_first_seconds: float = 0.0) -> None:
        self.log = log
        self._in_hand = in_hand
        self._others_first_seconds = others_first_seconds

    async def serve(self, interaction: discord.Interaction, answer: Answer) -> None:
        """Have the interaction answered; say so where nothing can be looked up at the moment."""
        others_until = asyncio.get_running_loop().time() + self._others_first_seconds
        with self._in_hand.kept():
            if interaction.guild_id is None:
                await tell(interaction, en.SERVERS_ONLY, self.log)
                return
            try:
                await answer(interaction)
            except StoreUnavailable as error:
                self.log.warning("lookup.unavailable", interaction_id=interaction.id, reason=str(error))
                await asyncio.sleep(others_until - asyncio.get_running_loop().time())
                await tell(interaction, en.NOTHING_TO_LOOK_UP, self.log)

"""Hands commands to their handlers, and makes one plain sentence of whatever goes wrong there."""

import asyncio
from collections.abc import Sequence

import discord
from discord import app_commands

from veobot.core.errors import Ambiguous, Permanent, Retryable
from veobot.core.ports import EventLog

from .calls import one_call
from .texts import en

ANSWER_TIMEOUT_SECONDS = 2.5
"""Discord takes a first answer within 3 s of the command."""
_OUTDATED = (
    app_commands.CommandNotFound,
    app_commands.CommandSignatureMismatch,
    app_commands.TransformerError,
)


ACCEPTED = "accepted"
"""Set in an interaction's `extras` once its request is committed: from then on no error is told instead of it."""


class OutdatedForm(app_commands.AppCommandError):
    """The command came in a form that this version does not know."""


class VeobotTree(app_commands.CommandTree[discord.Client]):
    """A command tree whose errors are told to the member in words, and to the log in full."""

    def __init__(self, client: discord.Client, log: EventLog) -> None:
        super().__init__(client)
        self._log = log
        self.others_first_seconds = 0.0
        """Until so long after a command, this process keeps it to itself that it does not know it: beside it, another
        version may."""

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answer ephemerally; never with the error itself."""
        if isinstance(error, (*_OUTDATED, OutdatedForm)):
            self._log.warning("command.outdated", interaction_id=interaction.id, reason=str(error))
            await asyncio.sleep(self.others_first_seconds)
            await tell(interaction, en.OUTDATED_COMMAND, self._log)
        else:
            self._log.exception("command.failed", interaction_id=interaction.id)
            await tell(interaction, en.UNEXPECTED, self._log)


async def tell(
    interaction: discord.Interaction,
    content: str,
    log: EventLog,
    *,
    embeds: Sequence[discord.Embed] = (),
    view: discord.ui.View | None = None,
) -> None:
    """Answer a command so that only its member sees it; where that cannot be done, the log says so."""
    if interaction.response.is_done() or ACCEPTED in interaction.extras:
        return
    try:
        async with one_call(ANSWER_TIMEOUT_SECONDS, by_token=True, needs_answer=False):
            await interaction.response.send_message(
                content,
                embeds=embeds,
                view=discord.utils.MISSING if view is None else view,
                ephemeral=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
    except (Retryable, Ambiguous, Permanent) as error:
        log.info("command.not_answered", interaction_id=interaction.id, reason=str(error))

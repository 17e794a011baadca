"""`/veo-history`: a member's own requests, page by page.

The buttons' custom ids hold a place in the history and nothing else. They are no right: whoever presses one is shown
what is their own, before or after that place.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import discord
from discord import app_commands

from veobot.core.errors import Ambiguous, Permanent, Retryable
from veobot.core.own_requests import Cut, Direction, OwnPage, Position
from veobot.core.request import RequestId, UserId

from . import own_cards
from .buttons import OutdatedButton
from .calls import one_call
from .desk import Desk
from .texts import en
from .tree import ANSWER_TIMEOUT_SECONDS, tell

BUTTON_PREFIX = "veo:history:"
_CUSTOM_ID = re.compile(r"veo:history:(before|after):(\d{1,14}):(\d{1,19})", re.ASCII)
"""Direction, milliseconds since 1970, request."""
_END = "veo:history:end:{direction}"
"""The id of a button that is disabled: each must have one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST_ID = 2**63 - 1
"""What a database can be asked for."""


class History(Protocol):
    """Knows what a member asked for; `core.own_requests.OwnRequests` does."""

    async def page(self, user_id: UserId, cut: Cut | None) -> OwnPage:
        """Return this member's requests at the cut, the newest for None. Raises `StoreUnavailable`."""


class HistoryCommand:
    """The command, its handler, and that of its buttons."""

    def __init__(self, history: History, desk: Desk) -> None:
        self._history = history
        self._desk = desk

    def build(self) -> app_commands.Command[Any, ..., None]:
        """Return the command as Discord shows it."""

        @app_commands.command(name="veo-history", description=en.HISTORY_DESCRIPTION)
        @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
        @app_commands.allowed_installs(guilds=True, users=False)
        async def veo_history(interaction: discord.Interaction) -> None:
            await self._desk.serve(interaction, self._answer)

        return veo_history

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        """Turn to another page. Raises `OutdatedButton`."""
        cut = cut_of(custom_id)

        async def turn(pressed: discord.Interaction) -> None:
            page = await self._page(pressed, cut)
            # Only what nobody else sees is replaced: the page may be another's than the one that was shown there.
            if pressed.message is not None and pressed.message.flags.ephemeral:
                await self._replace(pressed, page)
            else:
                await self._show(pressed, page)

        await self._desk.serve(interaction, turn)

    async def _answer(self, interaction: discord.Interaction) -> None:
        await self._show(interaction, await self._page(interaction, None))

    async def _page(self, interaction: discord.Interaction, cut: Cut | None) -> OwnPage:
        return await self._history.page(UserId(interaction.user.id), cut)

    async def _show(self, interaction: discord.Interaction, page: OwnPage) -> None:
        card = own_cards.history(page)
        await tell(interaction, card.content, self._desk.log, embeds=_embeds(card), view=_buttons(page))

    async def _replace(self, interaction: discord.Interaction, page: OwnPage) -> None:
        """Put the page in the place of the one whose button was pressed."""
        card = own_cards.history(page)
        try:
            async with one_call(ANSWER_TIMEOUT_SECONDS, by_token=True, needs_answer=False):
                await interaction.response.edit_message(
                    content=card.content,
                    embeds=_embeds(card),
                    view=_buttons(page),
                    allowed_mentions=discord.AllowedMentions.none(),
                )
        except (Retryable, Ambiguous, Permanent) as error:
            # By another process that got the same press, mostly.
            self._desk.log.info("command.not_answered", interaction_id=interaction.id, reason=str(error))


def custom_id_of(cut: Cut) -> str:
    """Return the custom id of a button that leads to this cut."""
    milliseconds = (cut.position.asked_at - _EPOCH) // _MILLISECOND
    return f"{BUTTON_PREFIX}{cut.direction}:{milliseconds}:{cut.position.request_id}"


def cut_of(custom_id: str) -> Cut:
    """Return where a button leads. Raises `OutdatedButton`."""
    parts = _CUSTOM_ID.fullmatch(custom_id)
    if parts is None or int(parts[3]) > _LARGEST_ID:
        raise OutdatedButton
    asked_at = _EPOCH + int(parts[2]) * _MILLISECOND
    return Cut(Direction(parts[1]), Position(asked_at, RequestId(int(parts[3]))))


def _embeds(card: own_cards.HistoryCard) -> list[discord.Embed]:
    return [discord.Embed(title=link.title, url=link.url) for link in card.links]


def _buttons(page: OwnPage) -> discord.ui.View | None:
    """Return both buttons, so that neither moves under the finger; none where there is one page only."""
    if page.newer is None and page.older is None:
        return None
    view = discord.ui.View(timeout=None)
    for label, cut, direction in (
        (en.NEWER, page.newer, Direction.AFTER),
        (en.OLDER, page.older, Direction.BEFORE),
    ):
        custom_id = _END.format(direction=direction) if cut is None else custom_id_of(cut)
        view.add_item(discord.ui.Button(label=label, custom_id=custom_id, disabled=cut is None))
    view.stop()  # else discord.py would remember it, and every page that was ever shown
    return view

"""`/veo-quota`: how many videos a member has used, when the next comes back, and what they cost."""

from typing import Any, Protocol

import discord
from discord import app_commands

from veobot.core.own_requests import Standing
from veobot.core.request import UserId

from . import own_cards
from .desk import Desk
from .texts import en
from .tree import tell


class Quota(Protocol):
    """Knows how a member stands; `core.own_requests.OwnRequests` does."""

    async def standing(self, user_id: UserId) -> Standing:
        """Return how this member stands toward the quota. Raises `StoreUnavailable`."""


class QuotaCommand:
    """The command and its handler."""

    def __init__(self, quota: Quota, desk: Desk) -> None:
        self._quota = quota
        self._desk = desk

    def build(self) -> app_commands.Command[Any, ..., None]:
        """Return the command as Discord shows it."""

        @app_commands.command(name="veo-quota", description=en.QUOTA_DESCRIPTION)
        @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
        @app_commands.allowed_installs(guilds=True, users=False)
        async def veo_quota(interaction: discord.Interaction) -> None:
            await self._desk.serve(interaction, self._answer)

        return veo_quota

    async def _answer(self, interaction: discord.Interaction) -> None:
        standing = await self._quota.standing(UserId(interaction.user.id))
        await tell(interaction, own_cards.quota(standing), self._desk.log)

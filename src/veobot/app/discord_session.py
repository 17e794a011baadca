"""Logs in to Discord and stays at its gateway, however often it takes."""

import asyncio
import random

import aiohttp
import discord

from veobot.bot.client import VeobotClient
from veobot.core.errors import VeobotError
from veobot.core.limits import backoff_seconds
from veobot.core.ports import EventLog


class CannotStart(VeobotError):
    """The bot cannot start."""


async def log_in(client: VeobotClient, token: str, log: EventLog) -> None:
    """Log in by REST; the answer also says what time it is. Raises `CannotStart` where the token is refused."""
    failures = 0
    while True:
        try:
            await client.login(token)
        except discord.LoginFailure as error:
            raise CannotStart(
                "Discord does not accept VEOBOT_DISCORD_TOKEN; copy the bot's token anew from the Developer Portal "
                "(your application, Bot, Reset Token)."
            ) from error
        except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
            failures += 1
            await _pause(failures, error, log)
        else:
            return


async def stay_connected(client: VeobotClient, log: EventLog) -> None:
    """Stay at Discord's gateway; where even its address cannot be had, ask for it again."""
    failures = 0
    while True:
        try:
            await client.connect()
        except (discord.GatewayNotFound, discord.DiscordServerError, OSError, aiohttp.ClientError) as error:
            failures += 1
            await _pause(failures, error, log)
        else:
            return


async def _pause(failures: int, error: Exception, log: EventLog) -> None:
    log.warning("discord.not_reached", reason=str(error))
    await asyncio.sleep(backoff_seconds(failures, random.random(), at_least=1.0))  # noqa: S311 -- no secret

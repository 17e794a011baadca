"""The doctor's visit to Discord: the bot's own client and commands, logged in by REST, never at the gateway."""

from collections.abc import Callable

import discord

from veobot.bot.calls import one_call
from veobot.bot.client import VeobotClient, use_api
from veobot.bot.in_hand import InHand
from veobot.bot.offering import offer
from veobot.config import Settings
from veobot.core.errors import VeobotError
from veobot.core.own_requests import OwnPage, Standing

from .findings import Finding, ok, wrong

DISCORD_TIMEOUT_SECONDS = 10.0
"""For each call: Discord answers within a second, or hangs."""

PORTAL = "https://discord.com/developers/applications"


def new_visitor(settings: Settings, observe_date: Callable[[str], None]) -> VeobotClient:
    """Return a client like the bot's, which offers the same commands but is not connected."""
    use_api(settings.discord_api_url, settings.discord_gateway_url)
    client = VeobotClient(_Silence(), observe_date=observe_date, on_first_ready=_nothing)
    nobody = _Nobody()
    offer(client, nobody, nobody, settings.option_defaults, _Silence(), in_hand=InHand())
    return client


async def token_finding(client: VeobotClient, settings: Settings) -> Finding:
    """Log in by REST."""
    check = "Discord token"
    try:
        async with one_call(DISCORD_TIMEOUT_SECONDS):
            await client.login(settings.discord_token.get_secret_value())
    except discord.LoginFailure:
        fix = f"Put the bot's token into VEOBOT_DISCORD_TOKEN: {PORTAL}, your application, Bot, Reset Token."
        return wrong(check, "Discord refuses the bot's token.", fix)
    except VeobotError as error:
        fix = "Check this machine's network and proxy, and look at https://discordstatus.com."
        return wrong(check, f"Discord cannot be asked whether the token is right ({error}).", fix)
    return ok(check, f"The token is right: the bot is {client.user}.")


def endpoint_finding(client: VeobotClient) -> Finding:
    """Look whether commands come over the gateway; the client must be logged in."""
    check = "Way of the commands"
    application = client.application
    if application is None or not application.interactions_endpoint_url:
        return ok(check, "Discord sends commands over the gateway.")
    page = f"{PORTAL}/{application.id}/information"
    return wrong(
        check,
        "Discord sends commands to the application's Interactions Endpoint URL, and none to the bot.",
        f"Empty the field Interactions Endpoint URL at {page}.",
    )


async def _nothing() -> None:
    """Nobody waits for a gateway that is never connected."""


class _Silence:
    """An `EventLog` that keeps everything to itself: the report is what the operator reads."""

    def info(self, event: str, **fields: object) -> None:
        """Say nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Say nothing."""

    def error(self, event: str, **fields: object) -> None:
        """Say nothing."""

    def exception(self, event: str, **fields: object) -> None:
        """Say nothing."""


class _Nobody:
    """Stands where the bot's parts are, since commands need them to be built; no command comes without a gateway."""

    async def receive(self, *_: object) -> None:
        """Never called."""
        raise NotImplementedError

    async def standing(self, *_: object) -> Standing:
        """Never called."""
        raise NotImplementedError

    async def page(self, *_: object) -> OwnPage:
        """Never called."""
        raise NotImplementedError

"""Whether the gateway lets the bot in, tried with a handshake of our own.

Not with discord.py's client: a connected one would answer members' commands beside the running bot.
"""

import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import discord
import yarl

from veobot.bot.calls import one_call
from veobot.bot.client import VeobotClient
from veobot.config import Settings

from .findings import Finding, ok, warning, wrong
from .visitor import DISCORD_TIMEOUT_SECONDS, PORTAL

GATEWAY_TIMEOUT_SECONDS = 10.0
"""For the whole handshake, which takes half a second."""

SPARE_LOGINS = 10
"""Discord allows 1,000 logins a day and then resets the token: below this the doctor does not use one up."""

_OP_IDENTIFY, _OP_INVALID_SESSION = 2, 9
_NO_CODE = 0

_CHECK = "Gateway"
_NETWORK_FIX = "Let this machine open WebSocket connections (wss) to gateway.discord.gg; check its proxy."


async def gateway_findings(client: VeobotClient, settings: Settings) -> list[Finding]:
    """Identify with the bot's intents, and leave at READY. The client must be logged in. Raises as `one_call`."""
    try:
        async with one_call(DISCORD_TIMEOUT_SECONDS):
            shards, url, limit = await client.http.get_bot_gateway()
    except discord.GatewayNotFound:
        return [wrong(_CHECK, "Discord does not say where its gateway is.", _NETWORK_FIX)]
    if limit["remaining"] < SPARE_LOGINS:
        sentence = (
            f"Discord allows only {limit['remaining']} more logins today, so the gateway was not tried."
        )
        return [warning(_CHECK, sentence, "Find out why the bot starts so often; wait for tomorrow.")]
    address = yarl.URL(settings.discord_gateway_url or url).update_query(v="10", encoding="json")
    login = {
        "token": settings.discord_token.get_secret_value(),
        "intents": client.intents.value,
        "shard": [0, shards],
        "properties": {"os": "linux", "browser": "veobot doctor", "device": "veobot doctor"},
    }
    try:
        code = await _shake_hands(address, login)
    except TimeoutError:
        sentence = f"The gateway did not answer within {GATEWAY_TIMEOUT_SECONDS:g} s."
        return [wrong(_CHECK, sentence, _NETWORK_FIX)]
    except aiohttp.WSServerHandshakeError as error:
        sentence = f"The gateway answers HTTP {error.status} instead of opening a connection."
        return [wrong(_CHECK, sentence, _NETWORK_FIX)]
    except (aiohttp.ClientError, OSError, ValueError) as error:
        sentence = f"The gateway cannot be reached ({type(error).__name__}: {error})."
        return [wrong(_CHECK, sentence, _NETWORK_FIX)]
    return [_meaning(code, client.application_id)]


async def _shake_hands(address: yarl.URL, login: Mapping[str, object]) -> int | None:
    """Return None at READY, else the code with which the gateway turned the bot away."""
    timeout = aiohttp.ClientTimeout(total=GATEWAY_TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        await socket.send_json({"op": _OP_IDENTIFY, "d": login})
        async for frame in _frames(socket):
            if frame.get("t") == "READY":
                return None
            if frame.get("op") == _OP_INVALID_SESSION:
                return _NO_CODE
        return socket.close_code or _NO_CODE


async def _frames(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Mapping[str, object]]:
    while True:
        message = await socket.receive(GATEWAY_TIMEOUT_SECONDS)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        frame = json.loads(message.data)
        if isinstance(frame, dict):
            yield frame


def _meaning(code: int | None, application_id: int | None) -> Finding:
    match code:
        case None:
            return ok(_CHECK, "The gateway lets the bot in, with the intents it asks for.")
        case 4004:
            fix = f"Put the bot's current token into VEOBOT_DISCORD_TOKEN: {PORTAL}/{application_id}/bot, Reset Token."
            return wrong(_CHECK, "The gateway refuses the token (4004), which was changed just now.", fix)
        case 4013 | 4014:
            fix = f"Look at Privileged Gateway Intents at {PORTAL}/{application_id}/bot; veobot needs none of them."
            return wrong(_CHECK, f"The gateway refuses the intents that the bot asks for ({code}).", fix)
        case _:
            named = f" (code {code})" if code else ""
            return wrong(_CHECK, f"The gateway turned the bot away{named}.", "Try again in a minute.")

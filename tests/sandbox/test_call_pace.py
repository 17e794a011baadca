"""Which calls to Discord await their turn: real discord.py against the sandbox."""

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest

from veobot.bot.calls import CALL_TIMEOUT_SECONDS, one_call, trace
from veobot.bot.client import use_api
from veobot.core.errors import Permanent, Retryable
from veobot.sandbox.client import SandboxClient

ME = "/users/@me"


class Turns:
    """Counts the turns that were awaited; there may be none left."""

    def __init__(self) -> None:
        self.awaited = 0
        self.far_off = False

    async def permit(self) -> None:
        self.awaited += 1
        await asyncio.sleep(0)
        if self.far_off:
            raise Retryable("its turn is too far off", retry_after_seconds=1.5)


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
async def client(
    sandbox: SandboxClient, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[discord.Client]:
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    use_api(sandbox.environment["VEOBOT_DISCORD_API_URL"], None)
    client = discord.Client(intents=discord.Intents.none(), http_trace=trace(lambda _: None, turns.permit))
    await client.login(sandbox.environment["VEOBOT_DISCORD_TOKEN"])
    yield client
    await client.close()


async def test_what_discord_py_calls_for_itself_awaits_no_turn(client: discord.Client, turns: Turns) -> None:
    assert client.user is not None
    assert turns.awaited == 0


async def test_each_call_with_the_bots_token_awaits_its_turn(client: discord.Client, turns: Turns) -> None:
    async with one_call(CALL_TIMEOUT_SECONDS):
        await client.application_info()
        await client.application_info()
    assert turns.awaited == 2


async def test_a_call_by_an_interactions_token_awaits_none(client: discord.Client, turns: Turns) -> None:
    webhook = discord.Webhook.partial(1, "a-token", client=client)
    with pytest.raises(Permanent):
        async with one_call(CALL_TIMEOUT_SECONDS, by_token=True):
            await webhook.edit_message(2, content="hello")
    assert turns.awaited == 0


async def test_a_call_whose_turn_is_far_off_is_not_made(
    sandbox: SandboxClient, client: discord.Client, turns: Turns
) -> None:
    turns.far_off = True
    before = len(await sandbox.ledger())
    with pytest.raises(Retryable) as refused:
        async with one_call(CALL_TIMEOUT_SECONDS):
            await client.application_info()
    assert refused.value.retry_after_seconds == 1.5
    assert len(await sandbox.ledger()) == before

"""An answer that comes drop by drop: whole in the end, and too slow for whoever is in a hurry."""

import time

import aiohttp
import pytest

from veobot.sandbox.client import SandboxClient

ME = "/api/v10/users/@me"


async def test_a_trickling_answer_is_whole_in_the_end(sandbox: SandboxClient) -> None:
    header = {"Authorization": f"Bot {sandbox.environment['VEOBOT_DISCORD_TOKEN']}"}
    async with aiohttp.ClientSession(sandbox.url, headers=header) as discord:
        async with discord.get(ME) as answer:
            whole = await answer.read()
        pieces = -(-len(whole) // 64)
        await sandbox.fault("discord.user.me", "trickle", bytes=64, seconds=0.05)
        started = time.monotonic()
        async with discord.get(ME) as answer:
            assert await answer.read() == whole
        assert time.monotonic() - started >= 0.05 * pieces


async def test_a_client_that_gives_a_trickling_answer_up_harms_nobody(sandbox: SandboxClient) -> None:
    header = {"Authorization": f"Bot {sandbox.environment['VEOBOT_DISCORD_TOKEN']}"}
    await sandbox.fault("discord.user.me", "trickle", seconds=0.05)
    async with aiohttp.ClientSession(sandbox.url, headers=header) as discord:
        with pytest.raises(TimeoutError):
            async with discord.get(ME, timeout=aiohttp.ClientTimeout(total=0.3)) as answer:
                await answer.read()
        async with discord.get(ME) as answer:
            assert answer.status == 200

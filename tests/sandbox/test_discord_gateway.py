"""The gateway's protocol, frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.discord_world import Discord, connected, discord_world
from support.gateway_client import DEFAULT_INTENTS, GatewayClient, connect
from veobot.sandbox.discord import WorldError
from veobot.sandbox.discord.ratelimits import RateLimits

VEO = {"name": "veo", "description": "Make a video"}
MESSAGE_CONTENT = 1 << 15


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[Discord]:
    async with discord_world(tmp_path, limits=RateLimits(enforced=False)) as world:
        yield world


async def write(discord: Discord, content: str, channel: str = "video-lab") -> None:
    discord.world.human_message(member="mira", channel=channel, content=content)


@pytest.mark.parametrize("compressed", [False, True])
async def test_ready_comes_first_then_the_guild(discord: Discord, compressed: bool) -> None:
    world = discord.world
    async with connect(discord.session, world.gateway_url, world.bot_token, compressed=compressed) as client:
        await client.identify()
        ready = await client.receive()
        assert (ready["t"], ready["s"]) == ("READY", 1)
        assert ready["d"]["user"]["id"] == world.application_id
        assert ready["d"]["guilds"] == [{"id": world.guild_id, "unavailable": True}]
        assert ready["d"]["resume_gateway_url"] == world.gateway_url
        guild = await client.receive()
        assert (guild["t"], guild["s"]) == ("GUILD_CREATE", 2)
        assert [member["user"]["id"] for member in guild["d"]["members"]] == [world.application_id]


async def test_heartbeats_are_answered(discord: Discord) -> None:
    async with connected(discord) as client:
        await client.send(1, client.seq)
        assert (await client.receive())["op"] == 11


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(2, {"token": "wrong", "intents": 1})], 4004),
        ([(6, {"token": "wrong", "session_id": "x", "seq": 1})], 4004),
        ([(99, None)], 4001),
        ([(3, {"status": "online"})], 4003),
        ([(2, {"token": "{token}", "intents": MESSAGE_CONTENT})], 4014),
        ([(2, {"token": "{token}", "intents": 1, "shard": [2, 2]})], 4010),
        ([(2, {"token": "{token}", "intents": 1}), (2, {"token": "{token}", "intents": 1})], 4005),
    ],
)
async def test_what_breaks_the_protocol_is_closed_with_its_code(
    discord: Discord, frames: list[tuple[int, dict[str, object] | None]], code: int
) -> None:
    async with connect(discord.session, discord.world.gateway_url, "") as client:
        for op, data in frames:
            known = data and data.get("token") == "{token}"
            await client.send(op, {**data, "token": discord.world.bot_token} if data and known else data)
        assert await client.closed() == code


async def test_a_frame_that_is_no_json_is_closed_with_4002(discord: Discord) -> None:
    async with connect(discord.session, discord.world.gateway_url, "") as client:
        await client.socket.send_str("hello")
        assert await client.closed() == 4002


async def test_a_resume_replays_exactly_what_was_missed(discord: Discord) -> None:
    async with connected(discord) as client:
        await write(discord, "seen")
        await client.event("MESSAGE_CREATE")
        session_id, seq = client.session_id, client.seq
        assert seq is not None
        await discord.world.gateway_action("drop")
    for content in ("missed one", "missed two"):
        await write(discord, content)
    async with connect(discord.session, discord.world.gateway_url, discord.world.bot_token) as client:
        await client.resume(session_id, seq)
        frames = [await client.receive() for _ in range(3)]
        assert [frame["t"] for frame in frames] == ["MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]
        assert [frame["s"] for frame in frames] == [seq + 1, seq + 2, seq + 3]
        await write(discord, "live again")
        assert (await client.receive())["s"] == seq + 4


async def test_an_interaction_sent_while_the_line_is_cut_is_replayed(discord: Discord) -> None:
    world = discord.world
    await discord.call("PUT", f"/applications/{world.application_id}/commands", [VEO])
    async with connected(discord) as client:
        session_id, seq = client.session_id, client.seq or 0
        await world.gateway_action("refuse")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await discord.session.ws_connect(world.gateway_url)
    number = await world.send_command(member="mira", options={})
    await world.gateway_action("accept")
    async with connect(discord.session, world.gateway_url, world.bot_token) as client:
        await client.resume(session_id, seq)
        assert (await client.event("INTERACTION_CREATE"))["id"] == number


async def test_an_unknown_session_is_invalid_and_may_identify_on_the_same_line(discord: Discord) -> None:
    world = discord.world
    async with connect(discord.session, world.gateway_url, world.bot_token) as client:
        await client.resume("nonsense", 1)
        frame = await client.receive()
        assert (frame["op"], frame["d"]) == (9, False)
        await client.identify()
        assert (await client.receive())["t"] == "READY"


@pytest.mark.parametrize(("code", "resumable"), [(1000, False), (4000, True)])
async def test_only_a_proper_farewell_ends_a_session(discord: Discord, code: int, resumable: bool) -> None:
    world = discord.world
    async with connected(discord) as client:
        session_id, seq = client.session_id, client.seq or 0
        await client.socket.close(code=code)
    await discord.wait_for("gateway", event="disconnect")
    async with connect(discord.session, world.gateway_url, world.bot_token) as client:
        await client.resume(session_id, seq)
        frame = await client.receive()
        assert (frame["t"] == "RESUMED") is resumable


async def test_events_follow_the_intents(discord: Discord) -> None:
    async with connected(discord, intents=1) as guilds_only, connected(discord) as everything:
        await write(discord, "hello")
        discord.world.create_channel(name="new")
        assert (await everything.receive())["t"] == "MESSAGE_CREATE"
        assert (await everything.receive())["t"] == "CHANNEL_CREATE"
        assert (await guilds_only.receive())["t"] == "CHANNEL_CREATE"


async def test_others_words_are_hidden_and_the_bots_own_are_not(discord: Discord) -> None:
    async with connected(discord) as client:
        await write(discord, "secret")
        assert (await client.event("MESSAGE_CREATE"))["content"] == ""
        await write(discord, f"<@{discord.world.application_id}> hi")
        assert (await client.event("MESSAGE_CREATE"))["content"].endswith("hi")
        await discord.call("POST", f"/channels/{discord.lab}/messages", {"content": "mine"})
        assert (await client.event("MESSAGE_CREATE"))["content"] == "mine"


async def test_a_hidden_channel_sends_no_messages(discord: Discord) -> None:
    discord.world.change_channel("general", deny=["VIEW_CHANNEL"])
    async with connected(discord) as client:
        await write(discord, "hidden", channel="general")
        await write(discord, "shown")
        assert (await client.event("MESSAGE_CREATE"))["channel_id"] == discord.lab


async def test_a_guild_belongs_to_one_shard(discord: Discord) -> None:
    world = discord.world
    mine = (int(world.guild_id) >> 22) % 2
    async with connect(discord.session, world.gateway_url, world.bot_token) as client:
        await client.identify(shard=[1 - mine, 2])
        assert (await client.receive())["d"]["guilds"] == []
        async with connect(discord.session, world.gateway_url, world.bot_token) as other:
            await other.identify(shard=[mine, 2])
            await other.event("GUILD_CREATE")
            await discord.call("PUT", f"/applications/{world.application_id}/commands", [VEO])
            number = await world.send_command(member="mira", options={})
            assert (await other.event("INTERACTION_CREATE"))["id"] == number
        await client.send(1, None)
        assert (await client.receive())["op"] == 11


async def test_a_command_waits_for_the_bot_to_come(discord: Discord) -> None:
    world = discord.world
    await discord.call("PUT", f"/applications/{world.application_id}/commands", [VEO])
    command = asyncio.create_task(world.send_command(member="mira", options={}))
    await asyncio.sleep(0)
    async with connected(discord) as client:
        assert (await client.event("INTERACTION_CREATE"))["id"] == await command


async def test_a_killed_bots_session_gets_nothing(discord: Discord) -> None:
    world = discord.world
    await discord.call("PUT", f"/applications/{world.application_id}/commands", [VEO])
    async with aiohttp.ClientSession() as session, session.ws_connect(world.gateway_url) as socket:
        client = GatewayClient(socket, world.bot_token, compressed=False)
        await client.identify(intents=DEFAULT_INTENTS)
        await client.event("GUILD_CREATE")
        connection = socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
        await discord.wait_for("gateway", event="disconnect")
    command = asyncio.create_task(world.send_command(member="mira", options={}))
    async with connected(discord) as again:
        assert (await again.event("INTERACTION_CREATE"))["id"] == await command


async def test_a_reset_closes_with_4000_and_forgets_the_session(discord: Discord) -> None:
    world = discord.world
    async with connected(discord) as client:
        session_id = client.session_id
        await asyncio.gather(world.reset(), client.closed())
        assert client.socket.close_code == 4000
    async with connect(discord.session, world.gateway_url, world.bot_token) as client:
        await client.resume(session_id, 1)
        assert (await client.receive())["op"] == 9


async def test_an_action_that_does_not_exist_is_named(discord: Discord) -> None:
    with pytest.raises(WorldError, match="drop, invalidate, reconnect, refuse, accept"):
        await discord.world.gateway_action("explode")

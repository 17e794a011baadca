"""hikari, which shares no code with discord.py, takes the simulated Discord for the real one too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import hikari
import pytest

from support.discord_world import Discord, discord_world
from veobot.sandbox.discord.ratelimits import RateLimits

WAIT_SECONDS = 15.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Discord]:
    async with discord_world(tmp_path, limits=RateLimits(enforced=False)) as served:
        yield served


@asynccontextmanager
async def running(
    world: Discord,
) -> AsyncIterator[tuple[hikari.GatewayBot, "asyncio.Queue[hikari.PartialInteraction]"]]:
    """A bot that is logged in and has registered /veo."""
    bot = hikari.GatewayBot(
        world.world.bot_token,
        rest_url=world.api_url,
        banner=None,
        logs=None,
        suppress_optimization_warning=True,
    )
    interactions: asyncio.Queue[hikari.PartialInteraction] = asyncio.Queue()

    @bot.listen(hikari.InteractionCreateEvent)
    async def remember(event: hikari.InteractionCreateEvent) -> None:
        await interactions.put(event.interaction)

    started = asyncio.Event()

    @bot.listen(hikari.StartedEvent)
    async def note(_: hikari.StartedEvent) -> None:
        started.set()

    await bot.start(check_for_updates=False)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await started.wait()
        application = await bot.rest.fetch_application()
        prompt = hikari.CommandOption(
            type=hikari.OptionType.STRING, name="prompt", description="What to show", is_required=True
        )
        friend = hikari.CommandOption(type=hikari.OptionType.USER, name="friend", description="For whom")
        command = bot.rest.slash_command_builder("veo", "Make a video").add_option(prompt).add_option(friend)
        await bot.rest.set_application_commands(application, [command])
        yield bot, interactions
    finally:
        await bot.close()


async def command_of(
    world: Discord, interactions: "asyncio.Queue[hikari.PartialInteraction]"
) -> hikari.CommandInteraction:
    """Let mira run /veo for aiko and return what the bot got."""
    options = {"prompt": "a fox", "friend": world.world.member_ids["aiko"]}
    await world.world.send_command(member="mira", options=options)
    async with asyncio.timeout(WAIT_SECONDS):
        interaction = await interactions.get()
    assert isinstance(interaction, hikari.CommandInteraction)
    return interaction


async def test_it_knows_the_guild_and_registers_its_command(world: Discord) -> None:
    async with running(world) as (bot, _):
        (guild,) = bot.cache.get_guilds_view().values()
        assert guild.name == "Veo Lab"
        channels = {channel.name for channel in guild.get_channels().values()}
        assert channels == {"video-lab", "general", "after-dark"}
        application = await bot.rest.fetch_application()
        (command,) = await bot.rest.fetch_application_commands(application)
        assert isinstance(command, hikari.SlashCommand)
        assert command.name == "veo"
        assert [option.name for option in command.options or []] == ["prompt", "friend"]


async def test_a_deferred_answer_is_edited_with_a_file_and_found_in_the_history(world: Discord) -> None:
    async with running(world) as (bot, interactions):
        interaction = await command_of(world, interactions)
        assert interaction.options is not None
        assert interaction.options[0].value == "a fox"
        assert interaction.resolved is not None
        assert [user.username for user in interaction.resolved.users.values()] == ["aiko"]
        assert interaction.member is not None
        assert interaction.member.username == "mira"
        await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        placeholder = await interaction.fetch_initial_response()
        assert placeholder.flags & hikari.MessageFlag.LOADING
        video = hikari.Bytes(b"mp4" * 1000, "fox.mp4")
        done = await interaction.edit_initial_response("Done", attachment=video)
        assert done.id == placeholder.id
        assert done.attachments[0].size == 3000
        assert await done.attachments[0].read() == b"mp4" * 1000
        history = await bot.rest.fetch_messages(interaction.channel_id)
        assert [message.id for message in history] == [placeholder.id]
        metadata = history[0].interaction_metadata
        assert metadata is not None
        assert metadata.interaction_id == interaction.id


async def test_a_message_with_button_and_reply_is_sent_edited_and_deleted(world: Discord) -> None:
    async with running(world) as (bot, interactions):
        lab = int(world.lab)
        row = bot.rest.build_message_action_row()
        row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "again", label="Again")
        first = await bot.rest.create_message(lab, "Your video", component=row)
        await world.world.press_button(member="omar", message_id=str(first.id), custom_id="again")
        async with asyncio.timeout(WAIT_SECONDS):
            press = await interactions.get()
        assert isinstance(press, hikari.ComponentInteraction)
        assert press.message.id == first.id
        await press.create_initial_response(hikari.ResponseType.MESSAGE_UPDATE, "Once more", components=[])
        reply = await bot.rest.create_message(lab, "And here", reply=first, mentions_reply=False)
        assert reply.type is hikari.MessageType.REPLY
        await bot.rest.edit_message(lab, reply, "And there")
        await bot.rest.delete_message(lab, reply)
        assert [entry.kind for entry in world.ledger.entries()][-3:] == ["message", "edit", "delete"]


async def test_refusals_arrive_as_its_own_errors(world: Discord) -> None:
    async with running(world) as (bot, interactions):
        interaction = await command_of(world, interactions)
        await interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, "Hello")
        with pytest.raises(hikari.BadRequestError) as twice:
            await interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, "Hello")
        assert twice.value.code == 40060
        with pytest.raises(hikari.BadRequestError) as too_long:
            await bot.rest.create_message(int(world.lab), "x" * 2001)
        assert too_long.value.errors is not None
        assert "content" in too_long.value.errors
        world.world.change_channel("general", deny=["VIEW_CHANNEL"])
        with pytest.raises(hikari.ForbiddenError) as hidden:
            await bot.rest.fetch_channel(int(world.world.channel_ids["general"]))
        assert hidden.value.code == 50001


async def test_a_dropped_socket_is_resumed(world: Discord) -> None:
    async with running(world) as (_, interactions):
        await world.world.gateway_action("drop")
        interaction = await command_of(world, interactions)
        assert interaction.command_name == "veo"
        events = [entry.fields["event"] for entry in world.kinds("gateway")]
        assert events[:2] == ["identify", "ready"]
        assert events[-2:] == ["resume", "resumed"]

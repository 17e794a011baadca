"""An unmodified discord.py takes the simulated Discord for the real one."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import discord
import pytest
import yarl
from discord import app_commands

from support.discord_world import Discord, Json, discord_world
from veobot.sandbox.discord.ratelimits import RateLimits
from veobot.sandbox.faults import Fault, FaultKind

WAIT_SECONDS = 10.0
Thing = TypeVar("Thing")


class Bot(discord.Client):
    """A bot with one command, which only remembers who ran it."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents.default(),
            guild_ready_timeout=0.3,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.tree = app_commands.CommandTree(self)
        self.commands: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.presses: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.resumes: asyncio.Queue[None] = asyncio.Queue()
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()

        @self.tree.command(name="veo", description="Make a video")
        @app_commands.describe(prompt="What to show", seconds="How long", friend="For whom")
        @app_commands.choices(seconds=[app_commands.Choice(name=f"{s} s", value=s) for s in (4, 6, 8)])
        async def veo(
            interaction: discord.Interaction,
            prompt: app_commands.Range[str, 1, 4000],
            seconds: int = 8,
            friend: discord.Member | None = None,
        ) -> None:
            interaction.extras["values"] = (prompt, seconds, friend)
            await self.commands.put(interaction)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is not discord.InteractionType.application_command:
            await self.presses.put(interaction)

    async def on_resumed(self) -> None:
        await self.resumes.put(None)

    async def on_message(self, message: discord.Message) -> None:
        await self.heard.put(message)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    """A fresh world without rate limits that discord.py is pointed at."""
    async with pointed_at(tmp_path, monkeypatch, RateLimits(enforced=False)) as served:
        yield served


@asynccontextmanager
async def pointed_at(
    directory: Path, monkeypatch: pytest.MonkeyPatch, limits: RateLimits
) -> AsyncIterator[Discord]:
    async with discord_world(directory, limits=limits) as served:
        gateway = yarl.URL(served.world.gateway_url)
        monkeypatch.setattr(discord.http.Route, "BASE", served.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        yield served


@asynccontextmanager
async def running(world: Discord) -> AsyncIterator[Bot]:
    """A bot that is logged in and has registered its command."""
    async with Bot() as bot:
        task = asyncio.create_task(bot.start(world.world.bot_token))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await bot.wait_until_ready()
                await bot.tree.sync()
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)


async def next_of(queue: asyncio.Queue[Thing]) -> Thing:
    async with asyncio.timeout(WAIT_SECONDS):
        return await queue.get()


async def asked(world: Discord, bot: Bot, prompt: str = "a fox") -> discord.Interaction:
    """Let mira run /veo and return what the bot got."""
    await world.world.send_command(member="mira", options={"prompt": prompt})
    return await next_of(bot.commands)


def video(content: bytes = b"mp4", name: str = "fox.mp4") -> discord.File:
    return discord.File(io.BytesIO(content), filename=name, description="AI-generated video: a fox")


async def test_it_logs_in_and_knows_the_guild_its_channels_and_its_thread(world: Discord) -> None:
    async with running(world) as bot:
        (guild,) = bot.guilds
        assert guild.name == "Veo Lab"
        assert [channel.name for channel in guild.text_channels] == ["video-lab", "general", "after-dark"]
        assert [thread.name for thread in guild.threads] == ["storyboards"]
        assert bot.user is not None
        assert bot.user.name == "veobot"
        assert bot.application_id == bot.user.id
        assert guild.me.guild_permissions.attach_files


async def test_a_wrong_token_is_refused_at_login(world: Discord) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("wrong")
    assert world.kinds("refusal")[0].fields["status"] == 401


async def test_a_synced_command_comes_back_with_its_values_resolved(world: Discord) -> None:
    async with running(world) as bot:
        aiko = world.world.member_ids["aiko"]
        options: Json = {"prompt": "two foxes", "seconds": 4, "friend": aiko}
        await world.world.send_command(member="mira", channel="general", options=options)
        interaction = await next_of(bot.commands)
        prompt, seconds, friend = interaction.extras["values"]
        assert (prompt, seconds, friend.name) == ("two foxes", 4, "aiko")
        assert isinstance(interaction.user, discord.Member)
        assert interaction.user.display_name == "Mira"
        assert isinstance(interaction.channel, discord.TextChannel)
        assert interaction.channel.name == "general"
        assert interaction.filesize_limit == 10 * 1024 * 1024
        assert interaction.app_permissions.send_messages
        assert interaction.context.guild
        assert interaction.is_guild_integration()


async def test_a_deferral_gives_the_placeholder_back(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        response = await interaction.response.defer(thinking=True)
        assert response is not None
        assert response.message_id is not None
        original = await interaction.original_response()
        assert original.id == response.message_id
        assert original.flags.loading
        (entry,) = world.kinds("acknowledged")
        assert entry.fields["message_id"] == str(original.id)


async def test_the_answer_to_a_second_callback_says_already_acknowledged(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        await interaction.response.send_message("Got it")
        again = discord.InteractionResponse(interaction)
        with pytest.raises(discord.HTTPException) as refusal:
            await again.defer(thinking=True)
        assert refusal.value.code == 40060


async def test_after_a_restart_a_webhook_made_of_the_token_edits_the_placeholder(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        response = await interaction.response.defer(thinking=True)
        assert response is not None
        assert response.message_id is not None
        message_id, token = response.message_id, interaction.token
    async with running(world) as bot:
        assert bot.application_id is not None
        webhook = discord.Webhook.partial(bot.application_id, token, client=bot)
        message = await webhook.edit_message(message_id, content="Done", attachments=[video()])
        assert message.content == "Done"
        assert message.attachments[0].description == "AI-generated video: a fox"
        assert message.edited_at is None


async def test_a_dead_token_leaves_the_channels_own_endpoint(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        response = await interaction.response.defer(thinking=True)
        assert response is not None
        assert response.message_id is not None
        world.clock.jump(15 * 60 + 1)
        with pytest.raises(discord.HTTPException) as refusal:
            await interaction.edit_original_response(content="Done")
        assert (refusal.value.status, refusal.value.code) == (401, 50027)
        channel = bot.get_partial_messageable(int(world.lab))
        await channel.get_partial_message(response.message_id).edit(content="Done late")
        assert world.kinds("edit")[-1].fields["content"] == "Done late"


async def test_an_edit_with_attachments_replaces_and_add_files_adds(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(attachments=[video()])
        message = await interaction.edit_original_response(attachments=[video()])
        assert [file.filename for file in message.attachments] == ["fox.mp4"]
        message = await message.add_files(video(b"more", "second.mp4"))
        assert [file.filename for file in message.attachments] == ["fox.mp4", "second.mp4"]
        message = await message.edit(content="Only text changes")
        assert len(message.attachments) == 2
        message = await message.remove_attachments(message.attachments[0])
        assert await message.attachments[0].read() == b"more"


async def test_the_same_nonce_sends_one_message(world: Discord) -> None:
    async with running(world) as bot:
        channel = bot.get_partial_messageable(int(world.lab))
        first = await channel.send("Your video", nonce="request-1")
        second = await channel.send("Your video", nonce="request-1")
        third = await channel.send("Your video", nonce="request-2")
        assert first.id == second.id != third.id
        world.clock.jump(10 * 60)
        assert (await channel.send("Your video", nonce="request-1")).id != first.id


async def test_a_reply_pings_whom_it_is_allowed_to(world: Discord) -> None:
    async with running(world) as bot:
        mira = int(world.world.member_ids["mira"])
        interaction = await asked(world, bot)
        response = await interaction.response.defer(thinking=True)
        assert response is not None
        assert response.message_id is not None
        channel = bot.get_partial_messageable(int(world.lab))
        reference = channel.get_partial_message(response.message_id).to_reference(fail_if_not_exists=False)
        only_mira = discord.AllowedMentions(users=[discord.Object(mira)], replied_user=False)
        text = f"<@{mira}> your video is ready, <@{world.world.member_ids['jonas']}> @everyone"
        message = await channel.send(text, reference=reference, allowed_mentions=only_mira)
        assert [user.id for user in message.mentions] == [mira]
        assert message.type is discord.MessageType.reply
        assert world.kinds("message")[-1].fields["mentions"] == [str(mira)]
        await message.edit(content=text + "!", allowed_mentions=only_mira)
        assert world.kinds("edit")[-1].fields["mentions"] == []


async def test_history_names_the_interaction_that_a_message_answers(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        await interaction.response.defer(thinking=True)
        channel = await bot.fetch_channel(int(world.lab))
        assert isinstance(channel, discord.TextChannel)
        (message,) = [message async for message in channel.history(after=discord.Object(1))]
        assert message.interaction_metadata is not None
        assert message.interaction_metadata.id == interaction.id
        assert message.interaction_metadata.user.name == "mira"


async def test_buttons_come_back_to_the_bot_and_update_their_message(world: Discord) -> None:
    async with running(world) as bot:
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Again", custom_id="again:1"))
        message = await bot.get_partial_messageable(int(world.lab)).send("Done", view=view)
        await world.world.press_button(member="jonas", message_id=str(message.id), custom_id="again:1")
        press = await next_of(bot.presses)
        assert press.data is not None
        assert press.data.get("custom_id") == "again:1"
        assert press.message is not None
        assert press.message.id == message.id
        await press.response.edit_message(content="Once more", view=None)
        assert world.kinds("edit")[-1].fields["content"] == "Once more"


async def test_a_modal_comes_back_with_what_the_member_wrote(world: Discord) -> None:
    async with running(world) as bot:
        interaction = await asked(world, bot)
        modal = discord.ui.Modal(title="Edit", custom_id="edit")
        modal.add_item(discord.ui.TextInput(label="Prompt", custom_id="prompt", default="a fox"))
        await interaction.response.send_modal(modal)
        await world.world.submit_modal(interaction_id=str(interaction.id), values={"prompt": "two foxes"})
        submitted = await next_of(bot.presses)
        assert submitted.type is discord.InteractionType.modal_submit
        assert "two foxes" in str(submitted.data)
        await submitted.response.send_message("Thank you", ephemeral=True)
        seen_by_mira = world.world.visible_messages("video-lab", "mira")
        assert len(seen_by_mira) == 1
        assert world.world.visible_messages("video-lab", "jonas") == []


async def test_a_dropped_socket_is_resumed_and_nothing_is_lost(world: Discord) -> None:
    async with running(world) as bot:
        await world.world.gateway_action("drop")
        await world.world.send_command(member="mira", options={"prompt": "while away"})
        interaction = await next_of(bot.commands)
        assert interaction.extras["values"][0] == "while away"
        await next_of(bot.resumes)
        events = [entry.fields["event"] for entry in world.kinds("gateway")]
        assert events == ["identify", "ready", "disconnect", "resume", "resumed"]


async def test_a_reconnect_is_obeyed_and_an_invalid_session_identifies_again(world: Discord) -> None:
    async with running(world) as bot:
        await world.world.gateway_action("reconnect")
        await next_of(bot.resumes)
        before = world.ledger.last_seq
        await world.world.gateway_action("invalidate")
        await world.wait_for("gateway", after=before, event="ready")
        assert (await asked(world, bot)).user.name == "mira"


async def test_a_replayed_dispatch_carries_the_same_id_and_token(world: Discord) -> None:
    async with running(world) as bot:
        number = await world.world.send_command(member="mira", options={"prompt": "twice"}, dispatch_times=2)
        first, second = await next_of(bot.commands), await next_of(bot.commands)
        assert (first.id, first.token) == (second.id, second.token)
        await world.world.send_command(member="mira", options={}, interaction_id=number)
        assert (await next_of(bot.commands)).token == first.token


async def test_an_asked_long_ago_command_has_an_old_id_and_a_dying_token(world: Discord) -> None:
    async with running(world) as bot:
        await world.world.send_command(member="mira", options={"prompt": "old"}, asked_seconds_ago=14 * 60)
        interaction = await next_of(bot.commands)
        age_seconds = (discord.utils.utcnow() - interaction.created_at).total_seconds()
        assert age_seconds == pytest.approx(14 * 60, abs=5)
        await interaction.response.defer(thinking=True)
        world.clock.jump(61)
        with pytest.raises(discord.HTTPException) as refusal:
            await interaction.edit_original_response(content="late")
        assert refusal.value.code == 50027


async def test_five_quick_messages_are_followed_by_a_pause_not_by_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pointed_at(tmp_path, monkeypatch, RateLimits()) as world, running(world) as bot:
        channel = bot.get_partial_messageable(int(world.lab))
        for number in range(6):
            await channel.send(str(number))
        assert not world.kinds("refusal")
        assert len(world.kinds("message")) == 6


async def test_a_429_is_waited_out(world: Discord) -> None:
    async with running(world) as bot:
        world.faults.add(
            Fault(endpoint="discord.message.create", kind=FaultKind.RATE_LIMITED, seconds=0.1, times=1)
        )
        message = await bot.get_partial_messageable(int(world.lab)).send("patience")
        assert message.content == "patience"
        assert len(world.kinds("fault")) == 1


async def test_a_channel_without_access_or_gone_is_named_as_such(world: Discord) -> None:
    async with running(world) as bot:
        channel = bot.get_partial_messageable(int(world.lab))
        world.world.change_channel("video-lab", deny=["SEND_MESSAGES"])
        with pytest.raises(discord.Forbidden) as no_permission:
            await channel.send("hello")
        assert no_permission.value.code == 50013
        world.world.change_channel("video-lab", deny=["VIEW_CHANNEL"])
        with pytest.raises(discord.Forbidden) as no_access:
            await bot.fetch_channel(int(world.lab))
        assert no_access.value.code == 50001
        lab = int(world.lab)
        world.world.delete_channel("video-lab")
        with pytest.raises(discord.NotFound) as gone:
            await bot.fetch_channel(lab)
        assert gone.value.code == 10003


async def test_what_members_write_is_heard_without_its_words(world: Discord) -> None:
    async with running(world) as bot:
        world.world.human_message(member="sven", channel="general", content="secret")
        message = await next_of(bot.heard)
        assert message.author.name == "sven"
        assert message.content == ""


async def test_leaving_and_joining_the_guild_is_noticed(world: Discord) -> None:
    async with running(world) as bot:
        left = asyncio.create_task(bot.wait_for("guild_remove", timeout=WAIT_SECONDS))
        await asyncio.sleep(0)
        world.world.change_guild(bot_present=False)
        await left
        with pytest.raises(discord.Forbidden):
            await bot.fetch_channel(int(world.lab))
        joined = asyncio.create_task(bot.wait_for("guild_join", timeout=WAIT_SECONDS))
        await asyncio.sleep(0)
        world.world.change_guild(bot_present=True)
        await joined

"""kill -9 between a known outcome and its member: however often it is begun, one message carries one video."""

from support.bot import StartBot
from support.held import (
    TOKEN_DEAD_SECONDS,
    Held,
    as_it_stands,
    assert_one_video,
    content,
    files,
    held_after,
    held_back,
    held_before,
    shows,
)
from veobot.sandbox.client import SandboxClient

EDIT = "discord.webhook.message.edit"
POST = "discord.message.create"
CHANNEL_EDIT = "discord.message.edit"
TOKEN_ALMOST_DEAD_SECONDS = 14 * 60.0
"""Asked so long ago, a request's token lives for another minute."""
BEYOND_THE_NONCE_SECONDS = 10 * 60.0
"""Discord forgets a nonce within a few minutes."""


def video_of(prompt: str) -> str:
    """Return what only the call that carries the finished video contains."""
    return f"AI-generated video: {prompt}"


async def test_an_outcome_by_edit_that_a_kill_cuts_off_is_one_message_with_one_video(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="10")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=[{"result": "hang"}])
    held: list[Held] = [
        await held_before(sandbox, EDIT, video_of("An unsent kite")),
        await held_after(sandbox, EDIT, video_of("A landed kite")),
        await held_back(sandbox, EDIT, video_of("A late kite"), seconds=3.0),
        await held_after(sandbox, EDIT, video_of("An old kite")),
    ]
    asks = sandbox.command
    unsent = await asks("mira", "An unsent kite")
    landed = await asks("jonas", "A landed kite")
    late = await asks("aiko", "A late kite")
    old = await asks("priya", "An old kite", asked_seconds_ago=TOKEN_ALMOST_DEAD_SECONDS)
    every = (unsent, landed, late, old)
    for request_id in every:
        await bot.reaches(request_id, "generating")
    await sandbox.finish()
    for call in held:
        await call.reached()
    bot.kill()
    assert {(row["delivery_route"], row["closed_at"]) for row in bot.rows()} == {("edit", None)}
    # The old one's token dies meanwhile: what may have landed as an edit stays an edit, through the channel.
    await sandbox.clock(jump_seconds=2 * 60)
    killed_at = await sandbox.last_seq()
    await bot.start()

    for request_id in every:
        # Begun again, whether or not it had landed: an edit replaces the file.
        await shows(bot, request_id, "✅ **Done**", after=killed_at)
    # The killed process's own call landed too, before or after.
    [placeholder] = await bot.messages_of(late)
    await sandbox.wait_for_count(
        2, lambda e: e.fields["message_id"] == placeholder.fields["message_id"] and files(e) == 1, kind="edit"
    )
    for request_id in every:
        await assert_one_video(bot, request_id)
        assert len(await bot.messages_of(request_id)) == 1


async def test_an_outcome_by_a_new_message_that_a_kill_cuts_off_is_one_message(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="10")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.create_channel("no-history")
    await sandbox.vertex(script=[{"result": "hang"}])
    held: list[Held] = [
        await held_before(sandbox, POST, video_of("An unsent pigeon")),
        await held_after(sandbox, POST, video_of("A landed pigeon")),
        # The resumed process's own call waits as long, so that the first has landed before it.
        await held_back(sandbox, POST, video_of("A late pigeon"), seconds=3.0, times=2),
        await held_after(sandbox, POST, video_of("A hidden pigeon")),
    ]

    # Each in a channel of its own: discord.py sends one message at a time to each.
    async def ask(member: str, prompt: str, channel: str) -> str:
        return await sandbox.command(member, prompt, channel=channel, asked_seconds_ago=TOKEN_DEAD_SECONDS)

    unsent = await ask("mira", "An unsent pigeon", "general")
    landed = await ask("jonas", "A landed pigeon", "after-dark")
    late = await ask("aiko", "A late pigeon", "video-lab")
    hidden = await ask("priya", "A hidden pigeon", "no-history")
    every = {unsent: "mira", landed: "jonas", late: "aiko", hidden: "priya"}
    for request_id in every:
        await bot.reaches(request_id, "generating")
    await sandbox.finish()
    for call in held:
        await call.reached()
    bot.kill()
    assert {(row["delivery_route"], row["outcome_message_id"]) for row in bot.rows()} == {("post", None)}
    # Where the history cannot be read, the nonce still makes a repeat the same message.
    await sandbox.change_channel("no-history", deny=["READ_MESSAGE_HISTORY"])
    await bot.start()

    members = (await sandbox.state())["members"]
    assert isinstance(members, dict)
    for request_id, member in every.items():
        row = await bot.closed(request_id)
        assert (row["status"], row["closure"]) == ("completed", "delivered")
        told = await assert_one_video(bot, request_id)
        assert str(row["outcome_message_id"]) == told.fields["message_id"]
        [message] = await bot.told(request_id)
        assert message.fields["mentions"] == [members[member]]


async def test_a_message_sent_long_before_the_restart_is_found_and_pointed_to(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(generation_seconds=0)
    uncommitted_post = await held_after(sandbox, POST, video_of("A forgotten stork"))
    unwritten_pointer = await held_before(sandbox, CHANNEL_EDIT, "see the video")
    unpointed = await sandbox.command(
        "mira", "A stork without a pointer", asked_seconds_ago=TOKEN_DEAD_SECONDS
    )
    await unwritten_pointer.reached()
    forgotten = await sandbox.command("jonas", "A forgotten stork", asked_seconds_ago=TOKEN_DEAD_SECONDS)
    await uncommitted_post.reached()
    bot.kill()
    await sandbox.clock(jump_seconds=BEYOND_THE_NONCE_SECONDS)
    await bot.start()

    for request_id in (unpointed, forgotten):
        await bot.closed(request_id)
        told = await assert_one_video(bot, request_id)
        [placeholder, *_] = await bot.messages_of(request_id)
        pointer = await as_it_stands(sandbox, placeholder.fields["message_id"])
        assert content(pointer).startswith("✅ Finished: [see the video]")
        assert str(told.fields["message_id"]) in content(pointer)

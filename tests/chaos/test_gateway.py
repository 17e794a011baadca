"""The gateway fails, and comes back: no command is lost, and none is taken twice."""

from support.bot import Bot, StartBot
from support.held import assert_one_video, outcome
from veobot.sandbox.client import SandboxClient


async def test_a_command_that_the_gateway_tells_twice_is_one_request(
    bot: Bot, sandbox: SandboxClient
) -> None:
    await sandbox.vertex(generation_seconds=0)
    # Sent while the connection is cut: it comes by the replay after RESUME.
    await sandbox.gateway("drop")
    replayed = await sandbox.command("mira", "A parrot that says it again")
    await sandbox.wait_for(lambda e: e.fields["event"] == "resumed", kind="gateway")
    doubled = await sandbox.command("jonas", "A parrot that says it twice", dispatch_times=2)
    for request_id in (replayed, doubled):
        await outcome(bot, request_id)
    # And long after it was answered.
    await sandbox.command("jonas", interaction_id=doubled)
    await bot.logged("command.replayed", request_id=doubled, count=2)
    acknowledged = [e.fields["interaction_id"] for e in await sandbox.ledger(kind="acknowledged")]
    assert sorted(acknowledged, key=str) == sorted([replayed, doubled])
    assert len(bot.rows()) == 2
    for request_id in (replayed, doubled):
        await assert_one_video(bot, request_id)
        assert len(await bot.messages_of(request_id)) == 1


async def test_a_gateway_that_refuses_at_first_is_tried_again(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await sandbox.gateway("refuse")
    await bot.start(until_ready=False)
    await bot.logged("library.error")
    await sandbox.gateway("accept")
    await sandbox.wait_for_gateway()
    await bot.logged("No incomplete requests to resume")

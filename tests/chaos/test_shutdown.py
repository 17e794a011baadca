"""SIGTERM: nothing new is begun, what is in hand gets its seconds, and the next process does the rest."""

import asyncio
import os
import signal

from support.bot import Bot, StartBot
from support.held import Held, assert_one_video, content, held_after, held_before, outcome
from veobot.sandbox.client import SandboxClient
from veobot.store.instance_lock import InstanceLock

EXIT_WITHIN_SECONDS = 5.0
HANG = [{"result": "hang"}]


async def test_sigterm_begins_nothing_new_and_leaves_in_time_whatever_hangs(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="3")
    await bot.start()
    await sandbox.wait_for(kind="commands")
    await sandbox.vertex(script=HANG)
    asks = sandbox.command
    uploading = await asks("mira", "An uploading toaster")
    downloading = await asks("jonas", "A downloading toaster")
    running = await asks("priya", "A running toaster")
    for request_id in (uploading, downloading, running):
        await bot.reaches(request_id, "generating")
    upload = await held_before(sandbox, "discord.webhook.message.edit", "AI-generated video: An uploading")
    download = await held_before(sandbox, "bucket.download", downloading)
    await sandbox.finish(contains="loading")
    await upload.reached()
    await download.reached()
    submission = await held_after(sandbox, "vertex.submit", "An unanswered toaster")
    unanswered = await asks("aiko", "An unanswered toaster")
    await submission.reached()
    waits = await sandbox.fault("vertex.submit", "delay_after", seconds=1.5, contains="answered in time")
    answered = await asks("sven", "A toaster answered in time")
    await Held(sandbox, waits).reached()
    waiting = await asks("lea", "A waiting toaster")
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == waiting, kind="acknowledged")

    submissions_before = len(await sandbox.ledger(kind="submission"))
    leaving = asyncio.create_task(terminate(bot))
    await bot.logged("bot.stopping")
    refused = await asks("omar", "A toaster that comes too late")
    answer = await sandbox.wait_for(lambda e: e.fields["interaction_id"] == refused, kind="message")
    assert answer.fields["ephemeral"] is True
    assert "I'm just restarting" in content(answer)
    assert await leaving == 0
    assert len(await sandbox.ledger(kind="submission")) == submissions_before
    assert bot.row(refused) is None
    states = {
        request_id: [s["state"] for s in bot.submissions(request_id)] for request_id in (answered, unanswered)
    }
    # The answer that came within the grace is recorded; the one that did not is looked for later.
    assert states == {answered: ["accepted"], unanswered: ["intended"]}

    # Running videos are the next process's, and everything else that was promised.
    await sandbox.vertex(script=[], generation_seconds=0)
    await sandbox.finish()
    await bot.start()
    for request_id in (uploading, downloading, running, unanswered, answered, waiting):
        await outcome(bot, request_id)
        await assert_one_video(bot, request_id)


async def test_sigterm_during_the_login_is_obeyed_at_once(new_bot: StartBot, sandbox: SandboxClient) -> None:
    bot = new_bot()
    login = await held_before(sandbox, "discord.user.me", "@me")
    await bot.start(until_ready=False)
    await login.reached()
    assert await terminate(bot) == 0


async def test_sigterm_while_another_bot_is_waited_for_is_obeyed_at_once(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    lock = InstanceLock(bot.process.database_path, sleep=asyncio.sleep)
    await lock.acquire()
    await bot.start(until_ready=False)
    await bot.logged("bot.starting")
    assert await terminate(bot) == 0
    assert await sandbox.ledger(kind="gateway") == []
    lock.release()


async def terminate(bot: Bot) -> int | None:
    """Send SIGTERM, and return the exit code; fail where the process has not left in time."""
    assert bot.process.pid is not None
    os.kill(bot.process.pid, signal.SIGTERM)
    await bot.until(lambda: not bot.process.running, "the process has left", EXIT_WITHIN_SECONDS)
    return bot.process.exit_code

"""Puts everything together: the simulated world, the bot, the story, the judgement; and leaves nothing behind."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from veobot.demo.bot_process import BotProcess
from veobot.demo.director import Director
from veobot.demo.judge import judge
from veobot.demo.report import VIDEO_DIRECTORY
from veobot.demo.scenario import ASKS, CHANNEL, CLOCK_RATE, WATCHED, bot_environment
from veobot.demo.story import Story
from veobot.demo.videos import collect_videos
from veobot.demo.view import visible_lines
from veobot.sandbox.client import SandboxClient, SandboxTimeout
from veobot.sandbox.process import SandboxProcess, run_sandbox

# How often the screen is drawn, and the channel and the log are looked at, in real seconds.
_FRAME_SECONDS = 0.1
_VIEW_SECONDS = 0.3

# How long one question to the ledger may stay open, in real seconds.
_LEDGER_PATIENCE_SECONDS = 10.0


async def perform(story: Story, draw: Callable[[], None]) -> None:
    """Play the whole story and judge it; every process it starts has ended afterwards, whatever happens.

    Args:
        story: learns what happens, at last the verdict.
        draw: called a few times a second.

    Raises:
        SandboxStartError: if the simulated world does not come up.
        BotEnded, StateNotReached, SandboxError, SandboxTimeout, OSError: as the director does.
    """
    with tempfile.TemporaryDirectory(prefix="veobot-demo-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        async with _beside(_draw(draw)), run_sandbox(directory / "world", rate=CLOCK_RATE) as world:
            environment = bot_environment(
                world.environment,
                project=str(world.description["project"]),
                bucket=str(world.description["bucket"]),
                resume=story.recovery,
            )
            bot = BotProcess(directory / "bot", environment)
            try:
                await _play(story, world, bot)
            finally:
                bot.kill()


async def _play(story: Story, world: SandboxProcess, bot: BotProcess) -> None:
    story.anchor(await _sandbox_now(world.client))
    follow = _follow_ledger(story, world.client), _follow_views(story, world, bot)
    async with _beside(*follow):
        await Director(story, world.client, bot).play()
        story.doing = "fetching the videos"
        wrong = await collect_videos(story.accounts, world.url, VIDEO_DIRECTORY)
    story.videos = [a.prompt for a in story.accounts.all() if a.outcome is not None and a.outcome.url]
    assert story.restarted_after is not None
    story.verdict = judge(
        story.entries, restarted_after=story.restarted_after, expected=len(ASKS), wrong_videos=wrong
    )


@asynccontextmanager
async def _beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let this go on beside the block, and end it with the block; the first error of either ends both."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _draw(draw: Callable[[], None]) -> None:
    while True:
        draw()
        await asyncio.sleep(_FRAME_SECONDS)


async def _sandbox_now(client: SandboxClient) -> datetime:
    match await client.state():
        case {"clock": {"now": str(now)}}:
            return datetime.fromisoformat(now)
        case _:
            msg = "the simulated world does not tell its time"
            raise OSError(msg)


async def _follow_ledger(story: Story, client: SandboxClient) -> None:
    while True:
        with contextlib.suppress(SandboxTimeout):  # nothing happened for a while
            await client.wait_for(after=story.last_seq, timeout_seconds=_LEDGER_PATIENCE_SECONDS)
        story.read(await client.ledger(story.last_seq))


async def _follow_views(story: Story, world: SandboxProcess, bot: BotProcess) -> None:
    names = _names(world.description)
    while True:
        account = story.accounts.find(WATCHED.prompt)
        if account is not None:
            messages = await world.client.messages(CHANNEL, WATCHED.member)
            story.view = visible_lines(messages, account.id, names, story.now())
        story.log = bot.log()
        await asyncio.sleep(_VIEW_SECONDS)


def _names(description: Mapping[str, object]) -> Mapping[str, str]:
    members = description.get("members")
    return {str(i): str(name) for name, i in members.items()} if isinstance(members, Mapping) else {}

"""The operator cancels: what waits costs nothing, what runs is paid all the same, and neither is ever shown."""

from support.bot import Bot, StartBot
from support.interrupted import veobot
from support.member_view import FOX, content, start
from veobot.sandbox.client import SandboxClient

BOAT = "A paper boat drifting down a rain gutter"
ONE_AT_A_TIME = {"VEOBOT_CONCURRENT_GENERATIONS": "1", "VEOBOT_PROGRESS_INTERVAL_SECONDS": "0.5"}


async def cancelled(bot: Bot, request_id: str, *options: str) -> None:
    command = await veobot(bot, "requests", "cancel", request_id, *options)
    assert (command.returncode, command.stdout) == (0, f"Request {request_id} will end as cancelled.\n"), (
        command
    )


async def refused(bot: Bot, request_id: str, reason: str) -> None:
    command = await veobot(bot, "requests", "cancel", request_id)
    assert command.returncode == 2, command
    assert reason in " ".join(command.stderr.split())
    assert "Traceback" not in command.stderr


async def one_running_and_one_waiting(bot: Bot, sandbox: SandboxClient) -> tuple[str, str]:
    """Let two members ask while one video can be made at a time; the first's is never ready by itself."""
    await sandbox.vertex(script=[{"result": "hang"}])
    running = await sandbox.command("mira", FOX)
    await bot.reaches(running, "generating")
    waiting = await sandbox.command("jonas", BOAT)
    await sandbox.wait_for_count(2, kind="acknowledged")
    return running, waiting


async def test_what_waits_is_cancelled_at_no_cost_and_what_runs_only_to_be_dropped(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(**ONE_AT_A_TIME))
    running, waiting = await one_running_and_one_waiting(bot, sandbox)

    await cancelled(bot, waiting)
    row = await bot.closed(waiting)
    assert (row["status"], row["charged_micro_usd"], row["counts_toward_quota"]) == ("cancelled", 0, 0)
    assert await bot.paid(waiting) == []
    [told] = await bot.told(waiting)
    assert content(told).startswith("✖️ **Cancelled before it started**")

    await refused(bot, running, "Google may be at work on request")
    await cancelled(bot, running, "--drop")
    row = await bot.closed(running)
    assert (row["status"], row["counts_toward_quota"]) == ("cancelled", 1)
    assert row["charged_micro_usd"]
    [told] = await bot.told(running)
    assert content(told).startswith("✖️ **Cancelled: I won't post this video**")

    await refused(bot, running, "has its outcome already")
    await refused(bot, "404", "There is no request 404")


async def test_what_is_cancelled_while_the_bot_is_down_is_not_submitted_when_it_starts(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(**ONE_AT_A_TIME))
    running, waiting = await one_running_and_one_waiting(bot, sandbox)
    bot.kill()
    await cancelled(bot, waiting)
    await cancelled(bot, running, "--drop")
    await sandbox.finish()
    await bot.start()
    for request_id, paid in ((waiting, 0), (running, 1)):
        row = await bot.closed(request_id)
        assert (row["status"], row["counts_toward_quota"]) == ("cancelled", paid)
        assert len(await bot.paid(request_id)) == paid
        [told] = await bot.told(request_id)
        assert content(told).startswith("✖️ **Cancelled")

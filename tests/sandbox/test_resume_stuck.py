"""`veobot requests list --stuck`, which the operator asks after a start."""

from support.bot import StartBot
from support.interrupted import (
    HELD_SECONDS,
    HOUR,
    ask,
    ask_until_generating,
    ask_until_undelivered,
    finish_while_dead,
    first_start,
    veobot,
)
from veobot.sandbox.client import SandboxClient

LOST = "A paper boat drifting down a rain gutter"
REFUSED = "A lighthouse in a storm, waves over the rocks"
RUNNING = "A red fox running through fresh snow at dawn"
FINISHED = "A copper pot beginning to steam in a kitchen"
UNDELIVERED = "A hummingbird at a red flower, slow motion"
UNPOINTED = "A night train crossing a snowy valley"
UNSEEN = "A sand castle as the tide comes in"
WAITING = "A snow globe being shaken, macro"


async def test_after_a_start_nothing_is_stuck_whatever_state_it_was_left_in(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    # Three hours ago, by Discord's clock, which the bot goes by.
    await sandbox.clock(jump_seconds=-3 * HOUR)
    bot = await first_start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="10"))
    await sandbox.vertex(script=[{"contains": REFUSED, "result": "done"}, {"result": "hang"}])
    await ask_until_undelivered(bot, "mira", UNDELIVERED)
    await ask_until_generating(bot, "jonas", RUNNING)
    await ask_until_generating(bot, "aiko", FINISHED)
    await sandbox.fault("vertex.submit", "delay_after", seconds=HELD_SECONDS, contains=LOST, probability=1)
    await ask(bot, "sven", LOST)
    await sandbox.wait_for(lambda e: e.fields["prompt"] == LOST, kind="submission")
    await sandbox.fault("vertex.submit", "rate_limited", contains=REFUSED, probability=1)
    refused = await ask(bot, "lea", REFUSED)
    await bot.logged("request.retried", request_id=refused)
    await sandbox.fault("discord.callback", "delay_before", seconds=HELD_SECONDS, contains=UNSEEN)
    unseen = await sandbox.command("omar", UNSEEN)
    await bot.reaches(unseen, "pending")
    bot.kill()
    await finish_while_dead(bot, FINISHED)

    # Once more, so that a delivery by a new message has begun too, and a request waits in line.
    await sandbox.clear_faults()
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="1", VEOBOT_RESUME="false")
    await bot.start()
    await sandbox.fault("discord.message.create", "delay_before", seconds=HELD_SECONDS, probability=1)
    late = await ask(bot, "nina", UNPOINTED, ago=16 * 60)
    await bot.reaches(late, "generating")
    await ask(bot, "priya", WAITING)
    after = await sandbox.last_seq()
    await sandbox.finish(contains=UNPOINTED)
    await sandbox.wait_for(kind="fault", after=after)
    bot.kill()
    await sandbox.clear_faults()
    await sandbox.clock(jump_seconds=3 * HOUR)

    before = await veobot(bot, "requests", "list", "--stuck")
    left = {
        (row["status"], row["delivery_route"], row["acknowledged_at"] is not None)
        for row in bot.rows()
        if row["closed_at"] is None
    }
    assert left == {
        ("pending", None, True),
        ("pending", None, False),
        ("generating", None, True),
        ("completed", "edit", True),
        ("completed", "post", True),
    }
    assert {row["state"] for row in bot.rows("submissions")} >= {
        "intended",
        "refused",
        "accepted",
        "succeeded",
    }
    assert before.returncode == 0
    assert sum(str(row["id"]) in before.stdout for row in bot.rows()) == 8

    bot = new_bot()
    await bot.start()
    await bot.logged("request.resumed", count=8)
    stuck = await veobot(bot, "requests", "list", "--stuck")
    assert (stuck.returncode, stuck.stdout, stuck.stderr) == (0, "", "")

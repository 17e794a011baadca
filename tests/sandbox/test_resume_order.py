"""In which order, and how many at once, interrupted requests are taken up."""

import asyncio
from itertools import pairwise

from support.bot import StartBot
from support.interrupted import (
    HELD_SECONDS,
    HOUR,
    ask,
    ask_until_generating,
    content,
    finish_while_dead,
    first_start,
    let_it_notice_the_time,
    outcome,
    restart_after,
)
from support.order import assert_began_in_order
from veobot.sandbox.client import SandboxClient

MEMBERS = ("mira", "jonas", "aiko", "tomás", "priya", "sven")
PROMPTS = tuple(f"Scene {number}: a fox that crosses a frozen river" for number in range(1, 7))
TEN = {"VEOBOT_CONCURRENT_GENERATIONS": "10"}


async def test_resumed_requests_start_before_new_ones_oldest_first_through_a_moving_window(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="2"))
    await sandbox.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)
    # The last to ask is the oldest: some commands take longer to arrive.
    for number, (member, prompt) in enumerate(zip(MEMBERS, PROMPTS, strict=True)):
        await ask(bot, member, prompt, ago=10 * number)
    bot.kill()
    await sandbox.clear_faults()
    slow = PROMPTS[-1]
    await sandbox.vertex(generation_seconds=0, script=[{"contains": slow, "result": "hang"}])
    await bot.start(until_ready=False)
    # It waits for the gateway, so it is the first thing that the bot is asked.
    new = await sandbox.command("nina", "A new wish, asked while the bot starts")

    await outcome(bot, new)
    submitted = [str(e.fields["prompt"]) for e in await sandbox.ledger(kind="submission")]
    expected = [*reversed(PROMPTS), "A new wish, asked while the bot starts"]
    assert_began_in_order(submitted, expected, at_once=2)
    running = most = 0
    for entry in await sandbox.ledger():
        running += {"submission": 1, "finished": -1}.get(entry.kind, 0)
        most = max(most, running)
    assert most == 2
    oldest = min(bot.rows(), key=lambda row: int(str(row["id"])))
    assert oldest["status"] == "generating", "the slow one held nobody up"


async def test_what_is_running_at_vertex_is_polled_at_once_and_delivered_four_at_a_time(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot(**TEN))
    await sandbox.vertex(script=[{"result": "hang"}])
    requests = [await ask_until_generating(bot, m, p) for m, p in zip(MEMBERS, PROMPTS, strict=True)]
    bot.kill()
    await finish_while_dead(bot, *PROMPTS)
    await sandbox.fault(
        "discord.*", "delay_before", seconds=HELD_SECONDS, contains="AI-generated video: ", times=4
    )
    died = await sandbox.last_seq()
    bot = new_bot(VEOBOT_CONCURRENT_GENERATIONS="1")
    await bot.start()

    # More than the one slot: they run already.
    polled = {str(e.fields["operation"]) for e in await sandbox.wait_for_count(6, kind="poll", after=died)}
    assert len(polled) == 6
    for request_id in requests:
        await bot.reaches(request_id, "completed")
    await sandbox.wait_for_count(4, kind="fault", after=died)
    await let_it_notice_the_time(bot)
    assert sum(row["delivery_started_at"] is not None for row in bot.rows()) == 4
    assert [await bot.told(request_id) for request_id in requests] == [[]] * 6
    # Nor is it the fault that holds the other two back, which no longer strikes.
    await bot.restart()
    for request_id in requests:
        assert (await content(bot, request_id)).startswith("✅ **Done**")


async def test_expiry_notices_are_spread_out_and_ping_nobody(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await first_start(new_bot())
    await sandbox.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)
    requests = [await ask(bot, m, p) for m, p in zip(MEMBERS[:4], PROMPTS[:4], strict=True)]
    died = await sandbox.last_seq()
    await restart_after(bot, 25 * HOUR)
    told = await asyncio.gather(*(outcome(bot, request_id) for request_id in requests))

    notices = [e for e in await sandbox.ledger(died, kind="message") if e.fields["reply_to"] is not None]
    assert [e.seq for e in notices] == sorted(e.seq for e in told)
    assert [e.fields["mentions"] for e in notices] == [[]] * 4
    assert all((later.at - earlier.at).total_seconds() > 0.9 for earlier, later in pairwise(notices)), (
        "a second apart"
    )

"""What a member reads where there is no video, what it costs, and that `/veo` can be tried again."""

import re
import sqlite3
from collections.abc import Mapping

from support.bot import Bot, StartBot
from support.member_view import (
    FOX,
    answer,
    attachments,
    card,
    cards,
    content,
    fetch,
    jump,
    outcome,
    start,
    store,
)
from veobot.sandbox.client import SandboxClient

CHARGED = 400_000
"""4 s of the fast model at 720p with sound, in micro-USD."""

TRY_AGAIN = "Your allowance is unchanged. Please try `/veo` again."
REWORD = "Your video allowance is unchanged. Change the prompt and try `/veo` again."

ENDS: dict[str, tuple[Mapping[str, str | int], str, int]] = {
    "a prompt that is filtered": (
        {"result": "filtered"},
        (
            "🚫 **This one couldn't be made**\n"
            f"Google's safety filter stopped it. It can be wrong; different words often help.\n{REWORD}"
        ),
        0,
    ),
    "a prompt that fails at Google": (
        {"result": "failed"},
        (
            "⚠️ **Google couldn't make your video**\n> {prompt}\n"
            f"It reported an error of its own while making it.\n{TRY_AGAIN}\n-# Request {{request_id}}"
        ),
        0,
    ),
    "a prompt that is invalid to Google": (
        {"result": "failed", "error_code": 3, "message": "Unsupported prompt language."},
        (
            "🚫 **Google didn't accept this request**\n"
            f"It refused the prompt or its options. Different words often help.\n{REWORD}"
        ),
        0,
    ),
    "a prompt without a video": (
        {"result": "no_videos"},
        (
            "⚠️ **Google finished without a video**\n> {prompt}\n"
            f"It said that it was done, but there was nothing to play.\n{TRY_AGAIN}\n-# Request {{request_id}}"
        ),
        CHARGED,
    ),
    "a prompt with an empty file": (
        {"result": "empty_file"},
        (
            "⚠️ **Google finished without a video**\n> {prompt}\n"
            f"It said that it was done, but there was nothing to play.\n{TRY_AGAIN}\n-# Request {{request_id}}"
        ),
        CHARGED,
    ),
}
"""Prompt -> how its generation ends, what the member reads, and what Google may have charged."""

REFUSED: dict[str, str] = {
    "retired": "⚠️ **Google no longer offers Veo 3.1 Fast here**\n> {prompt}\n"
    "Whoever runs this bot has to choose another model first.\n"
    "Your allowance is unchanged. Try `/veo` again after that.\n-# Request {request_id}",
    "bad_request": "🚫 **Google didn't accept this request**\n"
    f"It refused the prompt or its options. Different words often help.\n{REWORD}",
}
"""What Google answers a submission with -> what the member reads."""


async def check_failed(
    bot: Bot, request_id: str, prompt: str, text: str, *, status: str = "failed", charged: int = 0
) -> None:
    """Make sure that the one outcome is this text, and what the row says of money and quota."""
    told = await outcome(bot.world, request_id)
    assert content(told) == text.format(prompt=prompt, request_id=request_id)
    assert attachments(told) == []
    assert told.fields["mentions"] == []
    row = await bot.closed(request_id)
    assert (row["status"], row["closure"]) == (status, "delivered")
    assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (charged, 0)
    assert len(await bot.told(request_id)) == 1


async def test_each_end_without_a_video_is_told_in_words_and_gives_the_quota_back(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_QUOTA="1"))
    await sandbox.vertex(
        generation_seconds=0,
        script=[{**scene, "contains": prompt} for prompt, (scene, _, _) in ENDS.items()],
    )
    members = dict(zip(ENDS, ["mira", "jonas", "aiko", "priya", "sven"], strict=True))
    asked = {prompt: await sandbox.command(member, prompt) for prompt, member in members.items()}
    for prompt, request_id in asked.items():
        _, text, charged = ENDS[prompt]
        await check_failed(bot, request_id, prompt, text, charged=charged)
    [filtered, *_] = asked.values()
    assert "filtered" not in content((await cards(sandbox, filtered))[-1])
    for member in members.values():
        again = await sandbox.command(member, FOX)
        assert content(await outcome(sandbox, again)).startswith("✅ **Done**")
    once_more = await sandbox.command("mira", FOX)
    assert content(await answer(sandbox, once_more)).startswith("🕓 **You've used your video")


async def test_a_submission_that_google_refuses_is_told_and_costs_nothing(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_QUOTA="1"))
    for mode, text in REFUSED.items():
        await sandbox.vertex(submit=mode)
        prompt = f"A prompt for the mode {mode.replace('_', ' ')}"
        await check_failed(bot, await sandbox.command("mira", prompt), prompt, text)

    await sandbox.vertex(submit="quota")
    busy = await sandbox.command("mira", FOX)
    await bot.logged("request.retried", request_id=busy, count=2)
    assert len(await bot.told(busy)) == 0
    await jump(sandbox, 601)
    text = (
        "🚦 **Google was too busy for your video**\n> {prompt}\n"
        "This bot's quota at Google is used up for the moment, so nothing was made.\n"
        f"{TRY_AGAIN}\n-# Request {{request_id}}"
    )
    await check_failed(bot, busy, FOX, text)
    assert await sandbox.ledger(kind="submission") == []


async def test_a_google_that_cannot_be_reached_for_ten_minutes_is_told_and_costs_nothing(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_VERTEX_API_URL="http://127.0.0.1:9"))  # nobody listens there
    request_id = await sandbox.command("mira", FOX)
    await bot.logged("request.retried", request_id=request_id)
    await jump(sandbox, 601)
    text = (
        "🔌 **Google couldn't be reached**\n> {prompt}\n"
        "Its video service didn't answer for 10 minutes, so nothing was made.\n"
        f"{TRY_AGAIN}\n-# Request {{request_id}}"
    )
    await check_failed(bot, request_id, FOX, text)


async def test_after_ten_minutes_the_bucket_is_looked_at_once_more_before_the_member_is_told(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_QUOTA="1"))
    await sandbox.vertex(script=[{"result": "hang"}])
    lost, found = f"{FOX}, never", f"{FOX}, in the bucket only"
    timed_out = await sandbox.command("mira", lost)
    delivered = await sandbox.command("jonas", found)
    for request_id in (timed_out, delivered):
        await bot.reaches(request_id, "generating")
    clip = b"what Vertex wrote"
    [submission] = bot.submissions(delivered)
    bucket = bot.process.environment["VEOBOT_BUCKET"]
    await store(sandbox, f"gs://{bucket}/{submission['prefix']}123/sample_0.mp4", clip)
    await jump(sandbox, 601)
    text = (
        "⌛ **Your video didn't finish in time**\n> {prompt}\n"
        "Nothing came back from Google within 10 minutes, so I stopped waiting.\n"
        f"{TRY_AGAIN}\n-# Request {{request_id}}"
    )
    await check_failed(bot, timed_out, lost, text, status="timeout", charged=CHARGED)
    told = await outcome(sandbox, delivered)
    assert content(told).startswith(f"✅ **Done**\n> {found}")
    [file] = attachments(told)
    assert await fetch(str(file["url"])) == clip
    assert (await bot.closed(delivered))["counts_toward_quota"] == 1
    assert await sandbox.finish() == 2  # the operations were still running: the bucket alone decided


async def test_an_answer_that_nobody_understands_is_asked_for_again_and_ends_at_last(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    malformed, unknown = f"{FOX}, malformed", f"{FOX}, of an unknown shape"
    await sandbox.vertex(
        generation_seconds=0,
        script=[
            {"contains": malformed, "result": "malformed"},
            {"contains": unknown, "result": "unknown_shape"},
        ],
    )
    requests = {prompt: await sandbox.command("mira", prompt) for prompt in (malformed, unknown)}
    for request_id in requests.values():
        await bot.logged("poll.failed", request_id=request_id, count=3)
        assert await bot.told(request_id) == []
    await jump(sandbox, 601 + 3600)
    for prompt, request_id in requests.items():
        row = await bot.closed(request_id)
        assert (row["status"], row["failure"]) == ("timeout", "timed_out")
        assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (CHARGED, 0)
        told = await outcome(sandbox, request_id)
        assert "⌛ **Your video didn't finish in time**" in content(told)
        assert prompt in content(told)
        assert told.fields["mentions"] == [str(row["user_id"])]


async def test_what_only_the_operator_can_mend_fails_nobody_and_goes_on_once_it_is_mended(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="1"))
    await sandbox.vertex(generation_seconds=0)
    fixes = {
        "permission_denied": "roles/aiplatform.user",
        "billing_disabled": "Enable billing for the project at https://console.cloud.google.com/billing",
        "unauthenticated": "Create a new key for the service account",
    }
    for times, (mode, fix) in enumerate(fixes.items(), start=1):
        await sandbox.vertex(submit=mode)
        first = await sandbox.command("mira", f"{FOX}, {times}")
        logged = await bot.logged("operator.needed", request_id=first)
        assert logged.level == "error"
        assert fix in str(logged.fields["fix"])
        refused = len(await sandbox.ledger(kind="refused"))
        second = await sandbox.command("jonas", f"A paper boat, {times}")
        assert "🕓 **Waiting: you're" in content(await answer(sandbox, second))
        await card(sandbox, first, "🕓 **Waiting: you're 1st in line**")
        for request_id in (first, second):
            row = bot.row(request_id)
            assert row is not None
            assert (row["status"], row["closed_at"]) == ("pending", None)
        assert len(await sandbox.ledger(kind="refused")) == refused  # the slots are closed
        await sandbox.vertex(submit="ok")
        await jump(sandbox, 31)
        for request_id in (first, second):
            assert content(await outcome(sandbox, request_id)).startswith("✅ **Done**")
            assert len(await bot.paid(request_id)) == 1
            assert (await bot.closed(request_id))["charged_micro_usd"] == CHARGED


async def test_a_poll_that_is_forbidden_fails_nobody_either(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    await sandbox.vertex(script=[{"result": "hang"}])
    request_id = await sandbox.command("mira", FOX)
    await bot.reaches(request_id, "generating")
    fault = await sandbox.fault(
        "vertex.poll", "error_before", status=403, probability=1.0, message="Permission denied."
    )
    logged = await bot.logged("poll.failed", request_id=request_id, count=2)
    assert "roles/aiplatform.user" in str(logged.fields["fix"])
    await jump(sandbox, 601)
    await bot.logged("poll.failed", request_id=request_id, count=5)
    assert await bot.told(request_id) == []
    await sandbox.remove_fault(fault)
    await sandbox.finish()
    assert content(await outcome(sandbox, request_id)).startswith("✅ **Done**")


async def test_an_error_of_the_bots_own_is_told_logged_with_its_stack_and_stops_nobody_else(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot())
    await sandbox.vertex(script=[{"contains": FOX, "result": "hang"}], generation_seconds=0)
    first = await sandbox.command("mira", FOX)
    await bot.reaches(first, "generating")
    with sqlite3.connect(bot.process.database_path, timeout=5) as connection:
        connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON submissions WHEN EXISTS "
            "(SELECT 1 FROM requests WHERE id = NEW.request_id AND prompt LIKE '%crash%') "
            "BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
        )
    crashing = await sandbox.command("jonas", "A prompt at which the bot will crash")
    await bot.logged("request.crashed", request_id=crashing)
    other = await sandbox.command("aiko", "A paper boat in the rain")
    assert content(await outcome(sandbox, other)).startswith("✅ **Done**")
    text = (
        "⚠️ **Something went wrong on my side**\n> {prompt}\n"
        "It's an error in this bot, not in your prompt. It has been logged.\n"
        f"{TRY_AGAIN}\n-# Request {{request_id}}"
    )
    await check_failed(bot, crashing, "A prompt at which the bot will crash", text)
    logged = await bot.logged("request.crashed", request_id=crashing, count=3)
    assert "broken on purpose" in str(logged.fields)
    assert re.search(r"lifecycle\.py", str(logged.fields))
    assert "A prompt at which" not in bot.process.log_path.read_text()
    await sandbox.finish()
    assert content(await outcome(sandbox, first)).startswith("✅ **Done**")

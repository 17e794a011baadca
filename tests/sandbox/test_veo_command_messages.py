"""What a member reads from Enter to the video, word for word, and how often it is rewritten."""

import re
from datetime import UTC, datetime

from support.bot import Bot, StartBot
from support.member_view import (
    FOX,
    answer,
    attachments,
    card,
    cards,
    content,
    fetch,
    finished_object,
    outcome,
    start,
    stored,
)
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

BOAT = "A paper boat in a gutter in the rain"
WHALE = "A whale that sings to a lighthouse"

WAITING = (
    r"🕓 \*\*Waiting: you're {place} in line\*\*\n> {prompt}\n"
    r"Starts about <t:(\d{{10}}):R> · 4 s, 16:9, 720p, sound on\n"
    r"-# You can leave\. I'll post it here, and a restart won't lose your place\."
)
GENERATING = (
    r"🎬 \*\*Making your video: (about (\d+) %|just started)\*\* `([▰▱]{{10}})`\n> {prompt}\n"
    r"(Usually ready <t:(\d{{10}}):R>|This one takes longer than usual\.)\n"
    r"-# 4 s, 16:9, 720p, sound on · the bar is an estimate"
)
DONE = (
    r"✅ \*\*Done\*\*\n> {prompt}\n"
    r"-# AI-generated with Veo 3\.1 Fast · 4 s · 720p · seed (\d+) · took (\d+ min( \d+ s)?)"
)


async def one_slot(new_bot: StartBot, **settings: str) -> Bot:
    return await start(new_bot(VEOBOT_CONCURRENT_GENERATIONS="1", **settings))


def percent(entry: Entry) -> int:
    """Return what a generating card says; its bar must say the same."""
    shape = re.fullmatch(GENERATING.format(prompt=".*"), content(entry))
    assert shape, content(entry)
    share = int(shape[2] or 0)
    assert shape[3] == "▰" * (share // 10) + "▱" * (10 - share // 10)
    return share


async def test_a_member_reads_a_place_in_line_then_a_bar_and_then_sees_the_video(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await one_slot(new_bot)
    await sandbox.vertex(script=[{"result": "hang"}])
    fox = await sandbox.command("mira", FOX)
    assert percent(await answer(sandbox, fox)) == 0
    await bot.reaches(fox, "generating")
    boat = await sandbox.command("jonas", BOAT)
    assert re.fullmatch(WAITING.format(place="1st", prompt=BOAT), content(await answer(sandbox, boat)))
    whale = await sandbox.command("aiko", WHALE)
    second = re.fullmatch(WAITING.format(place="2nd", prompt=WHALE), content(await answer(sandbox, whale)))
    assert second
    # Two videos of 150 s, the documented prior, are made before it.
    assert abs(int(second[1]) - 300 - datetime.now(UTC).timestamp()) < 20

    await sandbox.clock(jump_seconds=60)
    third = await card(sandbox, fox, "about 3")
    assert percent(third) == 35
    await sandbox.clock(jump_seconds=120)
    late = await card(sandbox, fox, "This one takes longer than usual.")
    assert percent(late) in {90, 95}

    await sandbox.finish(contains=FOX)
    done = await outcome(sandbox, fox)
    text = re.fullmatch(DONE.format(prompt=FOX), content(done))
    assert text
    [paid] = await bot.paid(fox)
    assert paid.fields["parameters"]["seed"] == int(text[1])  # type: ignore[index, call-overload] # a mapping
    assert text[2].startswith("3 min")
    [file] = attachments(done)
    assert file["filename"] == "red-fox-running.mp4"
    assert file["description"] == f"AI-generated video: {FOX}"
    assert await fetch(str(file["url"])) == await stored(sandbox, await finished_object(sandbox, FOX))

    await card(sandbox, boat, "🎬 **Making your video: just started**")
    moved = await card(sandbox, whale, "you're 1st in line")
    assert re.fullmatch(WAITING.format(place="1st", prompt=WHALE), content(moved))
    row = await bot.closed(fox)
    assert (row["status"], row["closure"]) == ("completed", "delivered")
    assert (row["charged_micro_usd"], row["counts_toward_quota"]) == (400_000, 1)
    history = await cards(sandbox, fox)
    shares = [percent(entry) for entry in history[:-1]]
    assert shares == sorted(shares)
    assert history[-1] == done
    assert len({str(entry.fields["message_id"]) for entry in history}) == 1
    assert all(entry.fields["mentions"] == [] for entry in history)


async def test_a_card_is_rewritten_when_its_state_changes_and_else_at_most_every_interval(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await one_slot(new_bot, VEOBOT_PROGRESS_INTERVAL_SECONDS="600")
    await sandbox.vertex(script=[{"result": "hang"}])
    fox = await sandbox.command("mira", FOX)
    await bot.reaches(fox, "generating")
    boat = await sandbox.command("jonas", BOAT)
    await answer(sandbox, boat)
    await sandbox.wait_for_count(15, kind="poll")
    assert len(await cards(sandbox, fox)) <= 2
    assert len(await cards(sandbox, boat)) == 1
    await sandbox.finish(contains=FOX)
    await card(sandbox, boat, "🎬 **Making your video: just started**")


async def test_the_command_is_registered_at_the_first_start_and_then_only_when_it_has_changed(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = new_bot()
    await bot.start()
    await bot.logged("commands.registered")
    bot.kill()
    await bot.start()
    await bot.logged("commands.unchanged")
    assert len(await sandbox.ledger(kind="commands")) == 1
    bot.kill()
    changed = new_bot(VEOBOT_DEFAULT_DURATION_SECONDS="8")
    await changed.start()
    await changed.logged("commands.registered", count=2)
    assert len(await sandbox.ledger(kind="commands")) == 2
    request_id = await sandbox.command("mira", FOX)
    assert "8 s, 16:9, 720p, sound on" in content(await answer(sandbox, request_id))

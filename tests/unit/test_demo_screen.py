"""The demo's displays: what they draw fits, and says what the ledger says."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from support.demo_ledger import BEGAN, HandLedger, before_the_kill, complete
from veobot.demo.bot_process import LogLine
from veobot.demo.judge import judge
from veobot.demo.plain import PlainDisplay
from veobot.demo.scenario import ASKS
from veobot.demo.screen import frame, last_word
from veobot.demo.story import BotLife, Story
from veobot.demo.view import plain

MOMENTS = ("begin", "before the kill", "dead", "resumed", "judged", "judged without recovery")


def story_at(moment: str) -> Story:
    """Return a story in the middle of a run; every text in it is as long as it gets."""
    story = Story(recovery=moment != "judged without recovery")
    if moment == "begin":
        return story
    story.anchor(BEGAN)
    story.lives.append(BotLife(4_194_301, 2.0))
    story.view = [
        "🎬 Still making your video: about 60 % ▰▰▰▰▰▰▱▱▱▱",
        *(f"wide 宽字符 {n} " * 8 for n in range(12)),
    ]
    story.log = [
        LogLine("info", "request.resumed", {"reason": "x" * 200, "age_minutes": n}) for n in range(20)
    ]
    ledger = before_the_kill()
    if moment != "before the kill":
        story.lives[0].killed_at = 14.0
        story.caught = {ask.number: ask.state.value for ask in ASKS if ask.state}
    restarted_after = ledger.last_seq
    if moment not in {"before the kill", "dead"}:
        story.restarted_after = restarted_after
        story.lives.append(BotLife(4_194_302, 17.0))
    if moment == "judged":
        complete(ledger)
    story.read(ledger.entries)
    if moment.startswith("judged"):
        story.verdict = judge(ledger.entries, restarted_after=restarted_after, expected=len(ASKS))
        story.first_resumed_poll_seconds = 1.9
        story.videos = ["a"]
    return story


def drawn(story: Story) -> list[str]:
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(frame(story))
        if story.verdict is not None:
            console.print(last_word(story))
    return captured.get().splitlines()


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_frame_fits_80_by_24(moment: str) -> None:
    lines = drawn(story_at(moment))

    assert len(lines) <= 24
    assert all(cell_len(line) <= 80 for line in lines)


def test_nothing_wraps_in_a_run_that_passes() -> None:
    picture, views, counters, judgement = 11, 6, 1, 5

    assert len(drawn(story_at("judged"))) == picture + views + counters + judgement


def test_a_passed_run_says_so_and_names_the_counts() -> None:
    shown = "\n".join(drawn(story_at("judged")))

    assert "PASS  7 of 7 interrupted requests: one outcome each, right member, right place" in shown
    assert "lost 0 · told twice 0 · paid twice 0 · resumed before new: yes" in shown
    assert "dark 3.0 s · first resumed poll 1.9 s after start" in shown
    assert "judged by the ledger, not by the bot · videos in ./veobot-demo/" in shown


def test_a_failed_run_names_who_got_nothing() -> None:
    shown = " ".join(line.strip() for line in drawn(story_at("judged without recovery")))

    assert "FAIL  0 of 7" in shown
    for ask in ASKS[:7]:
        assert ask.member in shown


def test_the_table_says_how_each_request_was_caught() -> None:
    shown = "\n".join(drawn(story_at("resumed")))

    for ask in ASKS[:7]:
        assert ask.state is not None
        assert ask.state.value in shown


def test_plain_lines_are_one_event_each() -> None:
    stream = io.StringIO()
    story = story_at("judged")
    display = PlainDisplay(story, stream)

    display.begin()
    story.say("kill -9")
    display.end()

    lines = stream.getvalue().splitlines()
    assert any(line.endswith("kill -9") for line in lines)
    assert any("5 hummingbird: priya is told: ✅ Done" in line for line in lines)
    assert any(line.startswith("PASS") for line in lines)


def test_markdown_reads_as_a_member_sees_it() -> None:
    now = BEGAN
    text = f"<@7> **ready** <t:{int(now.timestamp()) - 120}:R>\n-# [see](http://x) a \\*b\\*"

    assert plain(text, {"7": "sven"}, now) == "@sven ready 2 minutes ago\nsee a *b*"


def test_a_ledger_without_a_restart_can_be_drawn() -> None:
    story = Story(recovery=True)
    story.anchor(BEGAN)
    story.read(HandLedger().entries)

    assert drawn(story)

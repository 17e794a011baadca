"""How one request stands, in a few words, as the ledger knows it: the table's changing column."""

import re
from dataclasses import dataclass
from typing import Literal

from veobot.demo.accounts import Account
from veobot.demo.scenario import Ask, StateAtKill
from veobot.demo.story import Story

_PERCENT = re.compile(r"(\d+) %")
_BAR_CELLS = 8

Tone = Literal["quiet", "busy", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A sign and a few words, at most 25 characters together; the tone is for colour."""

    words: str
    tone: Tone


def standing(story: Story, ask: Ask) -> Standing:
    """Say how this request stands now."""
    account = story.accounts.find(ask.prompt)
    if account is None:
        return Standing("" if ask.state else "· asks after the restart", "quiet")
    if account.outcome is not None:
        return _told(account, ask)
    if story.verdict is not None:
        return Standing("✖ heard nothing more", "bad")
    if account.finished:
        return Standing("◑ finished, not delivered", "busy")
    if not account.submissions:
        return Standing("○ waiting" if story.bot_alive else "○ waiting, bot is dead", "quiet")
    return _making(story, ask, account)


def _told(account: Account, ask: Ask) -> Standing:
    outcome = account.outcome
    assert outcome is not None
    if len(account.told) > 1:
        return Standing(f"✖ told {len(account.told)} times", "bad")
    if outcome.kind == "reason":
        return Standing("● told: expired" if ask.state is StateAtKill.TOO_OLD else "● told why not", "good")
    if ask.state is StateAtKill.PAID_UNRECORDED and len(account.submissions) == 1:
        return Standing("● delivered (adopted)", "good")
    new_message = outcome.interaction_id is None
    return Standing("● delivered (new message)" if new_message else "● delivered", "good")


def _making(story: Story, ask: Ask, account: Account) -> Standing:
    """The video is being made: does the bot know?"""
    since = story.restarted_after or 0
    if story.bot_alive and not since and ask.state is StateAtKill.PAID_UNRECORDED:
        return Standing("◐ at Vertex, answer stuck", "busy")
    if not story.bot_alive or max(account.text_seq, account.submissions[-1].seq) <= since:
        return Standing("◌ at Vertex, unattended", "quiet")
    if "▱" not in account.text:  # the bot shows no bar: it has not begun to watch, or does not know the name
        return Standing("◐ looking in the bucket" if since else "◐ at Vertex", "busy")
    percent = _PERCENT.search(account.text)
    share = int(percent[1]) if percent else 0
    full = share * _BAR_CELLS // 100
    return Standing(f"◐ making {'▰' * full}{'▱' * (_BAR_CELLS - full)} {share} %", "busy")

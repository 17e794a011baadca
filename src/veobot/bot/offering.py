"""All that the bot offers members: its commands and their buttons."""

from typing import Protocol

from veobot.core.ports import EventLog
from veobot.core.request import OptionDefaults

from .buttons import Buttons
from .client import VeobotClient
from .commands import Door, VeoCommand
from .desk import Desk
from .history_command import BUTTON_PREFIX, History, HistoryCommand
from .in_hand import InHand
from .quota_command import Quota, QuotaCommand


class Own(Quota, History, Protocol):
    """Knows what is a member's own; `core.own_requests.OwnRequests` does."""


def offer(
    client: VeobotClient,
    door: Door,
    own: Own,
    defaults: OptionDefaults,
    log: EventLog,
    *,
    in_hand: InHand,
    others_first_seconds: float = 0.0,
) -> None:
    """Give the client its commands and buttons, before it is started.

    Args:
        client: what members talk to.
        door: takes requests for videos.
        own: looks up what is a member's own.
        defaults: of the videos' options.
        log: gets what members are not told.
        in_hand: keeps the process there until members have their answers.
        others_first_seconds: see `DiscordReply`.
    """
    desk = Desk(log, in_hand, others_first_seconds=others_first_seconds)
    history = HistoryCommand(own, desk)
    buttons = Buttons(log, others_first_seconds=others_first_seconds)
    buttons.add(BUTTON_PREFIX, history.press)
    veo = VeoCommand(door, defaults, log, in_hand=in_hand, others_first_seconds=others_first_seconds)
    client.tree.others_first_seconds = others_first_seconds
    client.add_command(veo.build())
    client.add_command(QuotaCommand(own, desk).build())
    client.add_command(history.build())
    client.add_buttons(buttons)

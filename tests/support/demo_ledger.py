"""Ledgers written by hand, for the demo's judge and its displays."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from veobot.demo.scenario import ASKS, Ask, StateAtKill
from veobot.sandbox.ledger import Entry, JsonValue

CHANNEL = "900"
BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
DONE = "✅ **Done**\n> {prompt}"
EXPIRED = (
    "<@{user_id}> about your `/veo`:\n⌛ **Your request expired**\n> {prompt}\n"
    "Your allowance is unchanged. Please try `/veo` again."
)


class HandLedger:
    """Builds a ledger entry by entry; ids follow from the request's number."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    @property
    def last_seq(self) -> int:
        return len(self.entries)

    def add(self, kind: str, **fields: JsonValue) -> Entry:
        seq = len(self.entries) + 1
        entry = Entry(seq, BEGAN + timedelta(seconds=seq), kind, fields)
        self.entries.append(entry)
        return entry

    def gateway(self, event: str) -> None:
        self.add("gateway", event=event, session_id="s")

    def ask(self, ask: Ask) -> None:
        """The member runs the command, and the bot acknowledges it."""
        self.add(
            "interaction",
            id=interaction_id(ask),
            user_id=user_id(ask),
            channel_id=CHANNEL,
            guild_id="1",
            name="veo",
            prompt=ask.prompt,
            options={},
        )
        self.add("acknowledged", interaction_id=interaction_id(ask), message_id=placeholder_id(ask), type=4)
        self.say(ask, "🕓 **Waiting: you're 1st in line**")

    def pay(self, ask: Ask) -> None:
        self.add(
            "submission",
            operation=f"operations/{ask.number}-{self.last_seq}",
            prompt=ask.prompt,
            labels={"request_id": interaction_id(ask)},
        )

    def say(self, ask: Ask, content: str) -> None:
        """The placeholder says this from now on."""
        self.add("edit", **message(ask, content=content, interaction_id=interaction_id(ask)))

    def deliver(self, ask: Ask, **changes: JsonValue) -> None:
        """The placeholder becomes the video."""
        fields: dict[str, JsonValue] = {
            **message(ask, content=DONE.format(prompt=ask.prompt), interaction_id=interaction_id(ask)),
            "attachments": [video(ask)],
        }
        self.add("edit", **{**fields, **changes})

    def post(self, ask: Ask, **changes: JsonValue) -> None:
        """A new message carries the video: it replies to the placeholder and notifies the member."""
        fields: dict[str, JsonValue] = {
            **message(ask, content="Sorry for the wait.", interaction_id=None),
            "message_id": f"5{ask.number}",
            "attachments": [video(ask)],
            "reply_to": placeholder_id(ask),
            "mentions": [user_id(ask)],
        }
        self.add("message", **{**fields, **changes})


def interaction_id(ask: Ask) -> str:
    return f"1000000000000000{ask.number}"


def user_id(ask: Ask) -> str:
    return f"2000000000000000{ask.number}"


def placeholder_id(ask: Ask) -> str:
    return f"4{ask.number}"


def expired(ask: Ask) -> str:
    return EXPIRED.format(user_id=user_id(ask), prompt=ask.prompt)


def message(ask: Ask, *, content: str, interaction_id: str | None) -> Mapping[str, JsonValue]:
    return {
        "message_id": placeholder_id(ask),
        "channel_id": CHANNEL,
        "interaction_id": interaction_id,
        "author_id": "3",
        "content": content,
        "embeds": [],
        "attachments": [],
        "ephemeral": False,
        "reply_to": None,
        "mentions": [],
        "nonce": None,
    }


def video(ask: Ask) -> Mapping[str, JsonValue]:
    return {
        "filename": "clip.mp4",
        "size": 1000,
        "url": "http://127.0.0.1:1/clip.mp4",
        "description": f"AI-generated video: {ask.prompt}",
    }


def before_the_kill() -> HandLedger:
    """Seven have asked; 2, 3, 4, 5 and 6 are paid; the bot has been killed."""
    ledger = HandLedger()
    ledger.gateway("ready")
    for ask in ASKS[:7]:
        ledger.ask(ask)
    for ask in ASKS[1:6]:
        ledger.pay(ask)
    ledger.gateway("disconnect")
    return ledger


def complete(ledger: HandLedger, *, without: int = 0) -> None:
    """After the restart everybody gets their outcome, all but number `without`."""
    ledger.gateway("ready")
    ledger.ask(ASKS[7])
    ledger.pay(ASKS[0])
    ledger.pay(ASKS[7])
    for ask in ASKS:
        if ask.number == without:
            continue
        if ask.state is StateAtKill.TOO_OLD:
            ledger.post(ask, attachments=[], mentions=[], content=expired(ask))
        elif ask.state is StateAtKill.TOKEN_EXPIRED:
            ledger.post(ask)
        else:
            ledger.deliver(ask)

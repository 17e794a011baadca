"""Calls of the bot's that hang at a chosen moment, so that it can be killed just there; and what is seen afterwards."""

from dataclasses import dataclass

from support.bot import Bot
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

FOR_EVER_SECONDS = 60.0
"""Longer than any test watches: whoever waits for the answer is killed before."""

TOKEN_DEAD_SECONDS = 16 * 60.0
"""Asked so long ago, a request's token is dead from the start."""

VISIBLE = ("message", "edit")
"""The ledger's kinds that show a message as it stands."""


@dataclass(frozen=True, slots=True)
class Held:
    """A standing fault, and how to learn that a call has run into it."""

    world: SandboxClient
    fault_id: str

    async def reached(self, times: int = 1) -> Entry:
        """Wait until so many calls hang; for those held after their effect, it has happened then."""
        entries = await self.world.wait_for_count(
            times, lambda e: e.fields["fault_id"] == self.fault_id, kind="fault", timeout_seconds=20
        )
        return entries[-1]

    async def count(self) -> int:
        """Return how many calls have run into it so far."""
        return sum(e.fields["fault_id"] == self.fault_id for e in await self.world.ledger(kind="fault"))


async def held_before(world: SandboxClient, endpoint: str, contains: str) -> Held:
    """Let the next such call hang, and never have its effect."""
    fault_id = await world.fault(endpoint, "drop_before", seconds=FOR_EVER_SECONDS, contains=contains)
    return Held(world, fault_id)


async def held_after(world: SandboxClient, endpoint: str, contains: str) -> Held:
    """Let the next such call have its effect, and its answer hang."""
    fault_id = await world.fault(endpoint, "drop_after", seconds=FOR_EVER_SECONDS, contains=contains)
    return Held(world, fault_id)


async def held_back(
    world: SandboxClient, endpoint: str, contains: str, seconds: float, times: int = 1
) -> Held:
    """Let the next such calls have their effect so much later, whoever still waits for it."""
    fault_id = await world.fault(endpoint, "delay_before", seconds=seconds, contains=contains, times=times)
    return Held(world, fault_id)


async def outcome(bot: Bot, request_id: str, *, timeout_seconds: float = 20) -> Entry:
    """Wait until a member sees an outcome of the request; return the ledger's entry of it."""
    while not (told := await bot.told(request_id)):
        seen = await bot.world.last_seq()
        if told := await bot.told(request_id):
            break
        await bot.world.wait_for(lambda e: e.kind in VISIBLE, after=seen, timeout_seconds=timeout_seconds)
    return told[0]


async def shows(bot: Bot, request_id: str, beginning: str, *, after: int = 0) -> Entry:
    """Wait until the request's placeholder is edited to a text that begins so; return the ledger's entry."""
    [placeholder, *_] = await bot.messages_of(request_id)
    message_id = placeholder.fields["message_id"]
    return await bot.world.wait_for(
        lambda e: e.fields["message_id"] == message_id and content(e).startswith(beginning),
        kind="edit",
        after=after,
        timeout_seconds=20,
    )


async def as_it_stands(world: SandboxClient, message_id: object) -> Entry:
    """Return the last entry of a message: what everybody sees now."""
    entries = [e for e in await world.ledger() if e.kind in VISIBLE and e.fields["message_id"] == message_id]
    return entries[-1]


def files(entry: Entry) -> int:
    """Return how many files a message carries."""
    attachments = entry.fields["attachments"]
    assert isinstance(attachments, list)
    return len(attachments)


def content(entry: Entry) -> str:
    """Return a message's text."""
    return str(entry.fields["content"])


async def assert_one_video(bot: Bot, request_id: str) -> Entry:
    """The request's one visible outcome is one message with one video, paid once; return it as it stands."""
    paid, told = await bot.paid(request_id), await bot.told(request_id)
    assert len(paid) == 1, paid
    assert len(told) == 1, told
    now = await as_it_stands(bot.world, told[0].fields["message_id"])
    assert files(now) == 1, now
    assert content(now).startswith("✅ **Done**") or "your video is ready" in content(now), now
    return now

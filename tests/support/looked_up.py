"""What a member looks up: the answer that only they see, its buttons, and the links below it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry, JsonValue

CHANNEL = "video-lab"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An answer as its member sees it."""

    message_id: str
    content: str
    buttons: Mapping[str, str]
    """Label -> custom id, of those that can be pressed."""
    disabled: set[str]
    """The labels of those that cannot."""
    links: Mapping[str, str]
    """Title -> address."""

    @property
    def prompts(self) -> list[str]:
        """What is quoted, in order."""
        return re.findall(r"^> (.*)$", self.content, re.MULTILINE)


async def look_up(world: SandboxClient, member: str, name: str) -> LookedUp:
    """Let a member give the command; return the answer, which nobody else sees."""
    interaction_id = await world.command(member, name=name, channel=CHANNEL)
    return await answer_to(world, member, interaction_id)


async def answer_to(world: SandboxClient, member: str, interaction_id: str) -> LookedUp:
    """Return the new message that answers an interaction, which nobody else sees."""
    entry = await world.wait_for(
        lambda e: e.fields["interaction_id"] == interaction_id, kind="message", timeout_seconds=20
    )
    assert entry.fields["ephemeral"] is True
    return await _seen(world, member, entry)


async def press(world: SandboxClient, member: str, shown: LookedUp, label: str) -> LookedUp:
    """Let a member press a button; return the page that took the place of the one before."""
    after = await world.last_seq()
    await world.button(member, shown.message_id, shown.buttons[label])
    entry = await world.wait_for(
        lambda e: e.fields["message_id"] == shown.message_id, kind="edit", after=after, timeout_seconds=20
    )
    assert entry.fields["ephemeral"] is True
    return await _seen(world, member, entry)


async def _seen(world: SandboxClient, member: str, entry: Entry) -> LookedUp:
    message_id = str(entry.fields["message_id"])
    [message] = [m for m in await world.messages(CHANNEL, member) if m["id"] == message_id]
    buttons = [b for row in _list(message["components"]) for b in _list(row["components"])]
    return LookedUp(
        message_id=message_id,
        content=str(message["content"]),
        buttons={str(b["label"]): str(b["custom_id"]) for b in buttons if not b.get("disabled")},
        disabled={str(b["label"]) for b in buttons if b.get("disabled")},
        links={str(e["title"]): str(e["url"]) for e in _list(message["embeds"])},
    )


def _list(value: JsonValue) -> list[Mapping[str, JsonValue]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []

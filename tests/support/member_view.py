"""What members see, for tests: a request's message over time, answers to commands, and the files behind addresses."""

from collections.abc import Mapping
from urllib.parse import quote

import aiohttp

from support.bot import Bot, is_outcome
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry, JsonValue

FOX = "A red fox running through fresh snow at dawn"

OUTCOME_SECONDS = 30.0
"""Longer than any outcome takes on a busy machine."""

VISIBLE = frozenset({"message", "edit"})


def content(entry: Entry) -> str:
    """Return a message's text as it stood then."""
    return str(entry.fields["content"])


def attachments(entry: Entry) -> list[Mapping[str, JsonValue]]:
    """Return a message's files as they stood then."""
    listed = entry.fields["attachments"]
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


async def start(bot: Bot) -> Bot:
    """Start a bot on a world that knows no commands yet; return it once members can use `/veo`."""
    await bot.start()
    await bot.world.wait_for(kind="commands", timeout_seconds=20)
    return bot


async def answer(world: SandboxClient, interaction_id: str) -> Entry:
    """Wait for the first message that answers a command."""
    return await world.wait_for(
        lambda entry: entry.fields["interaction_id"] == interaction_id,
        kind="message",
        timeout_seconds=OUTCOME_SECONDS,
    )


async def outcome(world: SandboxClient, request_id: str, *, seconds: float = OUTCOME_SECONDS) -> Entry:
    """Wait for a request's visible outcome, or for the refusal of a command."""

    def fits(entry: Entry) -> bool:
        if entry.kind not in VISIBLE or not is_outcome(content(entry)):
            return False
        return entry.fields["interaction_id"] == request_id or request_id in content(entry)

    return await world.wait_for(fits, timeout_seconds=seconds)


async def card(world: SandboxClient, request_id: str, text: str, *, after: int = 0) -> Entry:
    """Wait until a request's message holds this text."""
    return await world.wait_for(
        lambda entry: (
            entry.kind in VISIBLE and entry.fields["interaction_id"] == request_id and text in content(entry)
        ),
        after=after,
        timeout_seconds=OUTCOME_SECONDS,
    )


async def cards(world: SandboxClient, request_id: str) -> list[Entry]:
    """Return what a request's message was, from its first text to the last edit."""
    entries = await world.ledger()
    return [e for e in entries if e.kind in VISIBLE and e.fields["interaction_id"] == request_id]


async def tell_the_time(world: SandboxClient) -> None:
    """Have Discord answer the bot once, so that it knows of a jump of the clock."""
    interaction_id = await world.command("felix", "hi", unchecked=True)
    refused = await answer(world, interaction_id)
    assert content(refused).startswith("✏️ **Your prompt is too short**")


async def jump(world: SandboxClient, seconds: float) -> None:
    """Let the world's time jump, and the bot know."""
    await world.clock(jump_seconds=seconds)
    await tell_the_time(world)


async def fetch(url: str) -> bytes:
    """Download what an address leads to."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def stored(world: SandboxClient, uri: str) -> bytes:
    """Return the bytes of `gs://bucket/object` as the bucket has them."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return await fetch(f"{world.url}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media")


async def store(world: SandboxClient, uri: str, body: bytes) -> None:
    """Put an object into the bucket, as Vertex does when a video is ready."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    url = f"{world.url}/upload/storage/v1/b/{bucket}/o"
    query, headers = {"uploadType": "media", "name": name}, {"Content-Type": "video/mp4"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, params=query, data=body, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()


async def finished_object(world: SandboxClient, prompt: str) -> str:
    """Wait until the video of this prompt is ready; return its address in the bucket."""
    submission = await world.wait_for(
        lambda entry: entry.fields["prompt"] == prompt, kind="submission", timeout_seconds=OUTCOME_SECONDS
    )
    operation = submission.fields["operation"]
    entry = await world.wait_for(
        lambda e: e.fields["operation"] == operation, kind="finished", timeout_seconds=OUTCOME_SECONDS
    )
    return str(entry.fields["object"])

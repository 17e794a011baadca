"""Fetches the videos that the members were given, and makes sure that they play and are the right ones."""

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import av

from veobot.demo.accounts import Account, Accounts
from veobot.demo.scenario import ASKS

# A video is about 100 KiB and comes over loopback.
_DOWNLOAD_TIMEOUT_SECONDS = 10.0

# The shortest video that Veo makes has four seconds of 24 frames each.
_MIN_FRAMES = 4 * 24


class _WrongVideo(Exception):
    """What a member was given is not the video that was made for the prompt."""


async def collect_videos(accounts: Accounts, world_url: str, directory: Path) -> Mapping[str, str]:
    """Save every delivered video in `directory` and return what is wrong with which prompt's.

    A video is right if it is byte for byte the object that Vertex made for this prompt, and every frame decodes.

    Raises:
        OSError: if the directory cannot be written.
    """
    wrong: dict[str, str] = {}
    timeout = aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for ask in ASKS:
            account = accounts.find(ask.prompt)
            path = directory / ask.file_name
            path.unlink(missing_ok=True)  # an earlier run's video proves nothing
            if account is None or account.outcome is None or account.outcome.url is None:
                continue
            try:
                content = await _delivered(session, account, world_url)
                await asyncio.to_thread(_play, content)
            except (_WrongVideo, aiohttp.ClientError, TimeoutError) as error:
                wrong[ask.prompt] = str(error) or type(error).__name__
            else:
                await asyncio.to_thread(_save, path, content)
    return wrong


async def _delivered(session: aiohttp.ClientSession, account: Account, world_url: str) -> bytes:
    """Return the file that the member sees, once it is known to be the one that was made for the prompt."""
    outcome = account.outcome
    assert outcome is not None
    content = await _get(session, str(outcome.url))
    objects = [str(entry.fields["object"]) for entry in account.finished if entry.fields.get("object")]
    for uri in objects:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        made = await _get(
            session, f"{world_url}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
        )
        if made == content:
            return content
    raise _WrongVideo("it is not what Vertex made for this prompt")


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as answer:
        if answer.status != 200:
            raise _WrongVideo(f"it cannot be downloaded: HTTP {answer.status}")
        return await answer.read()


def _play(content: bytes) -> None:
    """Decode every frame. Raises _WrongVideo if there are too few or one is damaged."""
    try:
        with av.open(io.BytesIO(content), "r") as container:
            frames = len([frame.pts for frame in container.decode(video=0)])
    except (av.error.FFmpegError, IndexError) as error:
        raise _WrongVideo(f"it does not play: {error}") from error
    if frames < _MIN_FRAMES:
        raise _WrongVideo(f"it has only {frames} frames")


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

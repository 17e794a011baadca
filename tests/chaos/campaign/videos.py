"""Whether the delivered files are, byte for byte, what Vertex made for their requests."""

from collections.abc import Mapping
from urllib.parse import quote

import aiohttp

from chaos.campaign.dossier import Archive, Dossier, Says, files_of, link_of, says
from veobot.sandbox.ledger import Entry

DOWNLOAD_TIMEOUT_SECONDS = 10.0


async def look_at_videos(archive: Archive, world_url: str) -> Mapping[str, str]:
    """Return what is wrong with which message's video, by message."""
    wrong: dict[str, str] = {}
    timeout = aiohttp.ClientTimeout(total=DOWNLOAD_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for dossier in archive.by_id.values():
            for states in dossier.messages.values():
                if says(states[-1]) is not Says.VIDEO:
                    continue
                problem = await _problem(session, dossier, states[-1], world_url)
                if problem is not None:
                    wrong[states[-1].text("message_id")] = problem
    return wrong


async def _problem(
    session: aiohttp.ClientSession, dossier: Dossier, shown: Entry, world_url: str
) -> str | None:
    files, link = files_of(shown), link_of(shown)
    url = str(files[0]["url"]) if files else str(link)
    delivered = await _get(session, url)
    if delivered is None:
        # A channel that was deleted took its files along.
        return None if files else f"its link leads nowhere: entry {shown.seq}"
    for finished in dossier.finished.values():
        bucket, _, name = str(finished.fields["object"] or "").removeprefix("gs://").partition("/")
        made = await _get(
            session, f"{world_url}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
        )
        if made and made == delivered:
            return None
    return f"its {len(delivered)} bytes are no video that was made for it: entry {shown.seq}"


async def _get(session: aiohttp.ClientSession, url: str) -> bytes | None:
    async with session.get(url) as answer:
        return await answer.read() if answer.status == 200 else None

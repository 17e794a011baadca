"""What members read about what is their own: the quota, and a page of their history. Pure functions.

A signed link is a thousand characters long, and a message has room for two thousand: so the text lists the requests,
and the links are the titles of embeds below it, whose addresses Discord does not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from veobot.core.own_requests import Entry, OwnPage, Standing
from veobot.core.ports import SignedLink, UnreadableRow
from veobot.core.request import VideoRequest
from veobot.core.status import Closure, Status

from .cards import message_url
from .markdown import quote
from .texts import en

PROMPT_ROOM = 150
"""UTF-16 units of a prompt, with its escapes: five of them, and all else at its longest, fit one message."""
TITLE_PROMPT_ROOM = 80
"""One line of an embed; its title may have 256 characters."""


@dataclass(frozen=True, slots=True)
class VideoLink:
    """A title that leads to a video."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class HistoryCard:
    """A page of the history: its text, and the links below it."""

    content: str
    links: Sequence[VideoLink]


# -- the quota


def quota(standing: Standing) -> str:
    """Say how many videos are used and left, when the next comes back, and what they cost."""
    window = en.window(standing.window.total_seconds())
    lines = [
        en.QUOTA_USED.format(used=standing.used, videos=en.count(standing.quota, "video"), window=window),
        en.left(standing.left),
    ]
    if standing.next_back_at is not None:
        lines[-1] += en.NEXT_BACK.format(next_at=int(standing.next_back_at.timestamp()))
    if standing.used or standing.charged_micro_usd:
        lines.append(en.COST.format(window=window, dollars=en.dollars(standing.charged_micro_usd)))
    lines.append(en.NOT_COUNTED)
    return "\n".join(lines)


# -- the history


def history(page: OwnPage) -> HistoryCard:
    """List a page of a member's requests, the newest first."""
    if not page.entries:
        return HistoryCard(en.HISTORY_EMPTY, ())
    numbered = list(enumerate(page.entries, 1))
    lines = [en.HISTORY, *(_listed(number, entry) for number, entry in numbered)]
    links = [entry.link for entry in page.entries if entry.link is not None]
    if links:
        lines.append(en.LINKS_UNTIL.format(until=_unix(min(links, key=lambda link: link.expires_at))))
    return HistoryCard("\n".join(lines), [link for n, entry in numbered if (link := _video_link(n, entry))])


def _listed(number: int, entry: Entry) -> str:
    request = entry.request
    if isinstance(request, UnreadableRow):
        return en.UNREADABLE_ENTRY.format(number=number, request_id=request.id)
    return en.ENTRY.format(
        number=number,
        state=_state(request),
        asked_at=int(request.created_at.timestamp()),
        jump=_jump(request),
        quote=quote(request.prompt, PROMPT_ROOM),
    )


def _state(request: VideoRequest) -> str:
    match request.status:
        case Status.PENDING:
            return en.STATE_BEING_MADE if request.open_submissions else en.STATE_WAITING
        case Status.GENERATING:
            return en.STATE_BEING_MADE
        case Status.COMPLETED:
            return en.STATE_DONE
        case Status.FAILED | Status.TIMEOUT:
            if request.failure is None:
                return en.STATE_FAILED
            return en.STATE_FAILED_WHY.format(why=en.FAILURES_IN_SHORT[request.failure])
        case Status.CANCELLED:
            return en.STATE_CANCELLED
        case _:
            assert_never(request.status)


def _jump(request: VideoRequest) -> str:
    """Lead to the message that carries the request; nowhere where others cannot see it, or it was deleted."""
    if request.delivery is not None and request.delivery.message_id is not None:
        return en.JUMP.format(url=message_url(request, request.delivery.message_id))
    placeholder = request.placeholder
    if placeholder is None or placeholder.ephemeral or request.closure is Closure.WITHDRAWN:
        return ""
    return en.JUMP.format(url=message_url(request, placeholder.message_id))


def _video_link(number: int, entry: Entry) -> VideoLink | None:
    if entry.link is None or isinstance(entry.request, UnreadableRow):
        return None
    prompt = quote(entry.request.prompt, TITLE_PROMPT_ROOM).removeprefix("> ")
    return VideoLink(en.WATCH.format(number=number, prompt=prompt), entry.link.url)


def _unix(link: SignedLink) -> int:
    return int(link.expires_at.timestamp())

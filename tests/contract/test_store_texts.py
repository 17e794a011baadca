"""Whatever a text from outside holds, nobody's request is lost for it, and every database keeps the same."""

from dataclasses import replace

import pytest

from support.rows import COMPLETED, NOON, OPTIONS, VIDEO, a_request, admitted, generating, intended
from veobot.core.failures import Failure
from veobot.core.ports import Outcome
from veobot.core.request import OperationName, VideoRequest, VideoUri
from veobot.core.status import Closure, Status
from veobot.store.database import Database
from veobot.store.inspection import show_request
from veobot.store.requests import SqlRequestStore

KEPT = [
    "",
    " ",
    "'; DROP TABLE requests; --",
    "%s :id %(id)s ?",
    "\\",
    "Fuchs 🦊\r\n\t\x01\x7f",
    "\u202e\ufeff\uffff",
    "x" * 100_000,
]
REPLACED = {
    "a\x00b": "a\ufffdb",
    "\ud800": "\ufffd",
    "\udfff\x00\ud83d": "\ufffd\ufffd\ufffd",
}
TEXTS = {**{text: text for text in KEPT}, **REPLACED}
each_text = pytest.mark.parametrize(("text", "kept"), TEXTS.items(), ids=range(len(TEXTS)))


@each_text
async def test_prompts_and_a_token_are_kept_as_far_as_any_database_can(
    store: SqlRequestStore, text: str, kept: str
) -> None:
    asked = replace(
        a_request(), prompt=text, interaction_token=text, options=replace(OPTIONS, negative_prompt=text)
    )
    assert await admitted(store, asked) == replace(
        asked, prompt=kept, interaction_token=kept, options=replace(OPTIONS, negative_prompt=kept)
    )
    [claimed] = await store.claim_incomplete("second", NOON)
    assert isinstance(claimed, VideoRequest)
    assert (claimed.prompt, claimed.options.negative_prompt) == (kept, kept)


@each_text
async def test_what_google_says_ends_a_request_whatever_it_says(
    store: SqlRequestStore, text: str, kept: str
) -> None:
    request = await admitted(store)
    refused = Outcome(Status.FAILED, Failure.REJECTED, text, 0, counts_toward_quota=False)
    await store.record_outcome(request, refused, [], NOON)
    request = await store.get(request.id)
    assert request.failure_detail == kept
    await store.close(request, Closure.DELIVERED, NOON)


@each_text
async def test_an_operation_s_name_is_kept_once_whatever_it_is(
    database: Database, store: SqlRequestStore, text: str, kept: str
) -> None:
    request, submission = await intended(store)
    for _ in range(2):
        await store.record_operation(request, submission, OperationName(text), NOON)
    request = await store.get(request.id)
    assert request.submissions[0].operation == kept
    moves = [move.event for move in (await show_request(database, request.id)).transitions]
    assert moves == ["admitted", "submission intended", "submission accepted", "generating"]
    await store.record_operation(request, submission, OperationName(f"another {text}"), NOON)
    assert (await show_request(database, request.id)).transitions[-1].detail == f"attempt 1: another {kept}"


@each_text
async def test_a_video_s_address_is_kept_whatever_it_is(store: SqlRequestStore, text: str, kept: str) -> None:
    request = await generating(store)
    await store.record_outcome(request, COMPLETED, [replace(VIDEO, video_uri=VideoUri(text))], NOON)
    video = (await store.get(request.id)).video
    assert video is not None
    assert video.video_uri == kept

"""The real generator, with google-genai, against the sandbox: every answer and every way to lose one."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from support.google import BUCKET, FAST_MODEL
from support.google_parts import OPTIONS, REQUEST_ID, new_generator, submission
from veobot.core.errors import Ambiguous, OperatorNeeded, Retryable, SubmissionRefused
from veobot.core.failures import Failure
from veobot.core.models import AspectRatio, Resolution
from veobot.core.ports import Finished, Gone, PollAnswer, Running, Unsuccessful
from veobot.core.request import OperationName
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import JsonValue
from veobot.vertex.veo import VeoGenerator

PROMPT = "A red fox running through fresh snow"


@pytest.fixture(autouse=True)
def _service_account(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's service account, named as in production."""
    path = sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"]
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)


@pytest.fixture
async def veo(sandbox: SandboxClient) -> AsyncIterator[VeoGenerator]:
    """The real generator, pointed to the sandbox, with its access token at hand."""
    generator = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    await generator.prepare(OPTIONS)
    yield generator
    await generator.aclose()


async def ended(sandbox: SandboxClient, veo: VeoGenerator, **scene: JsonValue) -> PollAnswer:
    """Submit, let the operation end as the scene says, and poll."""
    await sandbox.vertex(script=[scene])
    operation = await veo.submit(PROMPT, OPTIONS, submission())
    await sandbox.finish(operation=operation)
    await sandbox.wait_for(lambda entry: entry.fields["operation"] == operation, kind="finished")
    return await veo.poll(operation, OPTIONS)


async def posts(sandbox: SandboxClient) -> int:
    """How many submissions reached the sandbox, whatever became of them."""
    struck = [e for e in await sandbox.ledger(kind="fault") if e.fields["endpoint"] == "vertex.submit"]
    before = [e for e in struck if e.fields["kind"] == "drop_before"]
    return len(await sandbox.ledger(kind="submission")) + len(before)


# -- submitting


async def test_a_submission_asks_for_exactly_what_the_options_say(
    sandbox: SandboxClient, veo: VeoGenerator
) -> None:
    options = replace(
        OPTIONS,
        duration_seconds=8,
        aspect_ratio=AspectRatio.PORTRAIT,
        resolution=Resolution.P1080,
        audio=False,
        negative_prompt="rain, umbrellas",
    )
    operation = await veo.submit(PROMPT, options, submission())
    (entry,) = await sandbox.ledger(kind="submission")
    assert entry.fields["operation"] == operation
    assert entry.fields["prompt"] == PROMPT
    assert entry.fields["model"] == FAST_MODEL
    assert entry.fields["labels"] == {"request_id": str(REQUEST_ID)}
    assert entry.fields["parameters"] == {
        "sampleCount": 1,
        "storageUri": f"gs://{BUCKET}/veo/{REQUEST_ID}/1/",
        "durationSeconds": 8,
        "aspectRatio": "9:16",
        "resolution": "1080p",
        "generateAudio": False,
        "seed": 48213,
        "personGeneration": "allow_adult",
        "negativePrompt": "rain, umbrellas",
    }


async def test_a_submission_says_nothing_of_a_negative_prompt_that_there_is_not(
    sandbox: SandboxClient, veo: VeoGenerator
) -> None:
    await veo.submit(PROMPT, OPTIONS, submission())
    (entry,) = await sandbox.ledger(kind="submission")
    assert isinstance(entry.fields["parameters"], Mapping)
    assert "negativePrompt" not in entry.fields["parameters"]


async def test_a_submission_without_preparation_fetches_its_token_first(sandbox: SandboxClient) -> None:
    unprepared = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    try:
        await unprepared.submit(PROMPT, OPTIONS, submission())
    finally:
        await unprepared.aclose()
    assert len(await sandbox.ledger(kind="submission")) == 1


@pytest.mark.parametrize(("fault", "paid"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_submits_once_and_is_ambiguous(
    sandbox: SandboxClient, veo: VeoGenerator, fault: str, paid: int
) -> None:
    await sandbox.fault("vertex.submit", fault, times=1)
    with pytest.raises(Ambiguous):
        await veo.submit(PROMPT, OPTIONS, submission())
    assert await posts(sandbox) == 1
    assert len(await sandbox.ledger(kind="submission")) == paid


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_after_the_effect_submits_once_and_is_ambiguous(
    sandbox: SandboxClient, veo: VeoGenerator, status: int
) -> None:
    await sandbox.fault("vertex.submit", "error_after", status=status, times=1)
    with pytest.raises(Ambiguous, match=str(status)):
        await veo.submit(PROMPT, OPTIONS, submission())
    assert len(await sandbox.ledger(kind="submission")) == 1


@pytest.mark.parametrize(
    ("fault", "settings"), [("malformed", {}), ("truncate", {"bytes": 9}), ("truncate", {"bytes": 0})]
)
async def test_an_unreadable_answer_submits_once_and_is_ambiguous(
    sandbox: SandboxClient, veo: VeoGenerator, fault: str, settings: Mapping[str, int]
) -> None:
    await sandbox.fault("vertex.submit", fault, times=1, **settings)  # type: ignore[arg-type]  # ints all
    with pytest.raises(Ambiguous):
        await veo.submit(PROMPT, OPTIONS, submission())
    assert len(await sandbox.ledger(kind="submission")) == 1


async def test_an_answer_that_comes_too_late_submits_once_and_is_ambiguous(
    sandbox: SandboxClient,
) -> None:
    hasty = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"], submit_timeout_seconds=0.5)
    await sandbox.fault("vertex.submit", "delay_after", seconds=30, times=1)
    try:
        with pytest.raises(Ambiguous, match="TimeoutError"):
            await hasty.submit(PROMPT, OPTIONS, submission())
    finally:
        await hasty.aclose()
    assert len(await sandbox.ledger(kind="submission")) == 1


@pytest.mark.parametrize("body", ["{}", "[]", "null", '"name"', '{"name": 7}', '{"name": ""}', ""])
async def test_an_answer_without_a_name_is_ambiguous(body: str) -> None:
    calls = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(text=body, content_type="application/json")

    application = web.Application()
    application.add_routes([web.post("/{path:.*}", answer)])
    async with TestServer(application, host="127.0.0.1") as server:
        generator = new_generator(str(server.make_url("")))
        await generator.prepare(OPTIONS)
        try:
            with pytest.raises(Ambiguous):
                await generator.submit(PROMPT, OPTIONS, submission())
            with pytest.raises(Retryable):
                await generator.poll(OperationName("projects/p/operations/1"), OPTIONS)
        finally:
            await generator.aclose()
    assert calls == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
async def test_no_connection_is_surely_not_a_submission(host: str) -> None:
    unreachable = new_generator(f"http://{host}:{unused_port()}")
    await unreachable.prepare(OPTIONS)
    try:
        with pytest.raises(Retryable) as caught:
            await unreachable.submit(PROMPT, OPTIONS, submission())
    finally:
        await unreachable.aclose()
    assert caught.value.failure is Failure.PROVIDER_UNAVAILABLE
    assert not isinstance(caught.value, OperatorNeeded)


async def test_exhausted_quota_is_retryable(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    await sandbox.vertex(submit="quota")
    with pytest.raises(Retryable, match="Quota exceeded") as caught:
        await veo.submit(PROMPT, OPTIONS, submission())
    assert caught.value.failure is Failure.PROVIDER_BUSY
    assert len(await sandbox.ledger(kind="refused")) == 1


@pytest.mark.parametrize(
    ("mode", "fix"),
    [
        ("permission_denied", "roles/aiplatform.user on the project veobot-sandbox"),
        ("billing_disabled", "billing/linkedaccount?project=veobot-sandbox"),
        ("unauthenticated", "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
async def test_a_refused_identity_is_the_operators_to_mend(
    sandbox: SandboxClient, veo: VeoGenerator, mode: str, fix: str
) -> None:
    await sandbox.vertex(submit=mode)
    with pytest.raises(OperatorNeeded) as caught:
        await veo.submit(PROMPT, OPTIONS, submission())
    assert fix in caught.value.fix
    assert len(await sandbox.ledger(kind="refused")) == 1


@pytest.mark.parametrize(("mode", "failure"), [("retired", "model_retired"), ("bad_request", "rejected")])
async def test_what_vertex_will_never_accept_is_refused_for_good(
    sandbox: SandboxClient, veo: VeoGenerator, mode: str, failure: str
) -> None:
    await sandbox.vertex(submit=mode)
    with pytest.raises(SubmissionRefused) as caught:
        await veo.submit(PROMPT, OPTIONS, submission())
    assert caught.value.failure == failure
    assert caught.value.detail


async def test_a_prompt_that_is_refused_at_once_was_filtered(
    sandbox: SandboxClient, veo: VeoGenerator
) -> None:
    text = "The prompt could not be submitted: it violates the usage guidelines. Support codes: 61493863"
    await sandbox.fault("vertex.submit", "error_before", status=400, message=text, times=1)
    with pytest.raises(SubmissionRefused, match="61493863") as caught:
        await veo.submit(PROMPT, OPTIONS, submission())
    assert caught.value.failure is Failure.FILTERED


# -- polling


async def test_a_running_operation_is_running(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    operation = await veo.submit(PROMPT, OPTIONS, submission())
    assert isinstance(await veo.poll(operation, OPTIONS), Running)
    assert (await sandbox.wait_for(kind="poll")).fields["answer"] == "running"


async def test_a_finished_operation_names_its_video(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    answer = await ended(sandbox, veo, result="done")
    assert isinstance(answer, Finished)
    assert answer.uri == (await sandbox.wait_for(kind="finished")).fields["object"]


async def test_an_operation_is_polled_by_its_name_alone(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    operation = await veo.submit(PROMPT, OPTIONS, submission())
    later = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    try:
        assert isinstance(await later.poll(operation, OPTIONS), Running)
    finally:
        await later.aclose()


@pytest.mark.parametrize(
    ("scene", "failure", "detail"),
    [
        ({"result": "filtered", "support_code": "90789179"}, Failure.FILTERED, "90789179"),
        ({"result": "failed"}, Failure.PROVIDER_ERROR, "code 13"),
        ({"result": "failed", "error_code": 14}, Failure.PROVIDER_ERROR, "code 14"),
        ({"result": "failed", "error_code": 8, "message": "Busy."}, Failure.PROVIDER_BUSY, "Busy."),
        ({"result": "failed", "error_code": 3, "message": "Bad seed."}, Failure.REJECTED, "Bad seed."),
        (
            {"result": "failed", "error_code": 3, "message": "It is blocked. Support codes: 29310472"},
            Failure.FILTERED,
            "29310472",
        ),
        ({"result": "no_videos"}, Failure.NO_VIDEO, "no video"),
    ],
)
async def test_an_operation_without_a_video_says_why(
    sandbox: SandboxClient, veo: VeoGenerator, scene: dict[str, JsonValue], failure: Failure, detail: str
) -> None:
    answer = await ended(sandbox, veo, **scene)
    assert isinstance(answer, Unsuccessful)
    assert answer.failure is failure
    assert detail in answer.detail


async def test_an_operation_that_vertex_forgot_is_gone(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    assert isinstance(await ended(sandbox, veo, result="gone"), Gone)


@pytest.mark.parametrize("result", ["malformed", "unknown_shape"])
async def test_an_answer_that_is_not_understood_is_asked_for_again(
    sandbox: SandboxClient, veo: VeoGenerator, result: str
) -> None:
    with pytest.raises(Retryable, match="answer about the operation") as caught:
        await ended(sandbox, veo, result=result)
    assert caught.value.failure is Failure.PROVIDER_ERROR


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "Publisher Model `veo` was not found or your project does not have access to it."),
        (400, "The Operation ID must be a Long"),
        (500, "Internal"),
        (503, "Unavailable"),
    ],
)
async def test_a_refused_poll_does_not_give_the_operation_up(
    sandbox: SandboxClient, veo: VeoGenerator, status: int, message: str
) -> None:
    operation = await veo.submit(PROMPT, OPTIONS, submission())
    await sandbox.fault("vertex.poll", "error_before", status=status, message=message, times=1)
    with pytest.raises(Retryable, match=message.split("`", maxsplit=1)[0]) as caught:
        await veo.poll(operation, OPTIONS)
    assert caught.value.failure is Failure.PROVIDER_UNAVAILABLE
    assert isinstance(await veo.poll(operation, OPTIONS), Running)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "malformed"])
async def test_a_lost_poll_is_made_once_and_is_retryable(
    sandbox: SandboxClient, veo: VeoGenerator, fault: str
) -> None:
    operation = await veo.submit(PROMPT, OPTIONS, submission())
    await sandbox.fault("vertex.poll", fault, times=1)
    with pytest.raises(Retryable):
        await veo.poll(operation, OPTIONS)
    assert len(await sandbox.ledger(kind="fault")) == 1
    assert len(await sandbox.ledger(kind="poll")) == (0 if fault == "drop_before" else 1)


async def test_a_busy_poll_says_how_long_to_wait() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith(":predictLongRunning"):
            return web.json_response({"error": {"code": 429, "message": "Quota"}}, status=429)
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}
        error = {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": [info]}
        headers = {} if "no-header" in request.path else {"Retry-After": "23"}
        return web.json_response({"error": error}, status=429, headers=headers)

    application = web.Application()
    application.add_routes([web.post("/{path:.*}", answer)])
    async with TestServer(application, host="127.0.0.1") as server:
        generator = new_generator(str(server.make_url("")))
        try:
            waits = []
            for name in ("projects/p/operations/1", "projects/no-header/operations/1"):
                with pytest.raises(Retryable) as caught:
                    await generator.poll(OperationName(name), OPTIONS)
                waits.append(caught.value.retry_after_seconds)
                assert caught.value.failure is Failure.PROVIDER_BUSY
        finally:
            await generator.aclose()
    assert waits == [23.0, 17.5]


# -- access tokens


async def test_many_at_once_share_one_token(sandbox: SandboxClient) -> None:
    generator = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    await sandbox.fault("google.token", "delay_before")
    await asyncio.gather(*(generator.prepare(OPTIONS) for _ in range(5)))
    await generator.aclose()
    assert len(await sandbox.ledger(kind="fault")) == 1


async def test_preparing_twice_fetches_one_token(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    await sandbox.fault("google.token", "error_before", status=500)
    await veo.prepare(OPTIONS)
    await veo.submit(PROMPT, OPTIONS, submission())
    assert await sandbox.ledger(kind="fault") == []


async def test_a_token_that_google_refused_is_fetched_anew(sandbox: SandboxClient, veo: VeoGenerator) -> None:
    await sandbox.fault("vertex.submit", "error_before", status=401, message="Invalid token.", times=1)
    with pytest.raises(OperatorNeeded):
        await veo.submit(PROMPT, OPTIONS, submission())
    await sandbox.fault("google.token", "delay_before", seconds=0, times=1)
    await veo.prepare(OPTIONS)
    kinds = [entry.fields["endpoint"] for entry in await sandbox.ledger(kind="fault")]
    assert kinds == ["vertex.submit", "google.token"]
    await veo.submit(PROMPT, OPTIONS, submission())


async def test_no_connection_to_the_token_endpoint_is_retryable(sandbox: SandboxClient) -> None:
    await sandbox.fault("google.token", "drop_before")
    generator = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    with pytest.raises(Retryable) as caught:
        await generator.prepare(OPTIONS)
    await generator.aclose()
    assert caught.value.failure is Failure.PROVIDER_UNAVAILABLE
    assert not isinstance(caught.value, OperatorNeeded)


async def test_a_refused_key_is_the_operators_to_mend(sandbox: SandboxClient) -> None:
    await sandbox.fault("google.token", "error_before", status=400, message="invalid_grant")
    generator = new_generator(sandbox.environment["VEOBOT_VERTEX_API_URL"])
    with pytest.raises(OperatorNeeded) as caught:
        await generator.prepare(OPTIONS)
    await generator.aclose()
    assert "new key" in caught.value.fix


@pytest.mark.parametrize("content", [None, "", "not JSON", "{}", '{"type": "service_account"}'])
async def test_a_missing_or_broken_key_file_is_the_operators_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    generator = new_generator("http://127.0.0.1:9")
    with pytest.raises(OperatorNeeded) as caught:
        await generator.prepare(OPTIONS)
    await generator.aclose()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.fix


# -- what importing costs


def test_importing_the_parts_for_google_imports_nothing_of_googles() -> None:
    code = (
        "import sys, veobot.vertex.veo, veobot.vertex.bucket; "
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'google'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

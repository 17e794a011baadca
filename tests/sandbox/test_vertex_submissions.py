"""What a submission costs, what the model refuses and what the project's operator has to mend."""

from collections.abc import Mapping

import aiohttp
import pytest
from google import genai
from google.genai import errors

from support.google import BUCKET, FAST_MODEL, credentials, submit
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import JsonValue
from veobot.sandbox.models import Refused, understand

LITE, FULL = "veo-3.1-lite-generate-001", "veo-3.1-generate-001"
PATH = f"/v1/projects/veobot-sandbox/locations/us-central1/publishers/google/models/{FAST_MODEL}"


@pytest.mark.parametrize(
    ("model", "config", "cost_usd"),
    [
        (FULL, {"duration_seconds": 8}, 3.20),
        (FULL, {"duration_seconds": 8, "generate_audio": False}, 1.60),
        (FULL, {"duration_seconds": 8, "resolution": "4k"}, 4.80),
        (FAST_MODEL, {"duration_seconds": 4}, 0.40),
        (FAST_MODEL, {"duration_seconds": 6, "generate_audio": False}, 0.48),
        (FAST_MODEL, {"duration_seconds": 8, "resolution": "1080p"}, 0.96),
        (LITE, {"duration_seconds": 8, "generate_audio": False}, 0.24),
        (LITE, {"duration_seconds": 8, "resolution": "1080p", "generate_audio": False}, 0.40),
    ],
)
async def test_each_accepted_submission_is_charged_once(
    sandbox: SandboxClient,
    vertex_sdk: genai.Client,
    model: str,
    config: dict[str, str | float],
    cost_usd: float,
) -> None:
    name = await submit(
        vertex_sdk, "A red fox", model=model, settings={**config, "labels": {"request_id": "42"}}
    )
    (entry,) = await sandbox.ledger(kind="submission")
    assert entry.fields["cost_usd"] == pytest.approx(cost_usd)
    assert entry.fields["operation"] == name
    assert entry.fields["labels"] == {"request_id": "42"}
    assert entry.fields["storage_uri"] == f"gs://{BUCKET}/veo/test/"


@pytest.mark.parametrize(
    ("mode", "answer", "says"),
    [
        ("quota", (429, "RESOURCE_EXHAUSTED"), "Quota exceeded"),
        ("retired", (404, "NOT_FOUND"), "was not found or your project does not have access"),
        ("permission_denied", (403, "PERMISSION_DENIED"), "Permission 'aiplatform.endpoints.predict' denied"),
        ("billing_disabled", (403, "PERMISSION_DENIED"), "requires billing to be enabled"),
        ("unauthenticated", (401, "UNAUTHENTICATED"), "invalid authentication credentials"),
        ("bad_request", (400, "INVALID_ARGUMENT"), "invalid argument"),
        ("unavailable", (503, "UNAVAILABLE"), "currently unavailable"),
    ],
)
async def test_a_refused_submission_costs_nothing(
    sandbox: SandboxClient, vertex_sdk: genai.Client, mode: str, answer: tuple[int, str], says: str
) -> None:
    await sandbox.vertex(submit=mode)
    with pytest.raises(errors.APIError, match=says) as caught:
        await submit(vertex_sdk, "A red fox")
    assert (caught.value.code, caught.value.status) == answer
    refused = await sandbox.wait_for(kind="refused")
    assert (refused.fields["prompt"], refused.fields["status"]) == ("A red fox", answer[0])
    assert await sandbox.ledger(kind="submission") == []


async def test_a_model_that_no_longer_exists_is_named(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(models=[FAST_MODEL])
    with pytest.raises(errors.ClientError, match=f"Publisher Model `.*{FULL}` was not found"):
        await submit(vertex_sdk, "A red fox", model=FULL)
    with pytest.raises(errors.ClientError, match="was not found"):
        await vertex_sdk.aio.models.get(model=FULL)
    assert (
        await vertex_sdk.aio.models.get(model=FAST_MODEL)
    ).name == f"publishers/google/models/{FAST_MODEL}"


@pytest.mark.parametrize("mode", ["permission_denied", "billing_disabled", "unauthenticated", "retired"])
async def test_looking_a_model_up_shows_the_operators_mistakes(
    sandbox: SandboxClient, vertex_sdk: genai.Client, mode: str
) -> None:
    await sandbox.vertex(submit=mode)
    with pytest.raises(errors.ClientError):
        await vertex_sdk.aio.models.get(model=FAST_MODEL)


FOX: Mapping[str, JsonValue] = {"prompt": "A red fox"}


def body(
    *instances: Mapping[str, JsonValue],
    labels: Mapping[str, JsonValue] | None = None,
    **parameters: JsonValue,
) -> JsonValue:
    return {"instances": list(instances), "parameters": parameters, "labels": labels}


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(None, id="no body"),
        pytest.param([], id="no object"),
        pytest.param(body(), id="no instance"),
        pytest.param(body(FOX, FOX), id="two instances"),
        pytest.param(body({}), id="no prompt"),
        pytest.param(body({"prompt": "  "}), id="blank prompt"),
        pytest.param(body(FOX, durationSeconds=5), id="5 seconds"),
        pytest.param(body(FOX, durationSeconds="8"), id="seconds as text"),
        pytest.param(body(FOX, durationSeconds=True), id="seconds as truth"),
        pytest.param(body(FOX, durationSeconds=4, resolution="1080p"), id="1080p in 4 seconds"),
        pytest.param(body(FOX, durationSeconds=8, resolution="4k"), id="4k where the model has none"),
        pytest.param(body(FOX, resolution="480p"), id="480p"),
        pytest.param(body(FOX, aspectRatio="1:1"), id="square"),
        pytest.param(body(FOX, seed=-1), id="negative seed"),
        pytest.param(body(FOX, seed=2**32), id="seed over a uint32"),
        pytest.param(body(FOX, seed=1.5), id="broken seed"),
        pytest.param(body(FOX, sampleCount=0), id="no samples"),
        pytest.param(body(FOX, sampleCount=5), id="5 samples"),
        pytest.param(body(FOX, personGeneration="everybody"), id="unknown persons"),
        pytest.param(body(FOX, generateAudio="yes"), id="audio as text"),
        pytest.param(body(FOX, storageUri="https://example.com/"), id="no bucket"),
        pytest.param(body(FOX, labels={"Request": "x"}), id="upper-case label"),
        pytest.param(body(FOX, labels={"request": "x" * 64}), id="long label"),
        pytest.param(
            body({"prompt": "a", "image": {"bytesBase64Encoded": "A" * (28 * 2**20)}}),
            id="huge image",
        ),
    ],
)
def test_what_the_model_refuses_it_refuses_with_a_sentence(refused: JsonValue) -> None:
    with pytest.raises(Refused, match=r"\.$"):
        understand(FAST_MODEL, refused)


async def test_a_refused_parameter_is_a_400_that_costs_nothing(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    with pytest.raises(errors.ClientError, match="durationSeconds must be one of 4, 6, 8") as caught:
        await submit(vertex_sdk, "A red fox", settings={"duration_seconds": 7})
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert [entry.kind for entry in await sandbox.ledger()] == ["refused"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}])
async def test_without_an_issued_token_nobody_gets_in(sandbox: SandboxClient, header: dict[str, str]) -> None:
    async with aiohttp.ClientSession(sandbox.url, headers=header) as session:
        for call in (
            session.post(f"{PATH}:predictLongRunning", json=body(FOX)),
            session.post(f"{PATH}:fetchPredictOperation", json={"operationName": "x"}),
            session.get(PATH),
        ):
            async with call as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["status"] == "UNAUTHENTICATED"
    assert await sandbox.ledger(kind="submission") == []


async def test_an_assertion_that_our_key_has_not_signed_gets_no_token(sandbox: SandboxClient) -> None:
    account = credentials(sandbox.environment)
    header, payload, _ = account._make_authorization_grant_assertion().decode().split(".")  # type: ignore[no-untyped-call]
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    async with aiohttp.ClientSession(sandbox.url) as session:
        for assertion in (f"{header}.{payload}.{'A' * 342}", "nonsense", "a.b", "é.é.é"):
            async with session.post("/token", data={"grant_type": grant, "assertion": assertion}) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"] == "invalid_grant"
        async with session.post("/token", data={"grant_type": "password"}) as answer:
            assert answer.status == 400

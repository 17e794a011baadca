"""Every kind of mishap, and that what should have happened before it has happened."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from google import genai
from google.genai import errors

from support.google import submit
from veobot.sandbox.client import SandboxClient, SandboxError
from veobot.sandbox.faults import FaultKind


@pytest.fixture
async def discord(sandbox: SandboxClient) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client that holds the bot's token."""
    header = {"Authorization": f"Bot {sandbox.environment['VEOBOT_DISCORD_TOKEN']}"}
    async with aiohttp.ClientSession(sandbox.url, headers=header) as session:
        yield session


async def look(discord: aiohttp.ClientSession) -> aiohttp.ClientResponse:
    """Ask for something of Discord's that always exists."""
    async with discord.get("/api/v10/users/@me") as answer:
        await answer.read()
        return answer


async def test_a_call_can_be_held_up_before_its_effect(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.fault("vertex.submit", "delay_before", seconds=0.4)
    submitting = asyncio.create_task(submit(vertex_sdk, "A red fox"))
    await sandbox.wait_for(kind="fault")
    assert await sandbox.ledger(kind="submission") == []
    assert (await sandbox.wait_for(kind="submission")).fields["operation"] == await submitting


async def test_an_answer_can_be_held_back_after_the_effect(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.fault("vertex.submit", "delay_after", seconds=0.4)
    started = time.monotonic()
    submitting = asyncio.create_task(submit(vertex_sdk, "A red fox"))
    await sandbox.wait_for(kind="submission")
    assert not submitting.done()
    await submitting
    assert time.monotonic() - started >= 0.4


async def test_a_dropped_call_had_no_effect(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.fault("vertex.submit", "drop_before")
    with pytest.raises(aiohttp.ClientConnectionError):
        await submit(vertex_sdk, "A red fox")
    assert [entry.kind for entry in await sandbox.ledger()] == ["fault"]


async def test_a_dropped_answer_had_its_whole_effect(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(generation_seconds=0)
    await sandbox.fault("vertex.submit", "drop_after")
    with pytest.raises(aiohttp.ClientConnectionError):
        await submit(vertex_sdk, "A red fox")
    finished = await sandbox.wait_for(kind="finished")
    (submission,) = await sandbox.ledger(kind="submission")
    assert finished.fields["operation"] == submission.fields["operation"]
    assert finished.fields["object"] is not None


@pytest.mark.parametrize("contains", [None, "red fox"])
async def test_an_effect_survives_a_client_that_has_left(
    sandbox: SandboxClient, vertex_sdk: genai.Client, contains: str | None
) -> None:
    await sandbox.fault("vertex.submit", "delay_before", seconds=0.3, contains=contains)
    submitting = asyncio.create_task(submit(vertex_sdk, "A red fox"))
    await sandbox.wait_for(kind="fault")
    submitting.cancel()
    await sandbox.wait_for(kind="submission")


@pytest.mark.parametrize(("kind", "submissions"), [("error_before", 0), ("error_after", 1)])
async def test_an_error_speaks_googles_dialect(
    sandbox: SandboxClient, vertex_sdk: genai.Client, kind: str, submissions: int
) -> None:
    await sandbox.fault("vertex.submit", kind, status=503, message="Please try again.")
    with pytest.raises(errors.ServerError, match=r"Please try again\.") as caught:
        await submit(vertex_sdk, "A red fox")
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
    assert len(await sandbox.ledger(kind="submission")) == submissions


async def test_an_error_speaks_discords_dialect(
    sandbox: SandboxClient, discord: aiohttp.ClientSession
) -> None:
    await sandbox.fault("discord.*", "error_before", status=403, code=50001, message="Missing Access")
    async with discord.get("/api/v10/users/@me") as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (403, "application/json")
        assert await answer.json() == {"code": 50001, "message": "Missing Access"}


async def test_discords_rate_limit_says_how_long_and_where_from(
    sandbox: SandboxClient, discord: aiohttp.ClientSession
) -> None:
    await sandbox.fault("discord.*", "rate_limited", seconds=1.5)
    async with discord.get("/api/v10/users/@me") as answer:
        assert answer.status == 429
        assert (await answer.json())["retry_after"] == 1.5
        assert {"Via", "Retry-After", "X-RateLimit-Scope"} <= set(answer.headers)
    assert (await look(discord)).status == 200


async def test_googles_rate_limit_is_exhausted_quota(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.fault("vertex.submit", "rate_limited")
    with pytest.raises(errors.ClientError, match="Quota exceeded") as caught:
        await submit(vertex_sdk, "A red fox")
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert await sandbox.ledger(kind="submission") == []


async def test_a_truncated_answer_ends_after_its_bytes(
    sandbox: SandboxClient, discord: aiohttp.ClientSession
) -> None:
    await sandbox.fault("discord.*", "truncate", bytes=7)
    async with discord.get("/api/v10/users/@me") as answer:
        assert (answer.content_length or 0) > 7
        assert len(await answer.content.readexactly(7)) == 7
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()


async def test_a_malformed_answer_is_a_200_of_something_else(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.fault("vertex.submit", "malformed")
    with pytest.raises(ValueError, match=r"."):
        await submit(vertex_sdk, "A red fox")
    assert len(await sandbox.ledger(kind="submission")) == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("drop_before", None),
        ("drop_after", None),
        ("error_before", 520),
        ("error_after", 520),
        ("rate_limited", 429),
    ],
)
async def test_a_websocket_can_be_refused(
    sandbox: SandboxClient, discord: aiohttp.ClientSession, kind: str, status: int | None
) -> None:
    # aiohttp's client repeats a GET once by itself when the connection is dropped.
    await sandbox.fault("discord.gateway", kind, status=520, times=2)
    with pytest.raises(aiohttp.ClientError) as caught:
        await discord.ws_connect(sandbox.environment["VEOBOT_DISCORD_GATEWAY_URL"])
    if status is not None:
        assert isinstance(caught.value, aiohttp.WSServerHandshakeError)
        assert caught.value.status == status
    await sandbox.clear_faults()
    async with discord.ws_connect(sandbox.environment["VEOBOT_DISCORD_GATEWAY_URL"]) as socket:
        assert (await socket.receive_json(timeout=5))["op"] == 10


async def test_a_fault_strikes_as_often_as_it_says(
    sandbox: SandboxClient, discord: aiohttp.ClientSession
) -> None:
    await sandbox.fault("discord.*", "error_before", status=500, times=2)
    assert [(await look(discord)).status for _ in range(4)] == [500, 500, 200, 200]
    entries = await sandbox.ledger(kind="fault")
    assert [entry.fields["kind"] for entry in entries] == ["error_before"] * 2


async def test_a_seed_makes_chance_repeatable(sandbox: SandboxClient, discord: aiohttp.ClientSession) -> None:
    runs = []
    for _ in range(2):
        fault = await sandbox.fault("discord.*", "error_before", status=500, probability=0.5, seed=7)
        runs.append([(await look(discord)).status for _ in range(20)])
        await sandbox.remove_fault(fault)
    assert runs[0] == runs[1]
    assert {200, 500} == set(runs[0])


async def test_only_calls_that_contain_the_text_are_hit(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.fault("vertex.submit", "rate_limited", contains="“Walgesänge”")
    await submit(vertex_sdk, "A red fox")
    with pytest.raises(errors.ClientError):
        await submit(vertex_sdk, "A blue whale sings “Walgesänge”")


async def test_a_multipart_body_that_was_looked_into_still_arrives(
    sandbox: SandboxClient, discord: aiohttp.ClientSession
) -> None:
    channel = (await sandbox.state())["channels"]
    assert isinstance(channel, dict)
    await sandbox.fault("discord.*", "error_before", contains="nothing like this", times=9)
    form = aiohttp.FormData()
    form.add_field("payload_json", '{"content": "Look"}', content_type="application/json")
    form.add_field("files[0]", b"video" * 20_000, filename="fox.mp4", content_type="video/mp4")
    path = f"/api/v10/channels/{channel['video-lab']}/messages"
    async with discord.post(path, data=form) as answer:
        assert answer.status == 200
        (attachment,) = (await answer.json())["attachments"]
    assert attachment["size"] == 100_000


async def test_the_control_api_is_never_hit(sandbox: SandboxClient) -> None:
    await sandbox.fault("*", "drop_before", times=99)
    await sandbox.state()
    await sandbox.clear_faults()


@pytest.mark.parametrize("kind", [kind.value for kind in FaultKind])
async def test_reset_withdraws_every_fault(
    sandbox: SandboxClient, discord: aiohttp.ClientSession, kind: str
) -> None:
    await sandbox.fault("discord.*", kind, seconds=60, times=5)
    await sandbox.reset()
    assert (await look(discord)).status == 200
    assert await sandbox.ledger(kind="fault") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": "", "kind": "drop_before"},
        {"endpoint": "vertex.submit", "kind": "explode"},
        {"endpoint": "vertex.submit", "kind": "delay_before", "seconds": -1},
        {"endpoint": "vertex.submit", "kind": "delay_before", "seconds": 9999},
        {"endpoint": "vertex.submit", "kind": "error_before", "status": 200},
        {"endpoint": "vertex.submit", "kind": "drop_after", "times": 0},
        {"endpoint": "vertex.submit", "kind": "drop_after", "probability": 1.5},
        {"endpoint": "vertex.submit", "kind": "truncate", "bytes": -1},
    ],
)
async def test_an_impossible_fault_is_refused_with_a_sentence(
    sandbox: SandboxClient, fields: dict[str, str | int]
) -> None:
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.post("/control/faults", json=fields) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"].endswith(".")


async def test_a_fault_that_is_gone_cannot_be_withdrawn(sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="There is no fault 123"):
        await sandbox.remove_fault("123")

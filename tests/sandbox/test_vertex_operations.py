"""Every way a generation can go, seen through the real google-genai client."""

import asyncio
from pathlib import Path

import av
import pytest
from google import genai
from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations
from google.genai import errors, types

from support.google import BUCKET, FAST_MODEL, Setting, genai_client, poll, response_of, submit, videos_of
from veobot.sandbox.client import SandboxClient


async def finished_poll(
    sandbox: SandboxClient, vertex_sdk: genai.Client, prompt: str = "A red fox", **config: Setting
) -> types.GenerateVideosOperation:
    name = await submit(vertex_sdk, prompt, settings=config)
    await sandbox.finish(operation=name)
    await sandbox.wait_for(lambda entry: entry.fields["operation"] == name, kind="finished")
    return await poll(vertex_sdk, name)


async def test_a_running_operation_has_no_done(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    operation = await poll(vertex_sdk, await submit(vertex_sdk, "A red fox"))
    assert operation.done is None
    assert operation.response is None
    assert (await sandbox.wait_for(kind="poll")).fields["answer"] == "running"


async def test_a_finished_video_lies_in_a_numbered_folder_under_its_prefix(
    sandbox: SandboxClient, vertex_sdk: genai.Client, bucket_sdk: storage.Bucket, tmp_path: Path
) -> None:
    operation = await finished_poll(sandbox, vertex_sdk, output_gcs_uri=f"gs://{BUCKET}/veo/42")
    assert operation.done is True
    (video,) = videos_of(operation)
    uri = video.uri or ""
    root, folder, sample = uri.rsplit("/", 2)
    assert (root, sample) == (f"gs://{BUCKET}/veo/42", "sample_0.mp4")
    assert 0 <= int(folder) < 2**64
    target = tmp_path / "video.mp4"
    await asyncio.to_thread(
        bucket_sdk.blob(uri.removeprefix(f"gs://{BUCKET}/")).download_to_filename, str(target)
    )
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.name == "h264"


async def test_an_operation_is_rebuilt_from_its_name_by_another_process(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    name = await submit(vertex_sdk, "A red fox")
    await sandbox.finish()
    await sandbox.wait_for(kind="finished")
    rebuilt = types.GenerateVideosOperation.model_validate({"name": name})
    async with genai_client(sandbox.environment).aio as later:
        operation = await later.operations.get(rebuilt)
    assert operation.done is True


async def test_without_an_output_folder_the_video_comes_inline(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    operation = await finished_poll(sandbox, vertex_sdk, output_gcs_uri=None)
    (video,) = videos_of(operation)
    assert video.uri is None
    assert (video.video_bytes or b"")[4:8] == b"ftyp"


async def test_several_samples_are_several_objects(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    operation = await finished_poll(sandbox, vertex_sdk, number_of_videos=3)
    names = [(video.uri or "").rsplit("/", 1)[1] for video in videos_of(operation)]
    assert names == ["sample_0.mp4", "sample_1.mp4", "sample_2.mp4"]
    assert (await sandbox.wait_for(kind="submission")).fields["cost_usd"] == pytest.approx(0.1 * 4 * 3)


async def test_a_filtered_video_names_its_support_code(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(script=[{"contains": "celebrity", "result": "filtered", "support_code": "29310472"}])
    operation = await finished_poll(sandbox, vertex_sdk, "a celebrity")
    assert operation.done is True
    assert operation.error is None
    filtered = response_of(operation)
    assert filtered.rai_media_filtered_count == 1
    assert "Support codes: 29310472" in (filtered.rai_media_filtered_reasons or [""])[0]
    assert videos_of(operation) == []
    assert (await sandbox.wait_for(kind="finished")).fields == {
        "operation": operation.name,
        "result": "filtered",
        "object": None,
    }


async def test_a_failed_video_carries_googles_error(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(script=[{"result": "failed", "error_code": 14, "message": "Try again later."}])
    operation = await finished_poll(sandbox, vertex_sdk)
    assert operation.done is True
    assert operation.error == {"code": 14, "message": "Try again later."}
    assert operation.response is None


async def test_a_missing_output_bucket_fails_the_operation(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    operation = await finished_poll(sandbox, vertex_sdk, output_gcs_uri="gs://nobodys-bucket/veo/")
    assert (operation.error or {})["code"] == 5


async def test_done_without_videos(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(script=[{"result": "no_videos"}])
    operation = await finished_poll(sandbox, vertex_sdk)
    assert operation.done is True
    assert videos_of(operation) == []
    assert response_of(operation).rai_media_filtered_count == 0


async def test_an_empty_file_is_an_object_of_no_bytes(
    sandbox: SandboxClient, vertex_sdk: genai.Client, bucket_sdk: storage.Bucket
) -> None:
    await sandbox.vertex(script=[{"result": "empty_file"}])
    operation = await finished_poll(sandbox, vertex_sdk)
    uri = videos_of(operation)[0].uri or ""
    blob = await asyncio.to_thread(bucket_sdk.get_blob, uri.removeprefix(f"gs://{BUCKET}/"))
    assert blob is not None
    assert blob.size == 0


async def test_a_gone_operation_answers_404(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(script=[{"result": "gone", "generation_seconds": 0}])
    name = await submit(vertex_sdk, "A red fox")
    await sandbox.wait_for(kind="finished")
    with pytest.raises(errors.ClientError) as caught:
        await poll(vertex_sdk, name)
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert (await sandbox.wait_for(kind="poll")).fields["answer"] == "gone"


async def test_an_unknown_operation_answers_404(vertex_sdk: genai.Client) -> None:
    name = f"projects/veobot-sandbox/locations/us-central1/publishers/google/models/{FAST_MODEL}/operations/x"
    with pytest.raises(errors.ClientError) as caught:
        await poll(vertex_sdk, name)
    assert caught.value.code == 404


async def test_a_hanging_generation_runs_until_somebody_finishes_it(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(generation_seconds=1, script=[{"result": "hang"}])
    name = await submit(vertex_sdk, "A red fox")
    await sandbox.clock(jump_seconds=86400)
    assert (await poll(vertex_sdk, name)).done is None
    assert await sandbox.finish(contains="fox") == 1
    await sandbox.wait_for(kind="finished")
    assert (await poll(vertex_sdk, name)).done is True


async def test_a_malformed_answer_is_no_json(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(script=[{"result": "malformed"}])
    with pytest.raises(ValueError, match=r"(?i)json|Expecting"):
        await finished_poll(sandbox, vertex_sdk)


async def test_an_unknown_shape_is_done_without_anything_known(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(script=[{"result": "unknown_shape"}])
    operation = await finished_poll(sandbox, vertex_sdk)
    assert operation.done is True
    assert operation.error is None
    assert videos_of(operation) == []


async def test_a_generation_finishes_by_the_sandbox_clock(
    sandbox: SandboxClient, vertex_sdk: genai.Client
) -> None:
    await sandbox.vertex(generation_seconds=113)
    name = await submit(vertex_sdk, "A red fox")
    submitted = await sandbox.wait_for(kind="submission")
    await sandbox.clock(jump_seconds=100)
    assert (await poll(vertex_sdk, name)).done is None
    await sandbox.clock(jump_seconds=13)
    finished = await sandbox.wait_for(kind="finished")
    assert (finished.at - submitted.at).total_seconds() >= 113


async def test_a_scene_serves_as_often_as_it_says(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(
        generation_seconds=0,
        script=[{"result": "failed", "times": 2}, {"contains": "whale", "result": "filtered"}],
    )
    for prompt in ("a fox", "a whale", "a whale", "a fox"):
        await submit(vertex_sdk, prompt)
    finished = await sandbox.wait_for_count(4, kind="finished")
    results = {entry.text("operation"): entry.fields["result"] for entry in finished}
    submissions = await sandbox.ledger(kind="submission")
    assert [results[entry.text("operation")] for entry in submissions] == [
        "failed",
        "failed",
        "filtered",
        "done",
    ]


async def test_reset_forgets_operations_and_script(sandbox: SandboxClient, vertex_sdk: genai.Client) -> None:
    await sandbox.vertex(submit="quota", generation_seconds=5, models=[])
    await sandbox.reset()
    name = await submit(vertex_sdk, "A red fox")
    await sandbox.reset()
    with pytest.raises(errors.ClientError) as caught:
        await poll(vertex_sdk, name)
    assert caught.value.code == 404
    assert [entry.kind for entry in await sandbox.ledger()] == ["poll"]

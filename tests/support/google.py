"""Google's own clients, pointed to the sandbox as a bot in production is pointed to Google.

Importing this takes a second: the fixtures in google_fixtures.py do so only when they are used.
"""

from collections.abc import Mapping
from typing import TypeAlias

from google import genai
from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations
from google.genai import types
from google.oauth2 import service_account

FAST_MODEL = "veo-3.1-fast-generate-001"
LOCATION = "us-central1"
PROJECT = "veobot-sandbox"
BUCKET = "veobot-sandbox"

# A field of GenerateVideosConfig.
Setting: TypeAlias = str | float | dict[str, str] | None


def credentials(environment: Mapping[str, str]) -> service_account.Credentials:
    """The generated service account, as GOOGLE_APPLICATION_CREDENTIALS names it."""
    return service_account.Credentials.from_service_account_file(  # type: ignore[no-any-return, no-untyped-call]
        environment["GOOGLE_APPLICATION_CREDENTIALS"],
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )


def genai_client(environment: Mapping[str, str], *, timeout_seconds: float = 10.0) -> genai.Client:
    """google-genai in enterprise mode, without its own retries."""
    return genai.Client(
        vertexai=True,
        project=PROJECT,
        location=LOCATION,
        credentials=credentials(environment),
        http_options=types.HttpOptions(
            base_url=environment["VEOBOT_VERTEX_API_URL"],
            api_version="v1",
            timeout=int(timeout_seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
        ),
    )


def storage_client(environment: Mapping[str, str]) -> storage.Client:
    """google-cloud-storage with the generated account; STORAGE_EMULATOR_HOST must be set in this process."""
    return storage.Client(project=PROJECT, credentials=credentials(environment))


async def submit(
    client: genai.Client,
    prompt: str,
    *,
    model: str = FAST_MODEL,
    settings: Mapping[str, Setting] | None = None,
) -> str:
    """Submit a video with these fields of GenerateVideosConfig and return the operation's name."""
    usual = {"output_gcs_uri": f"gs://{BUCKET}/veo/test/", "duration_seconds": 4}
    operation = await client.aio.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt=prompt),
        config=types.GenerateVideosConfig.model_validate({**usual, **(settings or {})}),
    )
    assert operation.name is not None
    return operation.name


async def poll(client: genai.Client, name: str) -> types.GenerateVideosOperation:
    """Ask for an operation that is known by its name alone, as after a restart."""
    return await client.aio.operations.get(types.GenerateVideosOperation.model_validate({"name": name}))


def response_of(operation: types.GenerateVideosOperation) -> types.GenerateVideosResponse:
    """The response of an operation that has one; `response` itself is None for filtered ones."""
    response = operation.response or operation.result
    assert response is not None
    return response


def videos_of(operation: types.GenerateVideosOperation) -> list[types.Video]:
    """The videos of a finished operation; an empty list if there are none."""
    return [video.video for video in response_of(operation).generated_videos or [] if video.video is not None]

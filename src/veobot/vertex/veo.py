"""Veo on Vertex AI, as the core's `VideoGenerator`."""

import asyncio
from typing import TYPE_CHECKING

from veobot.core.ports import PollAnswer
from veobot.core.request import OperationName, Submission, VideoOptions

if TYPE_CHECKING:
    from .veo_client import VeoClient

SUBMIT_TIMEOUT_SECONDS = 60.0
"""A submission is answered within seconds. Giving up early would make a paid answer ambiguous."""

POLL_TIMEOUT_SECONDS = 30.0
"""A poll is free to repeat, so it need not wait as long as a submission."""


class VeoGenerator:
    """Makes videos with Veo. Google's libraries are imported at the first use, in a thread.

    Args:
        project: the Google Cloud project that is charged.
        bucket: the bucket that Vertex writes into, without `gs://`.
        api_url: where Vertex AI is instead of Google's own address for a request's location.
        submit_timeout_seconds: after which the answer to a submission is given up as unknown.
        poll_timeout_seconds: after which a poll is given up.
    """

    def __init__(
        self,
        *,
        project: str,
        bucket: str,
        api_url: str | None = None,
        submit_timeout_seconds: float = SUBMIT_TIMEOUT_SECONDS,
        poll_timeout_seconds: float = POLL_TIMEOUT_SECONDS,
    ) -> None:
        self._project = project
        self._bucket = bucket
        self._api_url = api_url
        self._submit_timeout_seconds = submit_timeout_seconds
        self._poll_timeout_seconds = poll_timeout_seconds
        self._client: VeoClient | None = None
        self._connecting = asyncio.Lock()

    async def prepare(self, options: VideoOptions) -> None:
        """Have Google's libraries, a client for the location and a fresh access token; free the second time.

        Raises `OperatorNeeded`, or `Retryable` where Google cannot be reached.
        """
        client = await self._connect()
        await client.tokens.ensure_fresh()
        await client.connect(options.location)

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        """Ask for one video under the submission's prefix, with one POST.

        Uses the token that `prepare` fetched, whatever its age. Raises as the port says.
        """
        client = await self._connect()
        if not client.tokens.ready:
            await client.tokens.ensure_fresh()
        return await client.submit(prompt, options, submission)

    async def poll(self, operation: OperationName, options: VideoOptions) -> PollAnswer:
        """Ask how an operation is doing. Raises `Retryable`, `OperatorNeeded`."""
        client = await self._connect()
        await client.tokens.ensure_fresh()
        return await client.poll(operation, options)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _connect(self) -> "VeoClient":
        async with self._connecting:
            if self._client is None:
                client_class = await asyncio.to_thread(_import_client)
                self._client = client_class(
                    project=self._project,
                    bucket=self._bucket,
                    api_url=self._api_url,
                    submit_timeout_seconds=self._submit_timeout_seconds,
                    poll_timeout_seconds=self._poll_timeout_seconds,
                )
            return self._client


def _import_client() -> "type[VeoClient]":
    # google-genai takes half a second to import: by whoever needs it first, beside the event loop.
    from .veo_client import VeoClient  # noqa: PLC0415

    return VeoClient

"""The calls to Veo through google-genai. Importing this imports google-genai, so `veo` does it late."""

import asyncio
import re
from collections.abc import Mapping

import aiohttp
from google import genai
from google.genai import errors, types

from veobot.core.errors import Ambiguous, Retryable
from veobot.core.failures import Failure
from veobot.core.ports import PollAnswer
from veobot.core.request import OperationName, Submission, VideoOptions

from .answers import ErrorAnswer, Operation, poll_error, submission_error, understand
from .credentials import AccessTokens

API_VERSION = "v1"
"""v1beta1, the library's default, was seen to refuse a generally available model."""

_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)
"""What google-genai raises where an answer is no JSON, or JSON of another shape than its own."""

_MILLISECONDS = 1000


class VeoClient:
    """One google-genai client for each location, all with one session and one access token.

    The session opens a connection for each call: a kept one can be closed by Google in the moment that a submission
    goes out, which would make its answer ambiguous for nothing. Handing the library a session of our own also keeps
    it off the paths where it repeats calls by itself.
    """

    def __init__(
        self,
        *,
        project: str,
        bucket: str,
        api_url: str | None,
        submit_timeout_seconds: float,
        poll_timeout_seconds: float,
    ) -> None:
        self.tokens = AccessTokens()
        self._project = project
        self._bucket = bucket
        self._api_url = api_url
        self._submit_timeout_seconds = submit_timeout_seconds
        self._poll_timeout_seconds = poll_timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), trust_env=True
        )
        self._clients: dict[str, genai.Client] = {}
        self._creating = asyncio.Lock()

    async def connect(self, location: str) -> None:
        """Make the client for a location, so that a submission there has nothing left to fail but its POST."""
        await self._client(location)

    async def submit(self, prompt: str, options: VideoOptions, submission: Submission) -> OperationName:
        """Make the one POST that Vertex may charge for."""
        client = await self._client(options.location)
        config = types.GenerateVideosConfig(
            number_of_videos=1,
            output_gcs_uri=f"gs://{self._bucket}/{submission.prefix}",
            duration_seconds=options.duration_seconds,
            aspect_ratio=options.aspect_ratio.value,
            resolution=options.resolution.value,
            generate_audio=options.audio,
            seed=options.seed,
            negative_prompt=options.negative_prompt or None,
            person_generation=options.person_generation,
            labels={"request_id": str(submission.request_id)},
        )
        source = types.GenerateVideosSource(prompt=prompt)
        try:
            operation = await client.aio.models.generate_videos(
                model=options.model, source=source, config=config
            )
        except errors.APIError as error:
            answer = self._error_answer(error)
            raise submission_error(answer, self._project) from error
        except aiohttp.ClientConnectorError as error:
            message = f"Vertex could not be reached: {error}"
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"The answer to the submission was lost: {_named(error)}"
            raise Ambiguous(message) from error
        except _UNREADABLE as error:
            message = f"Vertex's answer to the submission cannot be read ({type(error).__name__})."
            raise Ambiguous(message) from error
        if not operation.name:
            message = "Vertex's answer to the submission names no operation."
            raise Ambiguous(message)
        return OperationName(operation.name)

    async def poll(self, name: OperationName, options: VideoOptions) -> PollAnswer:
        """Ask once; repeating is the caller's."""
        client = await self._client(options.location)
        timeout = types.HttpOptions(timeout=int(self._poll_timeout_seconds * _MILLISECONDS))
        try:
            operation = await client.aio.operations.get(
                types.GenerateVideosOperation.model_validate({"name": name}),
                config=types.GetOperationConfig(http_options=timeout),
            )
        except errors.APIError as error:
            meaning = poll_error(self._error_answer(error), self._project)
            if isinstance(meaning, Retryable):
                raise meaning from error
            return meaning
        except (aiohttp.ClientError, OSError) as error:
            message = f"Vertex could not be asked for the operation: {_named(error)}"
            raise Retryable(message, failure=Failure.PROVIDER_UNAVAILABLE) from error
        except _UNREADABLE as error:
            message = f"Vertex's answer about the operation cannot be read ({type(error).__name__})."
            raise Retryable(message, failure=Failure.PROVIDER_ERROR) from error
        return understand(_read(operation))

    async def aclose(self) -> None:
        """Close the session and all clients."""
        for client in self._clients.values():
            await client.aio.aclose()
            client.close()
        await self._session.close()

    async def _client(self, location: str) -> genai.Client:
        async with self._creating:
            if location not in self._clients:
                # Loading the certificates reads files.
                self._clients[location] = await asyncio.to_thread(self._create, location)
            return self._clients[location]

    def _create(self, location: str) -> genai.Client:
        return genai.Client(
            vertexai=True,
            project=self._project,
            location=location,
            credentials=self.tokens.bearer,
            http_options=types.HttpOptions(
                base_url=self._api_url,
                api_version=API_VERSION,
                timeout=int(self._submit_timeout_seconds * _MILLISECONDS),
                # Without this the library buys a second video when a connection drops.
                retry_options=types.HttpRetryOptions(attempts=1),
                aiohttp_client=self._session,
            ),
        )

    def _error_answer(self, error: errors.APIError) -> ErrorAnswer:
        """Read the library's exception; a token that was refused is not used again."""
        if error.code == 401:
            self.tokens.forget()
        body = error.details
        envelope = body.get("error") if isinstance(body, Mapping) else None
        return ErrorAnswer(
            status=error.code,
            message=str(error.message or error),
            is_googles=isinstance(envelope, Mapping),
            retry_after_seconds=_retry_after_seconds(error, envelope),
        )


def _read(operation: types.GenerateVideosOperation) -> Operation:
    response = operation.response or operation.result
    videos = response.generated_videos if response else None
    return Operation(
        named=bool(operation.name),
        done=bool(operation.done),
        error=operation.error,
        has_response=response is not None,
        video_uris=None if videos is None else tuple(v.video.uri if v.video else None for v in videos),
        filtered_count=response.rai_media_filtered_count if response else None,
        filtered_reasons=tuple((response.rai_media_filtered_reasons if response else None) or ()),
    )


def _retry_after_seconds(error: errors.APIError, envelope: object) -> float:
    """Return how long Google asks to wait, by header or by google.rpc.RetryInfo; 0 where it does not."""
    header = error.response.headers.get("Retry-After") if error.response is not None else None
    if header is not None and re.fullmatch(r"\d{1,5}", header):
        return float(header)
    match envelope:
        case {"details": [*details]}:
            delays = [d.get("retryDelay") for d in details if isinstance(d, Mapping)]
        case _:
            delays = []
    for delay in delays:
        if isinstance(delay, str) and (found := re.fullmatch(r"(\d{1,5}(?:\.\d+)?)s", delay)):
            return float(found[1])
    return 0.0


def _named(error: Exception) -> str:
    """Return the exception's text with its name: a timeout has no text."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

"""Cloud Storage: an emulator inside the sandbox, reached through our port so that faults can hit it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import aiohttp
from aiohttp import web
from gcp_storage_emulator.handlers.buckets import create_bucket  # type: ignore[import-untyped]  # has no annotations
from gcp_storage_emulator.server import RequestHandler  # type: ignore[import-untyped]  # has no annotations
from gcp_storage_emulator.storage import Storage  # type: ignore[import-untyped]  # has no annotations
from yarl import URL

from veobot.sandbox.dialects import google_error
from veobot.sandbox.signing import signed_address_refusal
from veobot.sandbox.tokens import TokenIssuer

DEFAULT_BUCKET = "veobot-sandbox"

# Large enough for speed, small enough that 100 slow downloads cost 6 MiB.
_CHUNK_BYTES = 64 * 1024

# What a proxy does not pass on (RFC 9110, section 7.6.1); `Date` is the sandbox clock's.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "date", "server"}

# How often the emulator's thread looks whether it is to end.
_SHUTDOWN_POLL_SECONDS = 0.05

_BUCKET = "/storage/v1/b/{bucket}"
_OBJECT = "{object:.+}"

# Signed addresses begin with the bucket's name; an unknown path of another service is none.
_OTHER_SERVICES = "api|attachments|batch|control|download|gateway|storage|upload|v1"
_SIGNED_BUCKET = f"{{bucket:(?!(?:{_OTHER_SERVICES})/)[a-z0-9][a-z0-9._-]+}}"


class _MemoryIndexStorage(Storage):  # type: ignore[misc]  # untyped, as above
    """The emulator's storage without its index file.

    The emulator writes the whole index anew for each object, which grows with the square of their number,
    and iterates over it while other threads change it. The sandbox lives for one process only.
    """

    def _write_config_to_file(self) -> None:
        """Keep the index in memory."""


class _EmulatorServer(ThreadingHTTPServer):
    """Serves each connection on a thread of its own: a stopped client must not hold up all others."""

    daemon_threads = True
    request_queue_size = 128  # the default of 5 refuses bursts


class Bucket:
    """The emulator, the proxy before it, and the door by which Vertex stores its videos.

    Route names for faults: bucket.list, .stat, .get, .download, .upload, .delete, .patch, .signed,
    .insert and .other.

    Args:
        directory: where the objects' bytes are kept; what lies there is wiped.
        tokens: owns the key that signed addresses are checked against.
    """

    def __init__(self, directory: Path, tokens: TokenIssuer) -> None:
        self._directory = directory
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Start the emulator on a loopback port of its own, with the default bucket and nothing in it."""
        self._storage = _MemoryIndexStorage(data_dir=str(self._directory.resolve()))
        await self.reset()
        self._server = _EmulatorServer(("127.0.0.1", 0), partial(RequestHandler, self._storage))
        self._emulator_url = URL.build(scheme="http", host="127.0.0.1", port=self._server.server_address[1])
        threading.Thread(
            target=self._server.serve_forever,
            args=(_SHUTDOWN_POLL_SECONDS,),
            name="veobot-bucket",
            daemon=True,
        ).start()
        # No time-out: how long a stream takes is the client's affair. Errors pass through as they come.
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
        )

    async def stop(self) -> None:
        """Stop the emulator."""
        if self._session is not None:
            await self._session.close()
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()

    async def reset(self) -> None:
        """Remove all buckets and objects, and create the default bucket."""
        await asyncio.to_thread(self._storage.wipe)
        self._create(DEFAULT_BUCKET)

    async def put(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        """Store an object as a Google service would, past all faults; False if the bucket does not exist."""
        query = {"uploadType": "media", "name": name}
        body, headers = content, {"Content-Type": content_type}
        if not content:
            # The emulator cannot take an empty body, but an empty part.
            query["uploadType"], headers["Content-Type"] = "multipart", "multipart/related; boundary=empty"
            body = (
                f'--empty\r\nContent-Type: application/json\r\n\r\n{{"name": "{name}"}}\r\n'
                f"--empty\r\nContent-Type: {content_type}\r\n\r\n\r\n--empty--\r\n"
            ).encode()
        url = self._emulator_url.with_path(f"/upload/storage/v1/b/{bucket}/o").with_query(query)
        async with self._client().post(url, data=body, headers=headers) as answer:
            if answer.status == 404:
                return False
            answer.raise_for_status()
            return True

    def routes(self) -> list[web.RouteDef]:
        """Return the JSON API's routes and, to be added after all others, the signed addresses'."""
        forward, item = self._forward, f"{_BUCKET}/o/{_OBJECT}"
        return [
            web.get(f"{_BUCKET}/o", forward, name="bucket.list"),
            web.get(item, forward, name="bucket.stat"),
            web.delete(item, forward, name="bucket.delete"),
            web.patch(item, forward, name="bucket.patch"),
            web.get(_BUCKET, forward, name="bucket.get"),
            web.post("/storage/v1/b", forward, name="bucket.insert"),
            web.get(f"/download{item}", forward, name="bucket.download"),
            web.post(f"/upload{_BUCKET}/o", forward, name="bucket.upload"),
            web.put(f"/upload{_BUCKET}/o", forward, name="bucket.upload_part"),
            web.route("*", "/storage/v1/{rest:.*}", forward, name="bucket.other"),
            web.route("*", "/batch/storage/v1", forward, name="bucket.batch"),
            web.get(f"/{_SIGNED_BUCKET}/{_OBJECT}", self._signed, name="bucket.signed"),
        ]

    def _create(self, bucket: str) -> None:
        create_bucket(bucket, self._storage)
        # Deleted objects are gone at once; Google keeps them for a week, which nobody can see from outside.
        self._storage.get_bucket(bucket)["softDeletePolicy"] = {"retentionDurationSeconds": "0"}

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            msg = "The bucket has not been started."
            raise RuntimeError(msg)
        return self._session

    async def _signed(self, request: web.Request) -> web.StreamResponse:
        refusal = signed_address_refusal(request, self._tokens)
        if refusal is not None:
            return web.Response(
                status=403,
                text=f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code>"
                f"<Message>{refusal}</Message></Error>",
                content_type="application/xml",
            )
        return await self._forward(request)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        """Pass the call on to the emulator and its answer back, both as streams.

        The answer is returned unsent, so that a fault can still spoil it.
        """
        # The emulator knows no HEAD; aiohttp leaves the body out by itself.
        method = "GET" if request.method == "HEAD" else request.method
        # `Host` goes through: the emulator builds the addresses in its answers from it.
        headers = [
            (name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP
        ]
        answer = await self._client().request(
            method,
            URL(f"{self._emulator_url.origin()}{request.raw_path}", encoded=True),
            headers=headers,
            data=request.content.iter_chunked(_CHUNK_BYTES) if request.can_read_body else None,
            allow_redirects=False,
        )
        if answer.status == 404:
            await answer.read()
            return google_error(404, _not_found(request))
        passed_on = [
            (name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP
        ]
        response = web.Response(status=answer.status, reason=answer.reason)
        response.headers.extend(passed_on)
        if request.method == "HEAD" or (answer.content_length or 0) <= _CHUNK_BYTES:
            response.body = await answer.read()
        else:
            response.body = _chunks(answer)
        return response


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            yield chunk


def _not_found(request: web.Request) -> str:
    """Say what Google says, where the emulator says nothing."""
    bucket, name = request.match_info.get("bucket"), request.match_info.get("object")
    if name is None:
        return "The specified bucket does not exist."
    return f"No such object: {bucket}/{name}"

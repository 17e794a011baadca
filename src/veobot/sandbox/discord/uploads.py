"""Request bodies with files: JSON, or multipart whose files go straight to the disk."""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.multipart import MultipartReader

from veobot.sandbox.discord.errors import entity_too_large, invalid_json
from veobot.sandbox.discord.snowflakes import Snowflakes
from veobot.sandbox.ledger import JsonValue

CHUNK_BYTES = 256 * 1024
_FILE_FIELD = re.compile(r"files?\[(\d{1,3})\]")


@dataclass(slots=True)
class Upload:
    """A file that came with a request. It has its attachment's id already, and its bytes on the disk."""

    id: int
    filename: str
    content_type: str | None
    size: int
    path: Path


@dataclass(slots=True)
class Submission:
    """A request's JSON, and its files by the number under which the JSON speaks of them."""

    body: Mapping[str, JsonValue]
    uploads: dict[int, Upload] = field(default_factory=dict)


class FileStore:
    """Keeps the files of one world in a directory of its own, each under its attachment's id."""

    def __init__(self, directory: Path, snowflakes: Snowflakes) -> None:
        self._directory = directory
        self._snowflakes = snowflakes
        self.clear()

    def clear(self) -> None:
        """Delete every file."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)

    def discard(self, files: Iterable[Path]) -> None:
        """Delete the files of a refused request or of a deleted message."""
        for path in files:
            path.unlink(missing_ok=True)

    async def read_request(self, request: web.Request) -> Submission:
        """Read a request's body, whatever its type.

        Raises:
            ApiError: if the body is no JSON object, or too large for one.
        """
        if request.content_type.startswith("multipart/"):
            return await self._read_multipart(await request.multipart())
        try:
            return Submission(_json_object(await request.read()))
        except web.HTTPRequestEntityTooLarge:
            raise entity_too_large() from None

    async def _read_multipart(self, reader: MultipartReader) -> Submission:
        submission = Submission({})
        complete = False
        try:
            while (part := await reader.next()) is not None:
                if not isinstance(part, BodyPartReader):
                    raise invalid_json()
                if part.name == "payload_json":
                    submission.body = _json_object(bytes(await part.read()))
                elif part.filename:
                    number = self._number(part.name, submission)
                    submission.uploads[number] = await self._store(part, part.filename)
                else:
                    submission.body = {**submission.body, part.name or "": await part.text()}
            complete = True
        finally:
            if not complete:
                self.discard(upload.path for upload in submission.uploads.values())
        return submission

    def _number(self, name: str | None, submission: Submission) -> int:
        match = _FILE_FIELD.fullmatch(name or "")
        return int(match.group(1)) if match else len(submission.uploads)

    async def _store(self, part: BodyPartReader, filename: str) -> Upload:
        attachment_id = self._snowflakes.next()
        path = self._directory / str(attachment_id)
        size = 0
        with path.open("wb") as file:
            while chunk := await part.read_chunk(CHUNK_BYTES):
                size += file.write(chunk)
        content_type = part.headers.get("Content-Type") or guess_type(filename)[0]
        if content_type == "application/octet-stream":
            content_type = guess_type(filename)[0] or content_type
        return Upload(attachment_id, _tidy(filename), content_type, size, path)


def refuse_large(uploads: Iterable[Upload], limit_bytes: int) -> None:
    """Raise if one of the files is larger than the place allows.

    Raises:
        ApiError: 413 with code 40005.
    """
    if any(upload.size > limit_bytes for upload in uploads):
        raise entity_too_large()


def _json_object(raw: bytes) -> Mapping[str, JsonValue]:
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        raise invalid_json() from None
    # Commands are registered as a list; everything else is an object.
    if isinstance(value, list):
        return {"": value}
    if not isinstance(value, dict):
        raise invalid_json()
    return value


def _tidy(filename: str) -> str:
    """Name a file as Discord does: no path, no spaces, nothing that an address would have to escape."""
    name = re.sub(r"\s+", "_", filename.replace("\\", "/").rpartition("/")[2])
    return re.sub(r"[^\w.\-]", "", name) or "unknown"

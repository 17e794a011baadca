"""Whether the bucket can be listed, written and linked to, tried with one small object. Blocks.

Vertex AI writes videos under the identity that asked for them, which is the bot's.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import requests
from google.api_core import exceptions as api_exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations

from veobot.config import Settings
from veobot.core.errors import OperatorNeeded, VeobotError
from veobot.core.request import VideoUri
from veobot.vertex.answers import shortened
from veobot.vertex.storage_client import StorageClient

from .findings import Finding, not_tried, ok, warning, wrong
from .google_access import CONSOLE, Access
from .lifecycle import shortest_days

STORAGE_TIMEOUT_SECONDS = 15.0
"""For each call: the object has a few bytes."""

PROBE_LINK_LIFETIME = timedelta(minutes=5)
"""The link is opened at once; should it get into somebody's hands, it soon ends, and its object sooner."""

PREFIX = "veo/"
"""Where all videos are kept."""

_CONTENT = b"Written by veobot doctor, to try the bucket out. May be deleted.\n"

_BUCKET, _CONTENTS, _WRITING = "Bucket", "Bucket contents", "Bucket writing"
_LINKS, _LIFECYCLE = "Signed links", "Bucket lifecycle"


@dataclass(frozen=True, slots=True)
class _Failure:
    """How a call to Cloud Storage failed; status 0 where there was no answer."""

    status: int
    text: str


class _Bucket:
    """The bucket by plain calls, none of which is repeated."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self.name = settings.bucket
        self.project = settings.google_project
        self.identity = access.identity
        self._client = storage.Client(project=settings.google_project, credentials=access.credentials)
        self._options = {"retry": None, "timeout": STORAGE_TIMEOUT_SECONDS}
        self.object = f"{PREFIX}doctor/{secrets.token_hex(8)}.txt"

    def look(self) -> _Failure | None:
        """Read one name."""
        blobs = self._client.list_blobs(self.name, prefix=PREFIX, max_results=1, **self._options)
        return _failure(lambda: list(blobs))

    def upload(self) -> _Failure | None:
        """Write the object."""
        blob = self._client.bucket(self.name).blob(self.object)
        return _failure(lambda: blob.upload_from_string(_CONTENT, "text/plain", **self._options))

    def delete(self) -> _Failure | None:
        """Delete the object."""
        blob = self._client.bucket(self.name).blob(self.object)
        return _failure(lambda: blob.delete(**self._options))

    def rules(self) -> tuple[list[object], _Failure | None]:
        """Return the lifecycle's rules."""
        bucket = self._client.bucket(self.name)
        failure = _failure(lambda: bucket.reload(**self._options))
        return ([] if failure else list(bucket.lifecycle_rules)), failure

    def role(self, role: str) -> str:
        """Say where to give the bot a role."""
        page = f"{CONSOLE}/storage/browser/{self.name};tab=permissions?project={self.project}"
        return f"Give {self.identity} the role {role} on the bucket {self.name} at {page}."


def bucket_findings(settings: Settings, access: Access) -> list[Finding]:
    """Examine the bucket. Leaves nothing behind."""
    bucket = _Bucket(settings, access)
    listing = bucket.look()
    if listing is not None and listing.status != HTTPStatus.FORBIDDEN:
        rest = (_CONTENTS, _WRITING, _LINKS, _LIFECYCLE)
        reason = (
            "there is no bucket" if listing.status == HTTPStatus.NOT_FOUND else "the bucket gives no answer"
        )
        return [_bucket_missing(bucket, listing), *(not_tried(check, reason) for check in rest)]
    if listing is not None and "billing" in listing.text.lower():
        page = f"{CONSOLE}/billing/linkedaccount?project={bucket.project}"
        sentence = f"The bucket {bucket.name} is closed: its project's billing is not enabled."
        rest = (_CONTENTS, _WRITING, _LINKS, _LIFECYCLE)
        return [
            wrong(_BUCKET, sentence, f"Enable billing for the project at {page}."),
            *(not_tried(check, "the bucket is closed") for check in rest),
        ]
    found = ok(_BUCKET, f"The bucket {bucket.name} exists.")
    writing, links = _write_and_link(bucket, settings)
    return [found, _listing(bucket, listing), writing, links, _lifecycle(bucket, settings)]


def _bucket_missing(bucket: _Bucket, failure: _Failure) -> Finding:
    if failure.status == HTTPStatus.NOT_FOUND:
        page = f"{CONSOLE}/storage/create-bucket?project={bucket.project}"
        sentence = f"There is no bucket {bucket.name}."
        return wrong(_BUCKET, sentence, f"Create it at {page}, or correct VEOBOT_BUCKET.")
    sentence = f"The bucket {bucket.name} cannot be looked at{_because(failure)}."
    return wrong(
        _BUCKET, sentence, "Check this machine's network and proxy: it must reach storage.googleapis.com."
    )


def _listing(bucket: _Bucket, failure: _Failure | None) -> Finding:
    if failure is None:
        return ok(_CONTENTS, f"{bucket.identity} may list what is in the bucket.")
    sentence = f"{bucket.identity} may not list what is in the bucket {bucket.name}."
    return wrong(_CONTENTS, sentence, bucket.role("roles/storage.objectUser"))


def _write_and_link(bucket: _Bucket, settings: Settings) -> tuple[Finding, Finding]:
    """Write the object, open a signed link to it, and delete it whatever came of that."""
    failure = bucket.upload()
    if failure is not None:
        return _not_writable(bucket, failure), not_tried(_LINKS, "the bucket cannot be written")
    link = _link(bucket, settings)
    failure = bucket.delete()
    if failure is None:
        return ok(_WRITING, f"{bucket.identity} may write into the bucket, and delete."), link
    sentence = f"{bucket.identity} may write into the bucket, but not delete{_because(failure)}: {bucket.object} stays."
    return warning(_WRITING, sentence, bucket.role("roles/storage.objectUser")), link


def _not_writable(bucket: _Bucket, failure: _Failure) -> Finding:
    if failure.status == HTTPStatus.FORBIDDEN:
        sentence = (
            f"{bucket.identity} may not write into the bucket {bucket.name}, so neither may Vertex AI for it."
        )
        return wrong(_WRITING, sentence, bucket.role("roles/storage.objectUser (or objectAdmin)"))
    sentence = f"The bucket {bucket.name} could not be written{_because(failure)}."
    return wrong(_WRITING, sentence, "Try again in a minute; see https://status.cloud.google.com.")


def _link(bucket: _Bucket, settings: Settings) -> Finding:
    try:
        signer = StorageClient(settings.google_project, settings.signing_service_account)
        try:
            link = signer.sign(VideoUri(f"gs://{bucket.name}/{bucket.object}"), PROBE_LINK_LIFETIME)
        finally:
            signer.close()
    except OperatorNeeded as error:
        return wrong(_LINKS, f"Links cannot be signed: {_short(error)}", error.fix)
    except VeobotError as error:
        fix = "Check this machine's network and proxy: it must reach iamcredentials.googleapis.com."
        return wrong(_LINKS, f"Links could not be signed: {_short(error)}", fix)
    try:
        answer = requests.get(link, timeout=STORAGE_TIMEOUT_SECONDS)
    except requests.RequestException as error:
        # Without its text, which holds the link.
        fix = "Check this machine's network and proxy: it must reach storage.googleapis.com."
        return wrong(_LINKS, f"A signed link could not be opened ({type(error).__name__}).", fix)
    if answer.status_code == HTTPStatus.OK and answer.content == _CONTENT:
        return ok(_LINKS, "A signed link opens the object for whoever has it.")
    sentence = f"A signed link does not open the object (HTTP {answer.status_code})."
    return wrong(
        _LINKS,
        sentence,
        "See that this machine's clock is right, that the signing account may read the bucket "
        f"(roles/storage.objectViewer), and that its key is not disabled: {CONSOLE}/iam-admin/serviceaccounts"
        f"?project={bucket.project}.",
    )


def _lifecycle(bucket: _Bucket, settings: Settings) -> Finding:
    rules, failure = bucket.rules()
    if failure is not None:
        reason = (
            f"{bucket.identity} may not read the bucket's settings (roles/storage.bucketViewer; not needed)"
        )
        return not_tried(_LIFECYCLE, reason)
    days = shortest_days(rules, PREFIX)
    hours = settings.link_lifetime_hours
    if days is not None and days * 24 < hours:
        page = f"{CONSOLE}/storage/browser/{bucket.name};tab=lifecycle?project={bucket.project}"
        count = "1 day" if days == 1 else f"{days} days"
        return warning(
            _LIFECYCLE,
            f"The bucket deletes videos after {count}, before their links end after {hours} hours.",
            f"Let them live longer at {page}, or lower VEOBOT_LINK_LIFETIME_HOURS.",
        )
    kept = "for good" if days is None else f"for {days} days"
    return ok(_LIFECYCLE, f"The bucket keeps videos {kept}, longer than their links live.")


def _failure(call: Callable[[], object]) -> _Failure | None:
    """Make a call; return how it failed, None if it did not."""
    try:
        call()
    except api_exceptions.GoogleAPICallError as error:
        return _Failure(int(error.code or 0), str(error.message))
    except (auth_exceptions.GoogleAuthError, requests.RequestException, ValueError) as error:
        # Its text repeats the whole address.
        return _Failure(0, type(error).__name__)
    return None


def _because(failure: _Failure) -> str:
    return f" (HTTP {failure.status})" if failure.status else f" ({failure.text})"


def _short(error: VeobotError) -> str:
    return shortened(str(error).removeprefix("The link cannot be signed: "))

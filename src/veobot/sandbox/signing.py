"""Checks V4 signed addresses of Cloud Storage, as Google's own servers would."""

import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

from veobot.sandbox.tokens import TokenIssuer

_ALGORITHM = "GOOG4-RSA-SHA256"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"

# The longest validity that Google allows for a V4 signature.
MAX_EXPIRY_SECONDS = 7 * 86400


def signed_address_refusal(request: web.Request, tokens: TokenIssuer) -> str | None:
    """Return why the request's signature does not open the object, None if it does.

    The validity is judged by the real time: clients sign by their own clock, not by the sandbox's.
    """
    query = request.query
    if query.get("X-Goog-Algorithm") != _ALGORITHM:
        return "Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object."
    try:
        signed_at = datetime.strptime(query["X-Goog-Date"], _DATE_FORMAT).replace(tzinfo=UTC)
        expiry_seconds = int(query["X-Goog-Expires"])
        signature = binascii.unhexlify(query["X-Goog-Signature"])
        account, _, scope = query["X-Goog-Credential"].partition("/")
        signed_headers = query["X-Goog-SignedHeaders"]
    except (KeyError, ValueError) as error:
        return f"The signed address is malformed: {error}"
    if not account or not 1 <= expiry_seconds <= MAX_EXPIRY_SECONDS:
        return f"A signature is valid for 1 to {MAX_EXPIRY_SECONDS} seconds."
    if datetime.now(UTC) > signed_at + timedelta(seconds=expiry_seconds):
        return "The provided token has expired."
    canonical_request = _canonical_request(request, signed_headers)
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    message = "\n".join([_ALGORITHM, query["X-Goog-Date"], scope, digest])
    if not tokens.verify(message.encode(), signature):
        return "The request signature we calculated does not match the signature you provided."
    return None


def _canonical_request(request: web.Request, signed_headers: str) -> str:
    """Write the request as Google's signing process does, however its client has quoted it."""
    path, _, raw_query = request.raw_path.partition("?")
    parameters = sorted(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in parse_qsl(raw_query, keep_blank_values=True)
        if name != "X-Goog-Signature"
    )
    headers = [
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed_headers.split(";")
    ]
    # A signature made for GET opens HEAD too.
    method = "GET" if request.method == "HEAD" else request.method
    resource = quote(unquote(path), safe="/~")
    elements = [method, resource, "&".join(parameters), "".join(headers), signed_headers, "UNSIGNED-PAYLOAD"]
    return "\n".join(elements)

"""A service account of the sandbox's own, and the token endpoint that its key opens."""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from veobot.sandbox.ledger import JsonValue

PROJECT_ID = "veobot-sandbox"
CLIENT_EMAIL = f"veobot@{PROJECT_ID}.iam.gserviceaccount.com"

# What Google answers; the sandbox forgets no token, since its clock may run ahead of the client's.
TOKEN_LIFETIME_SECONDS = 3600

# The smallest size that Google's own keys have; 4096 would take seconds to generate.
_KEY_BITS = 2048

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenIssuer:
    """Owns the service account's key, and answers access tokens to whoever signs with it.

    Args:
        directory: where `credentials.json` lies or is to lie; a key found there is used again.
    """

    def __init__(self, directory: Path) -> None:
        self.credentials_path = directory / "credentials.json"
        self._key = _load_key(self.credentials_path) or rsa.generate_private_key(65537, _KEY_BITS)
        self._tokens: set[str] = set()

    def write_credentials(self, public_url: str) -> None:
        """Write the service account's JSON, readable by its owner only, with us as its token endpoint."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": PROJECT_ID,
            "private_key_id": "sandbox",
            "private_key": pem.decode(),
            "client_email": CLIENT_EMAIL,
            "client_id": "100000000000000000001",
            "auth_uri": f"{public_url}/auth",
            "token_uri": f"{public_url}/token",
            "universe_domain": "googleapis.com",
        }
        self.credentials_path.touch(mode=0o600)
        self.credentials_path.write_text(json.dumps(account, indent=2), encoding="utf-8")

    def routes(self) -> list[web.RouteDef]:
        """Return the token endpoint."""
        return [web.post("/token", self._token, name="google.token")]

    def is_authorized(self, request: web.Request) -> bool:
        """Say whether the request carries a bearer token that was issued here."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and token in self._tokens

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether the service account's key made this RSA-SHA256 signature."""
        try:
            self._key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        grant_type, assertion = form.get("grant_type"), form.get("assertion")
        if grant_type != _JWT_GRANT or not isinstance(assertion, str):
            return _oauth_error(
                "unsupported_grant_type", "Invalid grant_type: only signed JWT assertions are accepted."
            )
        claims = self._claims(assertion)
        if claims is None or claims.get("iss") != CLIENT_EMAIL:
            return _oauth_error("invalid_grant", "Invalid JWT Signature.")
        token = f"ya29.sandbox-{secrets.token_urlsafe(24)}"
        self._tokens.add(token)
        answer = {"access_token": token, "expires_in": TOKEN_LIFETIME_SECONDS, "token_type": "Bearer"}
        return web.json_response(answer)

    def _claims(self, assertion: str) -> Mapping[str, JsonValue] | None:
        """Return what the assertion claims, or None if our key has not signed it."""
        signed, _, signature = assertion.rpartition(".")
        try:
            if not self.verify(signed.encode("ascii"), _decode_base64url(signature)):
                return None
            claims = json.loads(_decode_base64url(signed.partition(".")[2]))
        except (binascii.Error, ValueError):
            return None
        return claims if isinstance(claims, dict) else None


def _oauth_error(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=400)


def _decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _load_key(path: Path) -> rsa.RSAPrivateKey | None:
    """Return the key of an earlier run, None if there is none: a broken file is simply replaced."""
    try:
        account = json.loads(path.read_text(encoding="utf-8"))
        key = serialization.load_pem_private_key(account["private_key"].encode(), password=None)
    except (OSError, ValueError, KeyError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None

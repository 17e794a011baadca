"""How each of the imitated services words a refusal: Discord's JSON, or Google's error envelope."""

from aiohttp import web

# Google's canonical status names, https://cloud.google.com/apis/design/errors (read November 2026).
GOOGLE_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# What Discord's JSON errors carry where no more specific code exists.
_DISCORD_GENERAL_CODE = 0


def google_error(status: int, message: str, *, status_name: str | None = None) -> web.Response:
    """Return an error in Google's envelope, as Vertex AI and Cloud Storage send it."""
    name = status_name or GOOGLE_STATUS_NAMES.get(status, "UNKNOWN")
    body = {"error": {"code": status, "message": message, "status": name}}
    return web.json_response(body, status=status)


def discord_error(status: int, message: str, *, code: int = _DISCORD_GENERAL_CODE) -> web.Response:
    """Return an error in Discord's shape, with exactly the content type that its clients look for."""
    response = web.json_response({"message": message, "code": code}, status=status)
    # Clients compare the header with the bare media type; aiohttp would add a charset.
    response.headers["Content-Type"] = "application/json"
    return response


def refusal(route_name: str, status: int, message: str, *, code: int | None = None) -> web.Response:
    """Return a refusal in the dialect of the endpoint that the route's name belongs to."""
    if route_name.startswith("discord."):
        return discord_error(status, message, code=_DISCORD_GENERAL_CODE if code is None else code)
    return google_error(status, message)


def too_many_requests(route_name: str, retry_after_seconds: float) -> web.Response:
    """Return a 429 in the dialect of the endpoint.

    Discord's carries a `Via` header, without which discord.py takes it for a ban by Cloudflare.
    """
    if not route_name.startswith("discord."):
        message = "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model."
        return google_error(429, message)
    body = {"message": "You are being rate limited.", "retry_after": retry_after_seconds, "global": False}
    response = web.json_response(body, status=429)
    response.headers.update(
        {
            "Content-Type": "application/json",
            "Via": "1.1 google",
            "Retry-After": str(max(1, round(retry_after_seconds))),
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": f"{retry_after_seconds:.3f}",
            "X-RateLimit-Scope": "user",
        }
    )
    return response

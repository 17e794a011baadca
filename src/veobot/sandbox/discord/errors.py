"""How Discord says no: HTTP status, numeric code and sentence.

Codes and sentences follow the table "JSON Error Codes" of Discord's documentation.
"""

from collections.abc import Mapping

from veobot.sandbox.ledger import JsonValue


class ApiError(Exception):
    """A refusal in Discord's own shape.

    Args:
        status: the HTTP status.
        code: Discord's numeric code, 0 for a general one.
        message: Discord's sentence.
        errors: for 50035, the nested object that names each wrong field.
    """

    def __init__(
        self, status: int, code: int, message: str, errors: Mapping[str, JsonValue] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def payload(self) -> dict[str, JsonValue]:
        """Return the body of the answer."""
        body: dict[str, JsonValue] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


class TooManyRequests(ApiError):
    """A 429; `retry_after_seconds` are real seconds, since the bot sleeps by the real clock."""

    def __init__(self, retry_after_seconds: float, *, scope: str, code: int = 0, message: str = "") -> None:
        super().__init__(429, code, message or "You are being rate limited.")
        self.retry_after_seconds = retry_after_seconds
        self.scope = scope

    def payload(self) -> dict[str, JsonValue]:
        """Return the body, with the two fields that only a 429 has."""
        return {
            **super().payload(),
            "retry_after": round(self.retry_after_seconds, 3),
            "global": self.scope == "global",
        }


def unauthorized() -> ApiError:
    """The token is missing or wrong."""
    return ApiError(401, 0, "401: Unauthorized")


def unknown_channel() -> ApiError:
    """The channel never was, or was deleted."""
    return ApiError(404, 10003, "Unknown Channel")


def unknown_guild() -> ApiError:
    """The guild never was, or the bot never was in it."""
    return ApiError(404, 10004, "Unknown Guild")


def unknown_member() -> ApiError:
    """Nobody of that id is in the guild."""
    return ApiError(404, 10007, "Unknown Member")


def unknown_message() -> ApiError:
    """The message never was, was deleted, or is another's ephemeral one."""
    return ApiError(404, 10008, "Unknown Message")


def unknown_user() -> ApiError:
    """Nobody has that id."""
    return ApiError(404, 10013, "Unknown User")


def unknown_webhook() -> ApiError:
    """No such webhook, or an interaction that was not yet answered."""
    return ApiError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> ApiError:
    """The id or the token is wrong, or the three seconds are over."""
    return ApiError(404, 10062, "Unknown interaction")


def unknown_application_command() -> ApiError:
    """No command has that id."""
    return ApiError(404, 10063, "Unknown application command")


def unknown_application() -> ApiError:
    """The application in the path is not the bot's."""
    return ApiError(404, 10002, "Unknown Application")


def too_many_commands(limit: int) -> ApiError:
    """One scope has as many commands as it may have."""
    return ApiError(400, 30032, f"Maximum number of application commands reached ({limit})")


def too_many_old_edits(retry_after_seconds: float) -> TooManyRequests:
    """A message older than an hour was edited too often."""
    sentence = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    return TooManyRequests(retry_after_seconds, scope="user", code=30046, message=sentence)


def entity_too_large() -> ApiError:
    """A file is larger than the place allows."""
    return ApiError(413, 40005, "Request entity too large")


def already_acknowledged() -> ApiError:
    """The interaction has had its first answer."""
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> ApiError:
    """The bot cannot see the place."""
    return ApiError(403, 50001, "Missing Access")


def cannot_edit_others() -> ApiError:
    """Only the author edits a message."""
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> ApiError:
    """Neither text nor file nor embed nor component."""
    return ApiError(400, 50006, "Cannot send an empty message")


def missing_permissions() -> ApiError:
    """The bot sees the place, but may not do this there."""
    return ApiError(403, 50013, "Missing Permissions")


def invalid_webhook_token() -> ApiError:
    """The interaction's token is wrong, or older than its 15 minutes."""
    return ApiError(401, 50027, "Invalid Webhook Token")


def invalid_form(errors: Mapping[str, JsonValue]) -> ApiError:
    """Fields are wrong; `errors` names them."""
    return ApiError(400, 50035, "Invalid Form Body", errors)


def invalid_json() -> ApiError:
    """The body is no JSON object."""
    return ApiError(400, 50109, "The request body contains invalid JSON.")


def thread_is_archived() -> ApiError:
    """The thread would have to be unarchived first."""
    return ApiError(400, 50083, "Thread is archived")


def thread_is_locked() -> ApiError:
    """Only moderators write in a locked thread."""
    return ApiError(403, 160005, "Thread is locked")


def cannot_reply_without_history() -> ApiError:
    """A reply needs READ_MESSAGE_HISTORY."""
    return ApiError(403, 160002, "Cannot reply without permission to read message history")

"""Discord's CDN: serves the files of messages back."""

from aiohttp import web

from veobot.sandbox.discord.form import parse_snowflake
from veobot.sandbox.discord.state import DiscordState

ATTACHMENT = "/attachments/{channel_id}/{attachment_id}/{filename}"


class Cdn:
    """Serves the attachments of one world, in ranges too, straight from the disk."""

    def __init__(self, state: DiscordState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the one route, which wants no token."""
        return [web.route("GET", ATTACHMENT, self._serve, name="discord.attachment")]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        number = parse_snowflake(request.match_info["attachment_id"])
        file = self._state.attachments.get(number or 0)
        named = request.match_info["filename"]
        if file is None or file.filename != named or str(file.channel_id) != request.match_info["channel_id"]:
            return web.Response(status=404, text="This content is no longer available.")
        content_type = file.content_type or "application/octet-stream"
        return web.FileResponse(file.path, headers={"Content-Type": content_type})

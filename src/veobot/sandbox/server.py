"""The sandbox as one server on loopback: its parts, their start and stop, and what every answer has in common."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from veobot.sandbox.bucket import DEFAULT_BUCKET, Bucket
from veobot.sandbox.clips import FORMATS
from veobot.sandbox.clock import SandboxClock
from veobot.sandbox.control import Control
from veobot.sandbox.dialects import refusal
from veobot.sandbox.discord import DiscordWorld
from veobot.sandbox.faults import Faults
from veobot.sandbox.generations import Generations
from veobot.sandbox.ledger import JsonValue, Ledger
from veobot.sandbox.tokens import PROJECT_ID, TokenIssuer
from veobot.sandbox.vertex import VertexWorld

log = logging.getLogger(__name__)

# The sandbox holds no secrets and must never be reached from another machine.
HOST = "127.0.0.1"

# Discord takes uploads of 500 MiB at most from the best guilds; a bot's video is a fraction of that.
MAX_BODY_BYTES = 512 * 2**20

# Open websockets and long polls are simply cut: the bot is expected to survive that.
_SHUTDOWN_SECONDS = 0.5


class Sandbox:
    """All parts, in one process and on one port.

    Args:
        directory: for credentials, attachments and the bucket; created if absent.
        clip: a key of `clips.FORMATS`.
        rate: sandbox seconds per real second.
        seed: makes ids, jitter and mishaps repeatable.
        jitter: how far the time of a generation strays, as a share of it.
        middlewares: put around everything, to watch or record what goes in and out.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clip: str = "full",
        rate: float = 1.0,
        seed: int = 0,
        jitter: float = 0.0,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._middlewares = middlewares
        self.url = ""
        self.clock = SandboxClock(rate=rate)
        self.ledger = Ledger(self.clock)
        self.faults = Faults(self.ledger)
        self.tokens = TokenIssuer(directory)
        self.bucket = Bucket(directory / "bucket", self.tokens)
        generations = Generations(
            self.clock, self.ledger, self.bucket, clip_format=FORMATS[clip], seed=seed, jitter=jitter
        )
        self.vertex = VertexWorld(generations, self.ledger, self.tokens)
        self.discord = DiscordWorld(
            self.clock, self.ledger, "", directory=directory / "attachments", seed=seed
        )
        self.control = Control(
            clock=self.clock,
            ledger=self.ledger,
            faults=self.faults,
            discord=self.discord,
            vertex=self.vertex,
            bucket=self.bucket,
            describe=self.describe,
        )
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """Return the application with all routes; those of signed addresses come last, since they fit most."""
        middlewares = [*self._middlewares, _errors_in_dialect, self.faults.middleware()]
        application = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
        for part in (self.control, self.discord, self.vertex, self.tokens, self.bucket):
            application.add_routes(part.routes())
        application.on_response_prepare.append(self._stamp)
        return application

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one. Afterwards `url` and `describe` are valid.

        Raises:
            OSError: if the port is taken.
        """
        await self.bucket.start()
        # No access log: the ledger is the account, and a line for each request would cost more than the request.
        self._runner = web.AppRunner(
            self.application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handle_signals=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port, backlog=512)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        self.discord.public_url = self.url
        self.tokens.write_credentials(self.url)

    async def stop(self) -> None:
        """Stop serving, then the parts."""
        await self.discord.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.vertex.generations.close()
        await self.bucket.stop()

    def environment(self) -> dict[str, str]:
        """Return the settings that point a bot to this sandbox."""
        return {
            "VEOBOT_DISCORD_API_URL": f"{self.url}/api/v10",
            "VEOBOT_DISCORD_GATEWAY_URL": f"{self.url.replace('http', 'ws', 1)}/gateway",
            "VEOBOT_DISCORD_TOKEN": self.discord.bot_token,
            "VEOBOT_VERTEX_API_URL": self.url,
            "VEOBOT_GOOGLE_PROJECT": PROJECT_ID,
            "VEOBOT_BUCKET": DEFAULT_BUCKET,
            "STORAGE_EMULATOR_HOST": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.tokens.credentials_path.resolve()),
        }

    def describe(self) -> dict[str, JsonValue]:
        """Return what the control file says."""
        return {
            "url": self.url,
            "pid": os.getpid(),
            "environment": self.environment(),
            "application_id": self.discord.application_id,
            "guild_id": self.discord.guild_id,
            "channels": self.discord.channel_ids,
            "members": self.discord.member_ids,
            "project": PROJECT_ID,
            "bucket": DEFAULT_BUCKET,
        }

    def write_control_file(self, path: Path) -> None:
        """Write the control file in one step, so that whoever waits for it never reads half of it."""
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(json.dumps(self.describe(), indent=2, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)

    async def _stamp(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = self.clock.http_date()


@web.middleware
async def _errors_in_dialect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Word what no endpoint answered for: unknown paths, wrong methods, and faults of the sandbox itself."""
    name = request.match_info.route.name or (
        "discord.unknown" if request.path.startswith("/api/") else "unknown"
    )
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == "application/json":
            raise
        if name.startswith("control.") or request.path.startswith("/control/"):
            return web.json_response(
                {"error": f"{request.method} {request.path}: {error.reason}."}, status=error.status
            )
        return refusal(name, error.status, f"{error.status}: {error.reason}")
    except Exception:  # the outermost border: the client learns of it, the log says where
        log.exception("The sandbox itself failed on %s %s.", request.method, request.path)
        return refusal(name, 500, "The sandbox itself failed; its log says where.")

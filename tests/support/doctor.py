"""What the doctor's tests have in common: a bot that is set up well, and ways to set it up badly."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from veobot.bot.calls import one_call
from veobot.bot.client import VeobotClient
from veobot.config import Settings, load_settings
from veobot.doctor import Finding, Report, State, diagnose
from veobot.doctor.visitor import new_visitor
from veobot.sandbox.client import SandboxClient

Json: TypeAlias = dict[str, Any]
"""Some JSON object; the tests know its shape."""

TIMEOUT_SECONDS = 60.0
"""For a whole process; it takes about two seconds."""


@dataclass
class Patient:
    """A bot's environment, in a world of its own; `settings` are its variables."""

    world: SandboxClient
    directory: Path
    monkeypatch: pytest.MonkeyPatch
    settings: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    def set(self, **variables: str) -> None:
        """Change variables; those of Google's libraries are also the process's own."""
        self.settings.update(variables)
        for name, value in variables.items():
            if not name.startswith("VEOBOT_"):
                self.monkeypatch.setenv(name, value)

    def load(self) -> Settings:
        return load_settings({name: value for name, value in self.settings.items() if name != "PATH"})

    async def diagnose(self) -> Report:
        return await diagnose(self.load())

    async def problems(self) -> list[Finding]:
        """What is not well, without what was therefore not tried."""
        report = await self.diagnose()
        return [f for f in report.findings if f.state in {State.WRONG, State.WARNING}]

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[VeobotClient]:
        """The bot's client, logged in by REST."""
        client = new_visitor(self.load(), lambda _: None)
        try:
            async with one_call(10):
                await client.login(self.settings["VEOBOT_DISCORD_TOKEN"])
            yield client
        finally:
            await client.close()

    async def register_commands(self, **changed: object) -> None:
        """Register the bot's commands, as it does at its start; with other values, if some are given."""
        async with self.visitor() as client:
            payload = [{**command.to_dict(client.tree), **changed} for command in client.tree.get_commands()]
            assert client.application_id is not None
            await client.http.bulk_upsert_global_commands(client.application_id, payload=payload)

    async def run(self, command: str) -> "asyncio.subprocess.Process":
        """Start `python -m veobot COMMAND` with this environment and nothing else of the machine's."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.settings}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "veobot", command,
            cwd=self.directory, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run_doctor(self) -> tuple[int, str]:
        """Return exit code and output of `veobot doctor`."""
        process = await self.run("doctor")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()


@asynccontextmanager
async def altered_discord(patient: Patient, path: str, change: Callable[[Json], None]) -> AsyncIterator[None]:
    """Put a proxy before Discord's REST API that changes the JSON answered at paths that end in `path`."""
    address = patient.settings["VEOBOT_DISCORD_API_URL"]

    async def forward(request: web.Request) -> web.Response:
        url = f"{address}{request.path_qs}"
        headers = {"Authorization": request.headers["Authorization"]}
        async with (
            ClientSession() as session,
            session.request(request.method, url, headers=headers) as answer,
        ):
            body = await answer.json()
        if request.path.endswith(path):
            change(body)
        response = web.json_response(body, status=answer.status)
        response.headers["Content-Type"] = "application/json"
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", forward)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    try:
        patient.set(VEOBOT_DISCORD_API_URL=str(server.make_url("/")).rstrip("/"))
        yield
    finally:
        await server.close()

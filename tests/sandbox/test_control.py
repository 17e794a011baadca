"""The control API, its client, and the sandbox as a process."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest

from veobot.sandbox.client import SandboxClient, SandboxError, SandboxTimeout
from veobot.sandbox.process import SandboxProcess, SandboxStartError, run_sandbox, start_sandbox

ENVIRONMENT = {
    "VEOBOT_DISCORD_API_URL",
    "VEOBOT_DISCORD_GATEWAY_URL",
    "VEOBOT_DISCORD_TOKEN",
    "VEOBOT_VERTEX_API_URL",
    "VEOBOT_GOOGLE_PROJECT",
    "VEOBOT_BUCKET",
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS",
}


async def test_the_state_names_everything_that_a_bot_needs(sandbox: SandboxClient) -> None:
    state = await sandbox.state()
    assert state["environment"] == sandbox.environment
    assert set(sandbox.environment) == ENVIRONMENT
    assert {"guild_id", "application_id", "channels", "members", "clock", "vertex", "faults"} <= set(state)


async def test_every_answer_carries_the_sandboxs_date(sandbox: SandboxClient) -> None:
    await sandbox.clock(jump_seconds=7 * 86400)
    async with aiohttp.ClientSession(sandbox.url) as session:
        for path in ("/control/state", "/api/v10/gateway", "/v1/nothing", "/storage/v1/b/veobot-sandbox"):
            async with session.get(path) as answer:
                date = parsedate_to_datetime(answer.headers["Date"])
            assert abs(date - datetime.now(UTC) - timedelta(days=7)) < timedelta(seconds=10)


async def test_the_clock_runs_fast_and_jumps(sandbox: SandboxClient) -> None:
    async def now() -> datetime:
        clock = (await sandbox.state())["clock"]
        assert isinstance(clock, dict)
        return datetime.fromisoformat(clock["now"])

    await sandbox.clock(rate=0)
    start = await now()
    await sandbox.clock(jump_seconds=90)
    assert await now() - start == timedelta(seconds=90)
    with pytest.raises(SandboxError, match="rate must lie between"):
        await sandbox.clock(rate=-1)


async def test_waiting_misses_no_entry_however_fast_they_come(sandbox: SandboxClient) -> None:
    waiting = asyncio.create_task(sandbox.wait_for_count(50, kind="message", timeout_seconds=20))
    for number in range(50):
        await sandbox.say("mira", "video-lab", f"number {number}")
    entries = await waiting
    assert [entry.fields["content"] for entry in entries] == [f"number {number}" for number in range(50)]


async def test_waiting_looks_only_after_the_given_entry(sandbox: SandboxClient) -> None:
    await sandbox.say("mira", "video-lab", "first")
    after = await sandbox.last_seq()
    waiting = asyncio.create_task(sandbox.wait_for(kind="message", after=after))
    await sandbox.say("jonas", "video-lab", "second")
    assert (await waiting).fields["content"] == "second"


async def test_a_time_out_tells_what_happened_instead(sandbox: SandboxClient) -> None:
    await sandbox.say("mira", "video-lab", "Good morning")
    with pytest.raises(SandboxTimeout, match=r"(?s)Waited 0\.2 s for a fitting submission.*Good morning"):
        await sandbox.wait_for(kind="submission", timeout_seconds=0.2)


async def test_a_time_out_holds_even_while_other_things_happen(sandbox: SandboxClient) -> None:
    async def chatter() -> None:
        while True:
            await sandbox.say("mira", "video-lab", "and another thing")

    talking = asyncio.create_task(chatter())
    started = time.monotonic()
    with pytest.raises(SandboxTimeout):
        await sandbox.wait_for(lambda _entry: False, kind="message", timeout_seconds=0.5)
    assert time.monotonic() - started < 5
    talking.cancel()


async def test_an_old_cursor_sees_the_first_entry_after_a_reset(sandbox: SandboxClient) -> None:
    await sandbox.say("mira", "video-lab", "old world")
    cursor = await sandbox.last_seq()
    await sandbox.reset()
    assert await sandbox.ledger() == []
    await sandbox.say("mira", "video-lab", "new world")
    assert (await sandbox.wait_for(kind="message", after=cursor)).fields["content"] == "new world"


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/control/clock", {"rat": 2}, "rat: "),
        ("POST", "/control/commands", {}, "member: Field required."),
        ("POST", "/control/gateway", {"action": "explode"}, "action: "),
        ("POST", "/control/vertex", {"script": [{"result": "lost"}]}, "script.0.result: "),
        ("POST", "/control/vertex", {"submit": "maybe"}, "submit: "),
        ("GET", "/control/ledger?after=x", None, "after must be a number"),
        ("GET", "/control/channels/video-lab/messages", None, "Whose view?"),
        ("GET", "/control/nothing", None, "Not Found"),
        ("POST", "/control/state", {}, "Method Not Allowed"),
    ],
)
async def test_a_mistaken_call_is_answered_with_a_sentence(
    sandbox: SandboxClient, method: str, path: str, body: dict[str, object] | None, says: str
) -> None:
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.request(method, path, json=body) as answer,
    ):
        assert 400 <= answer.status < 500
        error = (await answer.json())["error"]
    assert says in error
    assert error.endswith((".", "id."))


async def test_a_client_that_is_not_open_says_so(sandbox_process: SandboxProcess) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await sandbox_process.new_client().state()


async def test_the_sandbox_listens_quickly_and_ends_with_its_context(tmp_path: Path) -> None:
    async with run_sandbox(tmp_path, clip="small", rate=20) as sandbox:
        assert json.loads((tmp_path / "sandbox.json").read_text())["url"] == sandbox.url
        clock = (await sandbox.client.state())["clock"]
        assert isinstance(clock, dict)
        assert clock["rate"] == 20
    assert sandbox.process.returncode == 0
    assert sandbox.log_path.read_text() == ""


def test_the_accounts_key_is_readable_by_its_owner_only(sandbox_process: SandboxProcess) -> None:
    credentials = Path(sandbox_process.environment["GOOGLE_APPLICATION_CREDENTIALS"])
    assert credentials.stat().st_mode & 0o777 == 0o600


def test_it_runs_as_a_program_until_it_is_told_to_stop(tmp_path: Path) -> None:
    control_file = tmp_path / "control.json"
    command = [sys.executable, "-m", "veobot.sandbox", "--control-file", str(control_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        description = json.loads(process.stdout.readline())
        assert json.loads(control_file.read_text()) == description
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_taken_port_is_reported_in_one_sentence(sandbox_process: SandboxProcess, tmp_path: Path) -> None:
    port = int(sandbox_process.url.rsplit(":", 1)[1])
    with pytest.raises(SandboxStartError, match=r"(?s)ended before it listened.*could not start.*address"):
        start_sandbox(tmp_path, port=port)


def test_an_impossible_rate_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxStartError, match=r"rate must lie between"):
        start_sandbox(tmp_path, rate=-1)

"""Gateways and workers as processes of their own on one PostgreSQL: what a member asks of one, another delivers."""

import asyncio
import json
import sys

from support.cluster import Cluster, ClusterBot
from support.held import assert_one_video, content
from veobot.doctor.postgres import CONNECTIONS_OF_A_PROCESS
from veobot.sandbox.client import SandboxClient

HANG = [{"result": "hang"}]


async def test_one_process_on_postgresql_does_everything(cluster: Cluster, sandbox: SandboxClient) -> None:
    bot = cluster.bot("alone")
    await bot.start()
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", "A one-man band")
    row = await bot.closed(request_id)
    assert (row["closure"], row["epoch"], row["interaction_token"]) == ("delivered", 1, None)
    await assert_one_video(bot, request_id)
    assert len(cluster.connections()) <= CONNECTIONS_OF_A_PROCESS


async def test_what_a_gateway_accepts_a_worker_delivers(cluster: Cluster, sandbox: SandboxClient) -> None:
    gateway = await cluster.gateway()
    worker = await cluster.worker()
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", "A relay race")
    await worker.closed(request_id)
    await assert_one_video(worker, request_id)
    assert gateway.log("request.admitted")
    assert worker.log("submission.accepted")
    assert not gateway.log("submission.accepted")
    assert worker.owners(request_id) == 1
    sessions = [e for e in await sandbox.ledger(kind="gateway") if e.fields["event"] == "ready"]
    assert len(sessions) == 1


async def test_a_gateway_is_restarted_while_a_worker_goes_on(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    gateway = await cluster.gateway()
    worker = await cluster.worker()
    await sandbox.vertex(script=HANG)
    before = await sandbox.command("mira", "A bridge that stays")
    await worker.reaches(before, "generating")
    gateway.kill()
    await sandbox.finish()
    await worker.closed(before)
    await gateway.start()
    await sandbox.vertex(script=[], generation_seconds=0)
    after = await sandbox.command("jonas", "A bridge that is built anew")
    await worker.closed(after)
    for request_id in (before, after):
        await assert_one_video(worker, request_id)
        assert worker.owners(request_id) == 1


async def test_a_worker_that_comes_later_finds_what_was_accepted_before(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    await cluster.gateway()
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", "An early bird")
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="acknowledged")
    worker = await cluster.worker()
    started = await worker.logged("resume.started")
    assert (started.fields["incomplete"], started.fields["pending"]) == (1, 1)
    finished = await worker.logged("resume.finished")
    assert finished.fields["completed"] == 1
    await assert_one_video(worker, request_id)


async def test_a_gateway_tells_how_it_stands_over_all_workers(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    gateway = await cluster.gateway(VEOBOT_CONCURRENT_GENERATIONS="1")
    worker = await cluster.worker(VEOBOT_CONCURRENT_GENERATIONS="1")
    await sandbox.vertex(script=HANG)
    await cluster.exchanged()
    first = await sandbox.command("mira", "The only oven")
    await worker.reaches(first, "generating")
    await cluster.exchanged()
    second = await sandbox.command("jonas", "The next loaf")
    await gateway.logged("request.admitted", request_id=second)
    await sandbox.wait_for_count(2, kind="message")
    told = {e.fields["interaction_id"]: content(e) for e in await sandbox.ledger(kind="message")}
    assert told[first].startswith("🎬")
    assert told[second].startswith("🕓")


async def test_shards_are_spread_over_gateways(cluster: Cluster, sandbox: SandboxClient) -> None:
    shards = {"VEOBOT_SHARD_COUNT": "4"}
    first = await cluster.gateway("first", **shards, VEOBOT_SHARD_IDS="0,1")
    second = await cluster.gateway("second", **shards, VEOBOT_SHARD_IDS="2-3")
    for bot in (first, second):
        await bot.logged("gateway.ready")
    ready = [e.fields["shard"] for e in await sandbox.ledger(kind="gateway") if e.fields["event"] == "ready"]
    assert sorted(map(str, ready)) == ["[0, 4]", "[1, 4]", "[2, 4]", "[3, 4]"]
    request_id = await sandbox.command("mira", "A pie in four pieces")
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="acknowledged")
    guild = int(str((await sandbox.state())["guild_id"]))
    responsible = first if (guild >> 22) % 4 < 2 else second
    await responsible.logged("request.admitted")
    other = second if responsible is first else first
    assert not other.log("request.admitted")
    assert not other.log("command.replayed")


async def test_the_operators_lists_read_postgresql(cluster: Cluster, sandbox: SandboxClient) -> None:
    gateway = await cluster.gateway()
    request_id = await sandbox.command("mira", "A list of lists")
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="acknowledged")
    code, out, _ = await run(gateway, "requests", "list", "--incomplete", "--json")
    assert code == 0
    [listed] = [json.loads(line) for line in out.splitlines()]
    assert (str(listed["id"]), listed["status"], listed["owner"]) == (request_id, "pending", "")
    code, out, _ = await run(gateway, "requests", "show", request_id)
    assert code == 0
    assert "admitted" in out
    assert "A list of lists" not in out


async def test_migrate_makes_all_tables_and_names_no_password(cluster: Cluster, empty_url: str) -> None:
    bot = cluster.bot(
        "operator", VEOBOT_DATABASE_URL=empty_url.replace("//postgres@", "//postgres:hidden-word@")
    )
    code, out, err = await run(bot, "requests", "list")
    assert code == 2
    assert "is empty: the bot's first start gives it its tables." in err
    assert "hidden-word" not in err
    for phase in (["--phase", "pre"], ["--phase", "post"], []):
        code, out, err = await run(bot, "migrate", *phase)
        assert (code, err) == (0, "")
        assert out.startswith("The database postgresql://127.0.0.1:")
        assert "up to date" in out
    code, out, err = await run(bot, "requests", "list")
    assert (code, out, err) == (0, "", "")
    assert bot.rows("procrastinate_jobs") == []


async def test_another_role_on_sqlite_is_refused_in_one_sentence(cluster: Cluster) -> None:
    bot = cluster.bot("operator", VEOBOT_DATABASE_URL="", VEOBOT_ROLE="")
    code, _, err = await run(bot, "run", "--role", "worker")
    assert code == 2
    assert err == (
        "veobot: One setting is wrong or missing.\n"
        "  VEOBOT_ROLE is 'worker': it must be all where the database is SQLite: other roles need PostgreSQL in "
        "VEOBOT_DATABASE_URL.\n"
    )


async def run(bot: ClusterBot, *arguments: str) -> tuple[int | None, str, str]:
    """Run a command of `veobot` with a process's settings; return exit code, output and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "veobot", *arguments,
        cwd=bot.process.directory, env=bot.process.environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()

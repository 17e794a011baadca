"""Two gateways on one shard, as in a rolling deploy: each command is one request, and answered once."""

import signal
from pathlib import Path

from support.cluster import Cluster, ClusterBot, frozen
from support.held import assert_one_video, content, held_before
from support.looked_up import CHANNEL, look_up, press
from support.postgres import fresh_database, running_server
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

CALLBACK = "discord.callback"


async def test_two_gateways_on_one_shard_make_one_request_of_a_command(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    old, new, worker = await two_gateways(cluster)
    await sandbox.vertex(generation_seconds=0)
    asked = [await sandbox.command("mira", f"A twin, number {number}") for number in range(6)]
    for request_id in asked:
        await worker.closed(request_id)
        await assert_one_video(worker, request_id)
        assert len(await answers(sandbox, request_id)) == 1
    admitted = [line.fields["request_id"] for bot in (old, new) for line in bot.log("request.admitted")]
    replayed = [line.fields["request_id"] for bot in (old, new) for line in bot.log("command.replayed")]
    assert sorted(map(str, admitted)) == sorted(map(str, replayed)) == sorted(asked)


async def test_a_refusal_by_both_is_told_once(cluster: Cluster, sandbox: SandboxClient) -> None:
    old, new, _ = await two_gateways(cluster, VEOBOT_DAILY_BUDGET_USD="0")
    request_id = await sandbox.command("mira", "A twin that is turned away")
    for bot in (old, new):
        await bot.logged("request.refused", request_id=request_id)
    slower = [bot for bot in (old, new) if bot.log("command.not_answered")]
    assert len(slower) <= 1
    [answer] = await answers(sandbox, request_id)
    assert answer.fields["ephemeral"] is True
    assert old.rows() == []


async def test_a_leaving_process_does_not_refuse_what_another_accepts(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    old = cluster.bot("old", "all")
    await old.start()
    await sandbox.vertex(generation_seconds=0)
    # What it has in hand keeps it there for a while, and connected, after it was told to leave.
    upload = await held_before(sandbox, "discord.webhook.message.edit", "AI-generated video: A slow")
    slow = await sandbox.command("jonas", "A slow farewell")
    await upload.reached()
    new, worker = await cluster.gateway("new"), await cluster.worker()
    old.send(signal.SIGTERM)
    await old.logged("bot.stopping")
    request_id = await sandbox.command("mira", "A guest at the last minute")
    await new.logged("request.admitted", request_id=request_id)
    await old.logged("command.not_answered")
    [answer] = await answers(sandbox, request_id)
    assert answer.fields["ephemeral"] is False
    for asked in (slow, request_id):
        await worker.closed(asked)
        await assert_one_video(worker, asked)


async def test_a_leaving_gateway_that_is_alone_says_that_it_is_restarting(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    gateway = await cluster.gateway()
    kept = await sandbox.fault(CALLBACK, "delay_before", seconds=2.0, contains="keeps")
    await sandbox.command("jonas", "A guest that keeps the door open")
    await sandbox.wait_for(lambda e: e.fields["fault_id"] == kept, kind="fault")
    gateway.send(signal.SIGTERM)
    await gateway.logged("bot.stopping")
    request_id = await sandbox.command("mira", "A guest that comes too late")
    answer = await sandbox.wait_for(lambda e: e.fields["interaction_id"] == request_id, kind="message")
    assert "I'm just restarting" in content(answer)
    assert gateway.row(request_id) is None


async def test_gateways_look_up_what_is_a_members_own_and_answer_each_press_once(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    old, new, _ = await two_gateways(cluster, VEOBOT_QUOTA="10")
    await sandbox.vertex(script=[{"result": "hang"}])
    for number in range(7):
        request_id = await sandbox.command("mira", f"Twin {number}", channel=CHANNEL)
        await answered(sandbox, request_id)
    quota = await look_up(sandbox, "mira", "veo-quota")
    assert quota.content.startswith("🕓 **You've used 7 of your 10 videos for these 24 hours**\n3 are left.")
    newest = await look_up(sandbox, "mira", "veo-history")
    assert newest.prompts == [f"Twin {number}" for number in (6, 5, 4, 3, 2)]
    older = await press(sandbox, "mira", newest, "Older")
    assert older.prompts == ["Twin 1", "Twin 0"]

    def refused() -> int:
        return sum(len(bot.log("command.not_answered")) for bot in (old, new))

    await old.until(lambda: refused() == 3, "the slower of both was refused each time")
    assert len([e for e in await sandbox.ledger(kind="edit") if e.fields["ephemeral"]]) == 1


async def test_while_postgresql_hangs_whoever_looks_something_up_is_told_so_in_time(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    with running_server() as server, fresh_database(server.url) as url:
        cluster = Cluster(tmp_path, sandbox, url)
        try:
            await cluster.gateway()
            await look_up(sandbox, "mira", "veo-history")
            with frozen(server):
                for name in ("veo-quota", "veo-history"):
                    shown = await look_up(sandbox, "mira", name)
                    assert shown.content.startswith("⚠️ **I can't look anything up at the moment**")
        finally:
            cluster.kill()


async def test_while_postgresql_hangs_a_command_is_refused_in_time_and_costs_nothing(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    with running_server() as server, fresh_database(server.url) as url:
        cluster = Cluster(tmp_path, sandbox, url)
        try:
            gateway = await cluster.gateway()
            await cluster.worker()
            # Connections are open then, and asked to cancel what they wait for: that takes its time, too.
            await gateway.reaches(await sandbox.command("jonas", "A question in good times"), "generating")
            with frozen(server):
                request_id = await sandbox.command("mira", "A question to nobody")
                answer = await sandbox.wait_for(
                    lambda e: e.fields["interaction_id"] == request_id, kind="message", timeout_seconds=4
                )
            assert answer.fields["ephemeral"] is True
            assert "I can't reach my records" in content(answer)
            # What was sent before may be committed when the server goes on: then nothing was promised.
            again = await sandbox.command("mira", "A question to somebody")
            await gateway.reaches(again, "generating")
            if gateway.row(request_id) is not None:
                assert (await gateway.closed(request_id))["closure"] == "unacknowledged"
            assert await gateway.paid(request_id) == []
        finally:
            cluster.kill()


async def answered(sandbox: SandboxClient, request_id: str) -> Entry:
    """Wait until a command is answered."""
    return await sandbox.wait_for(
        lambda e: e.fields["interaction_id"] == request_id, kind="message", timeout_seconds=20
    )


async def two_gateways(cluster: Cluster, **settings: str) -> tuple[ClusterBot, ClusterBot, ClusterBot]:
    """Start a gateway, another on the same shard, and a worker."""
    old = await cluster.gateway("old", **settings)
    new = await cluster.gateway("new", **settings)
    return old, new, await cluster.worker()


async def answers(sandbox: SandboxClient, request_id: str) -> list[Entry]:
    """Return the messages by which a command was answered."""
    return [e for e in await sandbox.ledger(kind="message") if e.fields["interaction_id"] == request_id]

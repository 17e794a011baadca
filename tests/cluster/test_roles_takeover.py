"""A process dies or leaves: its requests go on elsewhere, are paid once, and have one outcome."""

import asyncio
import signal
from datetime import datetime
from pathlib import Path

import pytest

from support.cluster import Cluster, ClusterBot, frozen
from support.held import assert_one_video, held_after, outcome
from support.postgres import fresh_database, running_server
from veobot.sandbox.client import SandboxClient

HANG = [{"result": "hang"}]

TAKEN_OVER_WITHIN_SECONDS = 30.0
"""What is promised of a killed worker's requests."""
HANDED_OVER_WITHIN_SECONDS = 7.0
"""A leaving worker has 5 s; then nobody waits for anything."""

CALLBACK = "discord.callback"


async def test_a_killed_workers_request_goes_on_elsewhere(cluster: Cluster, sandbox: SandboxClient) -> None:
    await cluster.gateway()
    first = await cluster.worker("first")
    await sandbox.vertex(script=HANG)
    request_id = await sandbox.command("mira", "A baton that is dropped")
    await first.reaches(request_id, "generating")
    second = await cluster.worker("second")
    first.kill()
    await second.logged("request.resumed", request_id=request_id, timeout_seconds=TAKEN_OVER_WITHIN_SECONDS)
    await sandbox.finish()
    await second.closed(request_id)
    await assert_one_video(second, request_id)
    assert second.owners(request_id) == 2


async def test_a_leaving_worker_hands_over_at_once(cluster: Cluster, sandbox: SandboxClient) -> None:
    await cluster.gateway()
    first = await cluster.worker("first", VEOBOT_CONCURRENT_GENERATIONS="1")
    await sandbox.vertex(script=HANG)
    running = await sandbox.command("mira", "A runner under way")
    await first.reaches(running, "generating")
    waiting = await sandbox.command("jonas", "A runner in line")
    await sandbox.wait_for(lambda e: e.fields["interaction_id"] == waiting, kind="acknowledged")
    second = await cluster.worker("second", VEOBOT_CONCURRENT_GENERATIONS="1")
    first.send(signal.SIGTERM)
    for request_id in (running, waiting):
        await second.logged(
            "request.resumed", request_id=request_id, timeout_seconds=HANDED_OVER_WITHIN_SECONDS
        )
    await first.until(lambda: not first.process.running, "the first has left", 5)
    assert first.process.exit_code == 0
    assert not first.log("queue.not_handed_over")
    keepers = [str(row["owner"]) for row in first.rows("slot_keepers")]
    assert not [owner for owner in keepers if f":{first.process.pid}:" in owner]
    await sandbox.vertex(script=[], generation_seconds=0)
    await sandbox.finish()
    for request_id in (running, waiting):
        await second.closed(request_id)
        await assert_one_video(second, request_id)


async def test_a_worker_that_leaves_before_what_it_found_has_ended_leaves_quietly(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    await cluster.gateway()
    first = await cluster.worker("first")
    await sandbox.vertex(script=HANG)
    request_id = await sandbox.command("mira", "A runner who is not there yet")
    await first.reaches(request_id, "generating")
    second = await cluster.worker("second")
    assert second.found() == ["resume.started"]
    second.send(signal.SIGTERM)
    await second.until(lambda: not second.process.running, "the second has left", 5)
    assert second.process.exit_code == 0
    assert [line for line in second.log() if line.level in {"warning", "error"}] == []


async def test_a_gateway_killed_before_it_handed_over_costs_nobody_the_video(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    gateway = await cluster.gateway()
    worker = await cluster.worker()
    await sandbox.vertex(generation_seconds=0)
    answered = await held_after(sandbox, CALLBACK, "relay")
    request_id = await sandbox.command("mira", "A relay without a baton")
    await answered.reached()
    gateway.kill()
    # Committed and shown, but no job was ever made for it.
    assert worker.row(request_id) is not None
    assert not worker.log("submission.accepted")
    await worker.closed(request_id, timeout_seconds=TAKEN_OVER_WITHIN_SECONDS)
    await assert_one_video(worker, request_id)


@pytest.mark.parametrize("role", ["gateway", "all"])
async def test_a_leaving_process_answers_the_commands_it_has_in_hand(
    cluster: Cluster, sandbox: SandboxClient, role: str
) -> None:
    gateway = cluster.bot("leaving", role)
    await gateway.start()
    worker = await cluster.worker()
    await sandbox.vertex(generation_seconds=0)
    late = await sandbox.fault(CALLBACK, "delay_before", seconds=1.0, contains="last")
    request_id = await sandbox.command("mira", "A last order")
    await sandbox.wait_for(lambda e: e.fields["fault_id"] == late, kind="fault")
    gateway.send(signal.SIGTERM)
    await worker.closed(request_id)
    await assert_one_video(worker, request_id)
    await gateway.until(lambda: not gateway.process.running, "the gateway has left", 5)
    assert gateway.process.exit_code == 0
    assert not gateway.log("request.not_enqueued")


async def test_a_stopped_workers_request_is_taken_over_and_the_stopped_one_begins_nothing_when_it_wakes(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    await cluster.gateway()
    first = await cluster.worker("first")
    await sandbox.vertex(script=HANG)
    request_id = await sandbox.command("mira", "A sleeper")
    await first.reaches(request_id, "generating")
    second = await cluster.worker("second")
    first.send(signal.SIGSTOP)
    await second.logged("request.resumed", request_id=request_id, timeout_seconds=TAKEN_OVER_WITHIN_SECONDS)
    first.send(signal.SIGCONT)
    await sandbox.finish()
    await second.closed(request_id)
    # The one that slept goes on with new requests, and has not touched the old one.
    await sandbox.vertex(script=[], generation_seconds=0)
    second.kill()
    again = await sandbox.command("mira", "A sleeper that is awake")
    await outcome(first, again, timeout_seconds=TAKEN_OVER_WITHIN_SECONDS)
    await assert_one_video(first, request_id)
    await assert_one_video(first, again)
    assert not [line for line in first.log("request.closed") if str(line.fields["request_id"]) == request_id]


async def test_all_processes_killed_at_once_lose_nothing(cluster: Cluster, sandbox: SandboxClient) -> None:
    first, second = cluster.bot("first"), cluster.bot("second")
    for bot in (first, second):
        await bot.start()
    await sandbox.vertex(script=HANG)
    asked = [await sandbox.command("mira", f"A phoenix, number {number}") for number in range(5)]
    # As many as there are slots, whoever of the two carries them.
    await sandbox.wait_for_count(3, kind="submission")
    first.kill()
    second.kill()
    await sandbox.vertex(script=[], generation_seconds=0)
    await sandbox.finish()
    await asyncio.gather(first.start(), second.start())
    for request_id in asked:
        await first.closed(request_id, timeout_seconds=TAKEN_OVER_WITHIN_SECONDS)
        await assert_one_video(first, request_id)


async def test_a_worker_leaves_in_time_though_postgresql_hangs(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    with running_server() as server, fresh_database(server.url) as url:
        cluster = Cluster(tmp_path, sandbox, url)
        bot = cluster.bot("alone")
        try:
            await bot.start()
            await sandbox.vertex(script=HANG)
            request_id = await sandbox.command("mira", "A frozen lake")
            await bot.reaches(request_id, "generating")
            with frozen(server):
                bot.send(signal.SIGTERM)
                await bot.until(lambda: not bot.process.running, "the bot has left", 6)
            assert bot.process.exit_code == 0
            assert stopping_seconds(bot) < 5
        finally:
            cluster.kill()


def stopping_seconds(bot: ClusterBot) -> float:
    """Return how long the bot took to leave, by its own log."""
    [stopping], [stopped] = bot.log("bot.stopping"), bot.log("bot.stopped")
    began, ended = (datetime.fromisoformat(str(x.fields["timestamp"])) for x in (stopping, stopped))
    return (ended - began).total_seconds()

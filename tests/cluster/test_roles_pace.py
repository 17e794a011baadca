"""Workers that have far more to tell Discord than it takes: together they keep its limit, and tell everybody once."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import psycopg

from support.bot import is_outcome
from support.cluster import Cluster, ClusterBot
from support.held import TOKEN_DEAD_SECONDS, VISIBLE, files
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry

DISCORD_TAKES = 50
"""Calls by the bot's token in any one second, by Discord's documentation."""
SECOND = timedelta(seconds=1)
CROWDED_SECONDS = 5

WORKERS = ("first", "second", "third")
REQUESTS = 60
EACH_CARRIES = str(REQUESTS // len(WORKERS))
"""So that no worker can take up everything before the others have come."""
ASKED_AT_ONCE = 15
"""Few enough for the gateway to answer all of them in Discord's three seconds."""

NOT_BY_TOKEN = ("discord.callback", "discord.original.", "discord.webhook.", "discord.attachment")
"""Routes that an interaction's token opens, and files, for which nobody needs any."""
NO_CALL = ("discord.gateway", "discord.gateway.url")
"""The gateway's own connection, and its address, for which Discord wants no token."""


async def test_workers_together_keep_discords_limit_while_they_have_much_more_to_say(
    cluster: Cluster, sandbox: SandboxClient
) -> None:
    await watch_calls(sandbox)
    gateway = await cluster.gateway()
    await sandbox.vertex(generation_seconds=0)
    asked = await asked_long_ago(gateway, REQUESTS)
    forget_acknowledgements(cluster, asked[::2])
    before = await sandbox.last_seq()
    settings = {"VEOBOT_WORKER_CONCURRENCY": EACH_CARRIES, "VEOBOT_CONCURRENT_GENERATIONS": str(REQUESTS)}
    workers = await asyncio.gather(*(cluster.worker(name, **settings) for name in WORKERS))
    await sandbox.wait_for_count(REQUESTS, is_post, kind="message", after=before, timeout_seconds=60)
    await gateway.until(lambda: all(row["closed_at"] for row in gateway.rows()), "all are closed", 60)

    entries = await sandbox.ledger()
    calls = [entry for entry in entries if is_by_bots_token(entry)]
    assert len(calls) >= 4 * REQUESTS
    most_in_a_second = len(busiest(calls, SECOND))
    assert most_in_a_second <= DISCORD_TAKES
    assert not [e for e in entries if e.kind == "refusal" and e.fields["status"] == 429]
    # The limit kept them back, and not their own slowness; and it was not one of them alone.
    crowd = busiest(calls, CROWDED_SECONDS * SECOND)
    calls_a_second = len(crowd) / CROWDED_SECONDS
    assert calls_a_second > DISCORD_TAKES / 2
    belongs_to = requests_by_message(entries)
    written = {belongs_to[e.text("message_id")] for e in crowd_writes(entries, crowd)}
    shares = [closed_by(worker) for worker in workers]
    assert sum(bool(written & share) for share in shares) > 1
    # However often a worker was sent away, everybody was told, and nobody twice.
    assert sorted(request_id for share in shares for request_id in share) == sorted(asked)
    told = outcomes(entries, belongs_to)
    assert {request_id: len(messages) for request_id, messages in told.items()} == dict.fromkeys(asked, 1)
    assert all(files(entry) == 1 for messages in told.values() for entry in messages.values())


# -- what there is to do


async def asked_long_ago(gateway: ClusterBot, count: int) -> list[str]:
    """Have members ask, each in a channel of their own, by interactions whose tokens are dead by now."""
    asked: list[str] = []
    for number in range(count):
        channel = await gateway.world.create_channel(f"studio-{number}")
        prompt = f"A choir of {number} voices"
        asked.append(
            await gateway.world.command("mira", prompt, channel=channel, asked_seconds_ago=TOKEN_DEAD_SECONDS)
        )
        if len(asked) % ASKED_AT_ONCE == 0:
            await gateway.world.wait_for_count(len(asked), kind="acknowledged")
    recorded = "all acknowledgements are recorded"
    await gateway.until(lambda: sum(bool(r["placeholder_id"]) for r in gateway.rows()) == count, recorded)
    return asked


def forget_acknowledgements(cluster: Cluster, request_ids: Iterable[str]) -> None:
    """Leave these as a gateway does that dies between its answer to the member and its record of it."""
    with psycopg.connect(cluster.url) as connection:
        connection.execute(
            "UPDATE requests SET acknowledged_at = NULL, placeholder_id = NULL WHERE id = ANY(%s)",
            [[int(request_id) for request_id in request_ids]],
        )


# -- what the ledger says of it


async def watch_calls(sandbox: SandboxClient) -> None:
    """Have each call of Discord enter the ledger as it comes in: as a delay of no length."""
    await sandbox.fault("discord.*", "delay_before", seconds=0, probability=1)


def is_by_bots_token(entry: Entry) -> bool:
    """Whether it is a call that Discord counts for the bot."""
    if entry.kind != "fault":
        return False
    endpoint = entry.text("endpoint")
    return endpoint not in NO_CALL and not endpoint.startswith(NOT_BY_TOKEN)


def busiest(calls: Sequence[Entry], span: timedelta) -> Sequence[Entry]:
    """Return the calls of the fullest such span, wherever one begins to count."""
    times = [call.at for call in calls]
    spans = ((begin, bisect_left(times, at + span)) for begin, at in enumerate(times))
    begin, end = max(spans, key=lambda of: of[1] - of[0])
    return calls[begin:end]


def is_post(entry: Entry) -> bool:
    """Whether it is a new message that the bot posted by itself."""
    return entry.kind == "message" and entry.fields["nonce"] is not None


def crowd_writes(entries: Sequence[Entry], crowd: Sequence[Entry]) -> Sequence[Entry]:
    """Return the messages and edits that came of these calls."""
    return [e for e in entries if e.kind in VISIBLE and crowd[0].at <= e.at <= crowd[-1].at]


def closed_by(worker: ClusterBot) -> set[str]:
    """Return the requests that a worker carried to their end."""
    return {str(line.fields["request_id"]) for line in worker.log("request.closed")}


def requests_by_message(entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return whose each message is: a placeholder, or a reply to one."""
    found: dict[str, str] = {}
    for entry in entries:
        if entry.kind == "message":
            own = entry.fields["interaction_id"]
            found[entry.text("message_id")] = str(own) if own else found[entry.text("reply_to")]
    return found


def outcomes(entries: Sequence[Entry], belongs_to: Mapping[str, str]) -> Mapping[str, Mapping[str, Entry]]:
    """Return for each request the messages that ever showed an outcome of it, each as it last did."""
    told: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.kind in VISIBLE and (is_outcome(entry.text("content")) or files(entry)):
            message_id = entry.text("message_id")
            told[belongs_to[message_id]][message_id] = entry
    return told

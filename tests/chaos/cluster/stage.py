"""One campaign against a cluster: its processes, members who keep asking, the strikes, and the judgement."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from chaos.campaign.acts import Tally
from chaos.campaign.crowd import Crowd
from chaos.campaign.dossier import Archive
from chaos.campaign.judge import Evidence
from chaos.campaign.mishaps import Mishaps
from chaos.campaign.stage import GENERATION_DEADLINE, SETTINGS, SUBMIT_TIMEOUT
from chaos.campaign.videos import look_at_videos
from chaos.cluster.acts import ClusterActs, Departure, WaitingLine
from chaos.cluster.fleet import Fleet, running_fleet
from chaos.cluster.judge import ClusterEvidence, ClusterVerdict, judge_cluster
from chaos.cluster.plan import Strike

SLOTS = 8
"""Few enough that a rush has to stand in line."""
GENERATION_SECONDS = 2.0
"""Long enough that a kill catches some videos under way; all slots together make thrice as many as members ask for."""
PROGRESS_SECONDS = 3.0
"""While the cluster is in trouble, many stand in line; to show each its place twice a second takes a whole core."""

CLUSTER_SETTINGS = {
    **SETTINGS,
    "VEOBOT_CONCURRENT_GENERATIONS": str(SLOTS),
    "VEOBOT_PROGRESS_INTERVAL_SECONDS": f"{PROGRESS_SECONDS:g}",
    # The limit that is looked at here is that of the slots.
    "VEOBOT_VERTEX_REQUESTS_PER_MINUTE": "10000",
}


@dataclass(slots=True)
class ClusterOutcome:
    """What became of one campaign."""

    verdict: ClusterVerdict
    ways: Counter[str]
    kills: int
    caught: Counter[str]
    checks: int
    unclosed: int
    tokens_left: int
    broken: list[str]
    seconds: float


@dataclass(slots=True)
class ClusterCampaign:
    """Run once.

    Args:
        directory: for everybody's files.
        patience_seconds: how long everything may take to drain at the end.
        tally: shows how far it is.
    """

    directory: Path
    seed: int
    strikes: list[Strike]
    workers: int = 3
    gateways: int = 2
    patience_seconds: float = 120.0
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> ClusterOutcome:
        """Strike, drain, judge; no process is left behind."""
        began = time.monotonic()
        async with running_fleet(self.directory, self.seed, CLUSTER_SETTINGS) as fleet:
            for number in range(1, self.gateways + 1):
                await fleet.add(f"gateway-{number}", "gateway")
            for number in range(1, self.workers + 1):
                await fleet.add(f"worker-{number}", "worker")
            crowd = Crowd(fleet.sandbox.client, self.seed)
            await crowd.set_the_stage(GENERATION_SECONDS)
            acts = ClusterActs(fleet, crowd, self.tally, slots=SLOTS)
            await acts.perform(self.strikes, patience_seconds=self.patience_seconds)
            evidence = await gathered(fleet, SLOTS, acts.departures, acts.lines)
            return ClusterOutcome(
                verdict=judge_cluster(evidence),
                ways=self.tally.ways,
                kills=self.tally.kills,
                caught=fleet.records.caught,
                checks=fleet.records.checks,
                unclosed=fleet.records.unclosed(),
                tokens_left=fleet.records.tokens_left(),
                broken=fleet.broken,
                seconds=time.monotonic() - began,
            )


async def gathered(
    fleet: Fleet, slots: int, departures: list[Departure], lines: list[WaitingLine]
) -> ClusterEvidence:
    """Return all that there is to judge, and keep the ledger beside the processes' files."""
    watch, records = fleet.watch, fleet.records
    await watch.catch_up()
    watch.write(fleet.directory / "ledger.jsonl")
    requests = Evidence(
        entries=watch.entries,
        requests=records.rows("requests"),
        submissions=records.rows("submissions"),
        mishaps=Mishaps(),
        wrong_videos=await look_at_videos(Archive(watch.entries), fleet.sandbox.url),
        submit_timeout=SUBMIT_TIMEOUT,
        generation_deadline=GENERATION_DEADLINE,
    )
    return ClusterEvidence(
        requests=requests,
        transitions=records.rows("transitions"),
        timeline=fleet.timeline,
        gateways=fleet.names("gateway"),
        workers=fleet.names("worker"),
        slots=slots,
        departures=departures,
        lines=lines,
    )

"""What the ledger, the rows and the timeline prove of a cluster, beside what is proven of each request."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chaos.campaign.judge import Evidence, Verdict, judge
from chaos.campaign.memory import Row
from chaos.campaign.report import named
from chaos.cluster.acts import Departure, WaitingLine
from chaos.cluster.answers import Answers, look_at_answers
from chaos.cluster.queues import Queues, look_at_queues
from chaos.cluster.takeovers import Takeovers, look_at_takeovers
from chaos.cluster.timeline import Timeline
from chaos.cluster.windows import Crowding, look_at_crowding


@dataclass(frozen=True, slots=True)
class ClusterEvidence:
    """Everything that is judged.

    Attributes:
        requests: what the judge of requests asks for.
        transitions: the rows' journal.
        gateways, workers: the names of all that there ever were.
        slots: how many videos the cluster makes at once.
    """

    requests: Evidence
    transitions: Sequence[Row]
    timeline: Timeline
    gateways: Collection[str]
    workers: Collection[str]
    slots: int
    departures: Sequence[Departure] = ()
    lines: Sequence[WaitingLine] = ()


@dataclass(frozen=True, slots=True)
class ClusterVerdict:
    """The judgement of one cluster."""

    requests: Verdict
    answers: Answers
    crowding: Crowding
    takeovers: Takeovers
    queues: Queues

    @property
    def broken(self) -> list[str]:
        """Every promise that was broken, as a line."""
        return [*named(self.requests), *self.broken_together]

    @property
    def broken_together(self) -> list[str]:
        """Those that are about no single request."""
        return [
            *self.answers.unanswered,
            *self.answers.twice,
            *self.crowding.too_many,
            *self.takeovers.slow,
            *self.queues.out_of_order,
        ]


def judge_cluster(evidence: ClusterEvidence) -> ClusterVerdict:
    """Judge everything."""
    requests, timeline = evidence.requests, evidence.timeline
    return ClusterVerdict(
        requests=judge(requests),
        answers=look_at_answers(requests.entries, requests.requests, timeline, evidence.gateways),
        crowding=look_at_crowding(
            requests.entries,
            requests.submissions,
            slots=evidence.slots,
            submit_timeout=requests.submit_timeout,
            generation_deadline=requests.generation_deadline,
        ),
        takeovers=look_at_takeovers(evidence.departures, evidence.transitions, timeline, evidence.workers),
        queues=look_at_queues(evidence.lines, requests.entries, evidence.slots),
    )

"""The clusters' judge, on ledgers, rows and timelines written by hand: each promise can be seen broken."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from chaos.campaign.judge import Broken, Evidence
from chaos.cluster.acts import Departure, End, WaitingLine
from chaos.cluster.answers import DISCORDS_FIRST_MS, Answers, look_at_answers
from chaos.cluster.judge import ClusterEvidence, judge_cluster
from chaos.cluster.line import Cut
from chaos.cluster.plan import Way, draw_plan, ended_by
from chaos.cluster.queues import ROUNDS, look_at_queues
from chaos.cluster.takeovers import look_at_takeovers
from chaos.cluster.timeline import DATABASE, Span, Timeline, Trouble
from chaos.cluster.windows import Crowding, look_at_crowding
from chaos.deploy_drill.drill import DrillOutcome, Replacement
from chaos.deploy_drill.report import DrillReport
from support.chaos_ledger import BEGAN, Story, told
from veobot.sandbox.ledger import Entry, JsonValue

GATEWAYS = ("gateway-1", "gateway-2")
WORKERS = ("worker-1", "worker-2")
SLOTS = 2
SUBMIT_TIMEOUT, DEADLINE = timedelta(seconds=4), timedelta(seconds=12)


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def milliseconds(seconds: float) -> int:
    return int((BEGAN + at(seconds)).timestamp() * 1000)


def entry(seconds: float, kind: str, **fields: JsonValue) -> Entry:
    return Entry(int(seconds * 10) + 1, BEGAN + at(seconds), kind, fields)


def trouble(who: str, what: Trouble, since: float, until: float | None = None) -> Span:
    return Span(who, what, BEGAN + at(since), None if until is None else BEGAN + at(until))


# -- answers

COMMAND = str((milliseconds(10) - DISCORDS_FIRST_MS) << 22)


def answers(*answered: Entry, spans: Sequence[Span] = (), stored: bool = False) -> Answers:
    """A command that is asked in second 10."""
    rows = [{"id": int(COMMAND)}] if stored else []
    asked = entry(10, "interaction", id=COMMAND, prompt="A lighthouse")
    return look_at_answers([asked, *answered], rows, Timeline(list(spans)), GATEWAYS)


def answer(*, ephemeral: bool) -> Entry:
    return entry(11, "acknowledged", interaction_id=COMMAND, message_id="41", ephemeral=ephemeral)


def test_an_acceptance_and_a_refusal_are_both_answers() -> None:
    assert answers(answer(ephemeral=False)) == Answers(asked=1, accepted=1)
    assert answers(answer(ephemeral=True)) == Answers(asked=1, refused=1)


def test_two_answers_are_one_too_many() -> None:
    (found,) = answers(answer(ephemeral=True), answer(ephemeral=False)).twice
    assert COMMAND in found


@pytest.mark.parametrize("stored", [True, False])
def test_a_command_without_an_answer_is_found_where_a_gateway_lived(stored: bool) -> None:
    one_dead = [trouble("gateway-1", Trouble.DOWN, 0)]
    (found,) = answers(spans=one_dead, stored=stored).unanswered
    assert COMMAND in found
    assert "gateway-2" in found


def test_no_gateway_no_answer() -> None:
    both_dead = [trouble("gateway-1", Trouble.STOPPED, 0, 20), trouble("gateway-2", Trouble.LEAVING, 12, 13)]
    assert answers(spans=both_dead) == Answers(asked=1, nobody_lived=1)


def test_a_gateway_that_is_cut_off_has_to_say_so() -> None:
    cut_off = [trouble(name, Trouble.CUT, 0) for name in GATEWAYS]
    assert len(answers(spans=cut_off).unanswered) == 1


def test_what_fell_with_its_gateway_is_excused_only_if_that_had_committed_it() -> None:
    killed = [trouble("gateway-1", Trouble.DOWN, 10.5)]
    assert answers(spans=killed, stored=True) == Answers(asked=1, fell_with_it=1)
    assert len(answers(spans=killed, stored=False).unanswered) == 1


def test_a_command_that_comes_a_day_late_needs_no_answer() -> None:
    late = Entry(1, BEGAN + timedelta(days=2), "interaction", {"id": COMMAND, "prompt": "A lighthouse"})
    assert look_at_answers([late], [], Timeline(), GATEWAYS) == Answers()


# -- videos at once


def submission(number: int, seconds: float) -> Entry:
    return entry(
        seconds, "submission", operation=f"operations/{number}", storage_uri=f"gs://b/veo/{number}/1/"
    )


def finished(number: int, seconds: float) -> Entry:
    return entry(seconds, "finished", operation=f"operations/{number}", result="done", object="gs://b/x")


def crowding(*entries: Entry, intended: float | None = None) -> Crowding:
    """`intended` is when the last submission's intent was committed; else just before it."""
    begun = [e for e in entries if e.kind == "submission"]
    rows = [
        {
            "prefix": str(e.fields["storage_uri"]).removeprefix("gs://b/"),
            "intended_at": int(e.at.timestamp() * 1000),
        }
        for e in begun
    ]
    if intended is not None:
        rows[-1]["intended_at"] = milliseconds(intended)
    return look_at_crowding(
        entries, rows, slots=SLOTS, submit_timeout=SUBMIT_TIMEOUT, generation_deadline=DEADLINE
    )


def test_as_many_videos_as_there_are_slots_break_nothing() -> None:
    found = crowding(submission(1, 0), submission(2, 1), finished(1, 2), submission(3, 3))
    assert found == Crowding(most=2)


def test_one_video_more_than_slots_is_found() -> None:
    found = crowding(submission(1, 0), submission(2, 1), submission(3, 2), finished(1, 3))
    assert found.most == 3
    (line,) = found.too_many
    assert "3 videos" in line


def test_a_video_past_its_deadline_has_no_slot() -> None:
    assert crowding(submission(1, 0), submission(2, 11), submission(3, 12.1)).too_many == []


def test_what_a_process_sent_when_it_woke_is_counted_apart() -> None:
    found = crowding(submission(1, 20), submission(2, 21), submission(3, 22), intended=2)
    assert (found.most, found.late, found.too_many) == (3, 1, [])


# -- takeovers


def takeovers(
    end: End, *journal: tuple[float, int, str], spans: Sequence[Span] = ()
) -> tuple[list[float], list[str]]:
    """`worker-1` is lost in second 10, with request 7 under epoch 2."""
    rows = [
        {"request_id": 7, "at": milliseconds(seconds), "epoch": epoch, "event": event}
        for seconds, epoch, event in journal
    ]
    departure = Departure("worker-1", end, BEGAN + at(10), {7: 2})
    found = look_at_takeovers([departure], rows, Timeline(list(spans)), WORKERS)
    return found.seconds[end], found.slow


def test_a_takeover_within_thirty_seconds_breaks_nothing() -> None:
    assert takeovers(End.KILLED, (9, 2, "generating"), (29, 3, "claimed")) == ([19.0], [])


def test_a_takeover_after_thirty_seconds_is_found() -> None:
    seconds, slow = takeovers(End.KILLED, (41, 3, "claimed"))
    assert seconds == [31.0]
    assert len(slow) == 1


def test_only_time_in_which_somebody_could_take_over_counts() -> None:
    spans = [
        trouble(DATABASE, Trouble.DOWN, 12, 20),
        trouble("worker-1", Trouble.DOWN, 10),
        trouble("worker-2", Trouble.CUT, 30, 35),
    ]
    assert takeovers(End.KILLED, (45, 3, "claimed"), spans=spans) == ([22.0], [])


def test_who_is_told_to_leave_hands_over_at_once() -> None:
    assert takeovers(End.TERMINATED, (11, 2, "outcome"), (14, 3, "claimed")) == ([4.0], [])
    assert len(takeovers(End.TERMINATED, (25, 3, "claimed"))[1]) == 1


def test_what_a_leaving_process_ends_itself_is_no_takeover() -> None:
    assert takeovers(End.TERMINATED, (11, 2, "outcome"), (12, 2, "closed")) == ([], [])


def test_who_is_cut_off_while_it_leaves_is_missed_like_a_killed_one() -> None:
    cut_off = [trouble("worker-1", Trouble.CUT, 9, 20)]
    assert takeovers(End.TERMINATED, (30, 3, "claimed"), spans=cut_off) == ([20.0], [])


# -- order


@pytest.mark.parametrize(
    ("began", "moved"), [([1, 2, 3, 4, 5], 0), ([2, 1, 4, 5, 3], 2), ([2, 3, 4, 5, 1], 4)]
)
def test_a_line_that_begins_out_of_order_is_found(began: list[int], moved: int) -> None:
    entries = [submission(number, 20 + place) for place, number in enumerate(began)]
    found = look_at_queues([WaitingLine([1, 2, 3, 4, 5], BEGAN)], entries, SLOTS)
    assert (found.in_line, found.overtaken_by) == (5, moved)
    assert bool(found.out_of_order) == (moved >= ROUNDS * SLOTS)


def test_newer_ones_that_nobody_had_carried_are_told_and_not_held_against_anybody() -> None:
    entries = [submission(number, 20 + place) for place, number in enumerate([5, 1, 6, 2, 7])]
    found = look_at_queues([WaitingLine([1, 2], BEGAN)], entries, SLOTS)
    assert (found.newer_first, found.overtaken_by, found.out_of_order) == (2, 0, [])


# -- all together


def evidence(story: Story, *departures: Departure) -> ClusterEvidence:
    requests = Evidence(
        entries=story.entries,
        requests=[story.row],
        submissions=[{**row, "prefix": "veo/1/1/"} for row in story.submissions],
        mishaps=story.mishaps,
        wrong_videos={},
        submit_timeout=SUBMIT_TIMEOUT,
        generation_deadline=DEADLINE,
    )
    late = {"request_id": 7, "at": milliseconds(60), "epoch": 3, "event": "claimed"}
    return ClusterEvidence(requests, [late], Timeline(), GATEWAYS, WORKERS, SLOTS, departures)


def test_a_cluster_that_kept_every_promise_has_nothing_against_it() -> None:
    assert judge_cluster(evidence(told())).broken == []


def test_a_second_outcome_and_a_late_takeover_are_both_held_against_it() -> None:
    story = told()
    story.post()
    verdict = judge_cluster(evidence(story, Departure("worker-1", End.KILLED, BEGAN, {7: 2})))
    assert [finding.broken for finding in verdict.requests.findings] == [Broken.TOLD_TWICE]
    told_twice, late = verdict.broken
    assert Broken.TOLD_TWICE.value in told_twice
    assert "no sign of life for 60.0 workable seconds" in late


# -- a rolling deploy


def drill_of(story: Story, *spans: Span) -> DrillReport:
    """The report on a deploy in which one worker was replaced."""
    departure = Departure("worker-1", End.TERMINATED, BEGAN + at(57), {7: 2})
    verdict = judge_cluster(replace(evidence(story, departure), timeline=Timeline(list(spans))))
    replaced = [Replacement("worker-1-new", ready_seconds=1.0, left_seconds=0.2, departure=departure)]
    return DrillReport(DrillOutcome(verdict, replaced, 0, 0, [], seconds=60.0), "again")


def asked_again(story: Story, *, answered: bool) -> Story:
    """A second command, at a time at which the first was asked long ago."""
    command = entry(70, "interaction", id=str((milliseconds(70) - DISCORDS_FIRST_MS) << 22), prompt="Another")
    story.entries.append(command)
    if answered:
        request_id = command.text("id")
        story.entries.append(
            entry(71, "acknowledged", interaction_id=request_id, message_id="42", ephemeral=True)
        )
    return story


def test_a_deploy_that_nobody_notices_passes() -> None:
    report = drill_of(told())
    assert report.reasons == []
    assert report.passed
    assert (report.summary()["handed_over"], report.summary()["handover_worst_seconds"]) == (1, 3.0)


@pytest.mark.parametrize(
    ("answered", "spans", "reason"),
    [
        (True, [], "1 commands were refused"),
        (False, [], "never answered, though gateway-1, gateway-2 lived"),
        (False, [trouble(name, Trouble.DOWN, 60) for name in GATEWAYS], "1 commands were not answered"),
    ],
)
def test_a_deploy_in_which_a_command_is_refused_or_not_answered_fails(
    answered: bool, spans: Sequence[Span], reason: str
) -> None:
    report = drill_of(asked_again(told(), answered=answered), *spans)
    (found,) = report.reasons
    assert reason in found
    assert not report.passed


def test_a_deploy_that_tells_somebody_twice_fails() -> None:
    story = told()
    story.post()
    (reason,) = drill_of(story).reasons
    assert Broken.TOLD_TWICE.value in reason


# -- the plan


def test_the_same_seed_draws_the_same_campaign() -> None:
    assert draw_plan(7, 50, 3) == draw_plan(7, 50, 3)
    assert draw_plan(7, 50, 3) != draw_plan(8, 50, 3)


@pytest.mark.parametrize("kills", [1, 6, 50])
def test_a_plan_ends_as_many_processes_as_were_asked_for(kills: int) -> None:
    for seed in range(20):
        strikes = draw_plan(seed, kills, 3)
        assert sum(ended_by(strike, 3) for strike in strikes) == kills


def test_fifty_kills_come_with_every_kind_of_mishap() -> None:
    for seed in range(20):
        strikes = draw_plan(seed, 50, 3)
        assert {strike.way for strike in strikes} == set(Way)
        assert {strike.cut for strike in strikes if "cut off" in strike.way.value} == set(Cut)

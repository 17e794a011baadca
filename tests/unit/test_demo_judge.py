"""The demo's judge, on ledgers written by hand: each way to break the promise is found, and only that."""

from support.demo_ledger import HandLedger, before_the_kill, complete, expired, placeholder_id, user_id, video
from veobot.demo.judge import Fault, Verdict, judge
from veobot.demo.scenario import ASKS

RED_FOX, BOAT, LIGHTHOUSE, POT, HUMMINGBIRD, TRAIN, CASTLE, GLOBE = ASKS


def judged(ledger: HandLedger, restarted_after: int, **wrong_videos: str) -> Verdict:
    return judge(
        ledger.entries,
        restarted_after=restarted_after,
        expected=len(ASKS),
        wrong_videos={ASKS[int(name[1:]) - 1].prompt: why for name, why in wrong_videos.items()},
    )


def run_without(number: int) -> tuple[HandLedger, int]:
    """Return a run in which all but this request ended well, and where the restart lies."""
    ledger = before_the_kill()
    restarted_after = ledger.last_seq
    complete(ledger, without=number)
    return ledger, restarted_after


def faults(verdict: Verdict) -> dict[int, tuple[Fault, ...]]:
    numbers = {ask.prompt: ask.number for ask in ASKS}
    return {numbers[judged.prompt]: judged.faults for judged in verdict.requests if judged.faults}


def test_a_flawless_run_passes() -> None:
    verdict = judged(*run_without(0))

    assert verdict.passed
    assert not faults(verdict)
    assert verdict.resumed_before_new is True
    assert len(verdict.interrupted) == 7


def test_a_member_who_heard_nothing_is_lost() -> None:
    verdict = judged(*run_without(3))

    assert not verdict.passed
    assert faults(verdict) == {3: (Fault.LOST,)}


def test_progress_is_no_outcome() -> None:
    ledger, restarted_after = run_without(3)
    ledger.say(LIGHTHOUSE, "🎬 **Still making your video: about 90 %**")

    assert faults(judged(ledger, restarted_after)) == {3: (Fault.LOST,)}


def test_an_outcome_that_is_overwritten_is_lost() -> None:
    ledger, restarted_after = run_without(0)
    ledger.say(LIGHTHOUSE, "🎬 **Still making your video: about 90 %**")

    assert faults(judged(ledger, restarted_after)) == {3: (Fault.LOST,)}


def test_an_outcome_that_is_deleted_is_lost() -> None:
    ledger, restarted_after = run_without(0)
    ledger.add("delete", message_id=placeholder_id(LIGHTHOUSE), channel_id="900")

    assert faults(judged(ledger, restarted_after)) == {3: (Fault.LOST,)}


def test_the_same_edit_again_is_one_telling() -> None:
    ledger, restarted_after = run_without(0)
    ledger.deliver(HUMMINGBIRD)

    assert judged(ledger, restarted_after).passed


def test_a_second_message_with_the_video_is_told_twice() -> None:
    ledger, restarted_after = run_without(0)
    ledger.post(HUMMINGBIRD)

    assert faults(judged(ledger, restarted_after)) == {5: (Fault.TOLD_TWICE,)}


def test_a_second_submission_is_paid_twice() -> None:
    ledger, restarted_after = run_without(0)
    ledger.pay(BOAT)

    verdict = judged(ledger, restarted_after)

    assert Fault.PAID_TWICE in faults(verdict)[2]


def test_a_second_submission_without_its_label_is_found_by_its_prompt() -> None:
    ledger, restarted_after = run_without(0)
    ledger.add("submission", operation="operations/x", prompt=BOAT.prompt, labels={})

    assert Fault.PAID_TWICE in faults(judged(ledger, restarted_after))[2]


def test_a_video_in_another_members_answer_reached_the_wrong_member() -> None:
    ledger, restarted_after = run_without(3)
    ledger.deliver(BOAT, attachments=[video(LIGHTHOUSE)])

    found = faults(judged(ledger, restarted_after))

    assert Fault.WRONG_MEMBER in found[3]


def test_a_new_message_that_notifies_somebody_else_reached_the_wrong_member() -> None:
    ledger, restarted_after = run_without(6)
    ledger.post(TRAIN, mentions=[user_id(GLOBE)])

    assert faults(judged(ledger, restarted_after)) == {6: (Fault.WRONG_MEMBER,)}


def test_a_new_message_that_notifies_nobody_reached_the_wrong_member() -> None:
    ledger, restarted_after = run_without(6)
    ledger.post(TRAIN, mentions=[])

    assert faults(judged(ledger, restarted_after)) == {6: (Fault.WRONG_MEMBER,)}


def test_a_reason_may_name_its_member_without_notifying_them() -> None:
    ledger, restarted_after = run_without(7)
    ledger.post(CASTLE, attachments=[], mentions=[], content=expired(CASTLE))

    assert judged(ledger, restarted_after).passed


def test_a_reason_that_names_somebody_else_reached_the_wrong_member() -> None:
    ledger, restarted_after = run_without(7)
    text = expired(CASTLE).replace(user_id(CASTLE), user_id(GLOBE))
    ledger.post(CASTLE, attachments=[], mentions=[], content=text)

    assert faults(judged(ledger, restarted_after)) == {7: (Fault.WRONG_MEMBER,)}


def test_an_outcome_in_another_channel_is_in_the_wrong_place() -> None:
    ledger, restarted_after = run_without(6)
    ledger.post(TRAIN, channel_id="901")

    assert faults(judged(ledger, restarted_after)) == {6: (Fault.WRONG_PLACE,)}


def test_an_empty_file_is_no_video() -> None:
    ledger, restarted_after = run_without(4)
    ledger.deliver(POT, attachments=[{**video(POT), "size": 0}])

    assert faults(judged(ledger, restarted_after)) == {4: (Fault.WRONG_VIDEO,)}


def test_a_video_that_does_not_play_is_wrong() -> None:
    ledger, restarted_after = run_without(0)

    assert faults(judged(ledger, restarted_after, n4="it does not play")) == {4: (Fault.WRONG_VIDEO,)}


def test_a_video_that_was_never_paid_for_is_reported() -> None:
    ledger = before_the_kill()
    restarted_after = ledger.last_seq
    complete(ledger, without=7)
    ledger.post(CASTLE)

    assert faults(judged(ledger, restarted_after)) == {7: (Fault.UNPAID,)}


def test_a_new_request_that_starts_before_a_resumed_one_is_found() -> None:
    ledger = before_the_kill()
    restarted_after = ledger.last_seq
    ledger.gateway("ready")
    ledger.ask(GLOBE)
    ledger.pay(GLOBE)
    ledger.pay(RED_FOX)
    for ask in ASKS:
        ledger.deliver(ask) if ask.state is None else ledger.post(ask)

    verdict = judged(ledger, restarted_after)

    assert verdict.resumed_before_new is False
    assert not verdict.passed


def test_nothing_resumed_is_not_in_order() -> None:
    ledger = before_the_kill()
    restarted_after = ledger.last_seq
    ledger.gateway("ready")
    ledger.ask(GLOBE)
    ledger.pay(GLOBE)
    ledger.deliver(GLOBE)

    verdict = judged(ledger, restarted_after)

    assert verdict.resumed_before_new is None
    assert verdict.count(Fault.LOST) == 7
    assert not verdict.passed


def test_a_command_that_never_arrived_fails_the_run() -> None:
    ledger, restarted_after = run_without(0)
    without_castle = [e for e in ledger.entries if e.fields.get("prompt") != CASTLE.prompt]

    verdict = judge(without_castle, restarted_after=restarted_after, expected=len(ASKS))

    assert verdict.missing == 1
    assert not verdict.passed

"""The campaigns' judge, on ledgers written by hand: each promise can be seen broken, and each excuse must be true."""

import pytest

from chaos.campaign.judge import Broken
from chaos.campaign.mishaps import Closing
from support.chaos_ledger import (
    CHANNEL,
    FILE,
    ID,
    LATE,
    PLACEHOLDER,
    PRICE_MICRO_USD,
    PROGRESS,
    REASON,
    Story,
    told,
)
from veobot.sandbox.ledger import JsonValue


def findings(story: Story, *, stored: bool = True) -> set[Broken]:
    return {finding.broken for finding in story.judged(stored=stored).findings}


def test_a_request_that_went_well_breaks_nothing() -> None:
    verdict = told().judged()
    assert verdict.findings == []
    assert (verdict.acknowledged, verdict.told_video, verdict.strays) == (1, 1, [])


def test_a_video_by_a_new_message_breaks_nothing() -> None:
    story = Story()
    story.ask()
    story.pay()
    story.finish()
    story.post()
    story.say("✅ Finished: [see the video](http://127.0.0.1/)")
    assert findings(story) == set()


def test_an_acknowledged_request_that_nobody_heard_of_again_is_lost() -> None:
    story = Story()
    story.ask()
    story.row |= {"closed_at": None, "closure": None, "status": "generating"}
    assert findings(story) == {Broken.LOST, Broken.UNCLOSED}


def test_a_promise_that_is_not_in_the_rows_is_found() -> None:
    assert findings(told(), stored=False) == {Broken.UNSTORED, Broken.UNCOUNTED}


def test_two_messages_with_the_outcome_are_one_too_many() -> None:
    story = told()
    story.post()
    assert findings(story) == {Broken.TOLD_TWICE}


def test_a_reason_that_becomes_a_video_is_found() -> None:
    story = Story()
    story.ask()
    story.pay()
    story.finish()
    story.say(REASON)
    story.deliver()
    assert findings(story) == {Broken.CHANGED, Broken.OVERWRITTEN}


def test_progress_that_stays_on_top_of_the_outcome_is_found() -> None:
    story = told()
    story.say(PROGRESS, attachments=[FILE])
    assert findings(story) == {Broken.OVERWRITTEN}
    story.deliver()
    assert findings(story) == set()


def test_a_second_payment_after_a_recorded_answer_has_no_excuse() -> None:
    story = Story()
    story.ask()
    story.pay()
    story.finish(result="filtered")
    story.pay(attempt=2)
    story.finish(attempt=2)
    story.deliver()
    assert findings(story) == {Broken.PAID_TWICE}


def test_a_second_payment_while_the_first_video_lay_there_has_no_excuse() -> None:
    story = Story()
    story.ask()
    story.pay(operation_known=False)
    story.finish()
    story.pay(attempt=2)
    story.finish(attempt=2)
    story.deliver()
    assert findings(story) == {Broken.PAID_TWICE}


@pytest.mark.parametrize(("result", "after_seconds"), [("filtered", 1.0), ("done", 11 * 60.0)])
def test_a_second_payment_is_excused_where_the_first_brought_nothing_in_time(
    result: str, after_seconds: float
) -> None:
    story = Story()
    story.ask()
    story.pay(operation_known=False)
    story.finish(result=result, after_seconds=after_seconds)
    story.wait(11 * 60.0)
    story.pay(attempt=2)
    story.finish(attempt=2)
    story.deliver()
    verdict = story.judged()
    assert verdict.findings == []
    assert len(verdict.excused) == 1


@pytest.mark.parametrize("result", ["filtered", None])
def test_a_second_payment_before_the_firsts_deadline_has_no_excuse(result: str | None) -> None:
    story = Story()
    story.ask()
    story.pay(operation_known=False)
    if result is not None:
        story.finish(result=result)
    story.wait(10 * 60.0)
    story.pay(attempt=2)
    story.finish(attempt=2)
    story.deliver()
    assert findings(story) == {Broken.PAID_TWICE}


def test_a_third_payment_has_no_excuse() -> None:
    story = Story()
    story.ask()
    for attempt in (1, 2, 3):
        story.pay(attempt=attempt, operation_known=False)
        story.finish(attempt=attempt, result="filtered")
        story.wait(11 * 60.0)
    story.say(REASON)
    assert findings(story) == {Broken.PAID_TWICE}


def test_a_finished_video_that_the_budget_does_not_know_is_found() -> None:
    story = told()
    story.row["charged_micro_usd"] = PRICE_MICRO_USD - 1
    assert findings(story) == {Broken.UNCOUNTED}


def test_what_was_never_acknowledged_may_be_neither_paid_nor_told() -> None:
    story = Story()
    story.ask(acknowledged=False)
    story.pay()
    story.finish()
    story.deliver()
    assert findings(story) == {Broken.PAID_UNPROMISED, Broken.TOLD_UNPROMISED}


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"channel_id": "901"}, Broken.WRONG_PLACE),
        ({"mentions": ["299999999999999999"]}, Broken.WRONG_MEMBER),
        ({"reply_to": "42"}, Broken.WRONG_MEMBER),
        ({"content": LATE.replace("number 0001", "number 0002")}, Broken.WRONG_PROMPT),
        ({"attachments": [FILE, FILE]}, Broken.WRONG_VIDEO),
    ],
)
def test_a_message_that_is_not_this_members_is_found(changes: dict[str, JsonValue], broken: Broken) -> None:
    story = Story()
    story.ask()
    story.pay()
    story.finish()
    story.post(**changes)
    assert findings(story) == {broken}


def test_a_video_paid_with_another_prompt_is_found() -> None:
    story = Story()
    story.ask()
    story.pay(prompt="Something else")
    story.finish()
    story.deliver()
    assert findings(story) == {Broken.WRONG_PROMPT}


def test_a_file_that_is_another_is_found() -> None:
    story = told()
    story.wrong_videos[PLACEHOLDER] = "it is not the video"
    assert findings(story) == {Broken.WRONG_VIDEO}


def test_a_row_of_another_member_or_prompt_is_found() -> None:
    story = told()
    story.row |= {"user_id": 1, "prompt": "Something else"}
    assert findings(story) == {Broken.WRONG_MEMBER, Broken.WRONG_PROMPT}


@pytest.mark.parametrize("closure", ["undeliverable", "withdrawn", "unacknowledged"])
def test_a_closure_that_the_world_does_not_know_is_no_excuse(closure: str) -> None:
    story = Story()
    story.ask()
    story.row["closure"] = closure
    assert findings(story) == {Broken.LOST, Broken.WRONG_CLOSURE}


def test_a_deleted_placeholder_is_an_excuse() -> None:
    story = Story()
    story.ask()
    story.close("withdrawn")
    story.mishaps.deleted_messages.add(PLACEHOLDER)
    verdict = story.judged()
    assert (verdict.findings, verdict.withdrawn) == ([], 1)


def test_a_channel_that_is_closed_is_an_excuse() -> None:
    story = Story()
    story.ask()
    closing = Closing(CHANNEL, since=story.now)
    story.mishaps.closings.append(closing)
    story.wait(2.0)
    story.close("undeliverable")
    closing.until = story.now
    verdict = story.judged()
    assert (verdict.findings, verdict.undeliverable) == ([], 1)


@pytest.mark.parametrize("closed_before", [True, False])
def test_a_channel_that_was_closed_at_another_time_is_none(closed_before: bool) -> None:
    story = Story()
    story.ask()
    if closed_before:
        story.mishaps.closings.append(Closing(CHANNEL, since=story.now, until=story.now))
        story.wait(60.0)
    story.close("undeliverable")
    if not closed_before:
        story.wait(60.0)
        story.mishaps.closings.append(Closing(CHANNEL, since=story.now, deleted=True))
    assert findings(story) == {Broken.LOST, Broken.WRONG_CLOSURE}


def test_a_channel_deleted_after_the_row_was_closed_is_no_withdrawal() -> None:
    story = Story()
    story.ask()
    story.close("withdrawn")
    story.wait(60.0)
    story.mishaps.closings.append(Closing(CHANNEL, since=story.now, deleted=True))
    assert findings(story) == {Broken.LOST, Broken.WRONG_CLOSURE}


def test_what_nobody_could_read_may_be_believed_acknowledged() -> None:
    story = Story()
    story.ask(acknowledged=False)
    story.mishaps.closings.append(Closing(CHANNEL, since=story.now, until=story.now))
    story.wait(60.0)
    story.pay()
    story.finish()
    story.deliver()
    assert findings(story) == set()


def test_what_was_paid_before_its_channel_closed_was_not_believed_acknowledged() -> None:
    story = Story()
    story.ask(acknowledged=False)
    story.pay()
    story.finish()
    story.mishaps.closings.append(Closing(CHANNEL, since=story.now, until=story.now))
    story.deliver()
    assert findings(story) == {Broken.PAID_UNPROMISED}


def test_a_message_that_belongs_to_no_command_is_found() -> None:
    story = told()
    story.post(content="Hello", reply_to=None)
    (stray,) = story.judged().strays
    assert stray.fields["content"] == "Hello"


def test_a_video_paid_for_nobody_is_found() -> None:
    story = told()
    story.add("submission", operation="operations/9", prompt="x", storage_uri="gs://b/elsewhere/1/")
    assert [entry.kind for entry in story.judged().strays] == ["submission"]


def test_a_broken_promise_comes_with_everything_the_ledger_has() -> None:
    story = told()
    story.post()
    (finding,) = story.judged().findings
    assert finding.dossier.id == ID
    assert [entry.kind for entry in finding.dossier.entries] == [
        "interaction", "message", "acknowledged", "submission", "finished", "edit", "message",
    ]  # fmt: skip

"""What a member says besides the prompt's words reaches Google as it was said, whatever happens on the way."""

from collections.abc import Mapping

from support.bot import Bot, StartBot
from support.interrupted import HELD_SECONDS, MINUTE, let_it_notice_the_time, veobot
from support.member_view import FOX, answer, content, outcome, start
from veobot.sandbox.client import SandboxClient
from veobot.sandbox.ledger import Entry, JsonValue

FAST, LITE, DEAR = "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001", "veo-3.1-generate-001"
RAIN = "rain, puddles and “umbrellas”"
OPTIONS: dict[str, JsonValue] = {"negative_prompt": RAIN, "seed": 4_294_967_295, "model": LITE}
PAST_THE_ANSWER_SECONDS = 13 * MINUTE
"""After it a lost answer is waited for no longer: 1 minute for it, 10 for its video."""


def offering(*models: str) -> dict[str, str]:
    return {"VEOBOT_MODELS": ",".join(models)}


async def asked_for(bot: Bot, request_id: str) -> list[Mapping[str, JsonValue]]:
    """Return what each paid submission of a request asked of Google; it must be of the cheap model."""
    entries = await bot.paid(request_id)
    for entry in entries:
        assert entry.fields["model"] == LITE
        assert f"/models/{LITE}/operations/" in str(entry.fields["operation"])
    return [parameters_of(entry) for entry in entries]


def parameters_of(entry: Entry) -> Mapping[str, JsonValue]:
    parameters = entry.fields["parameters"]
    assert isinstance(parameters, Mapping)
    return parameters


def check_as_said(parameters: Mapping[str, JsonValue]) -> None:
    assert (parameters["negativePrompt"], parameters["seed"]) == (RAIN, 4_294_967_295)


def check_not_in_the_log(bot: Bot) -> None:
    """Make sure that neither of the prompts was logged, nor anything that may have been cut out of one."""
    everything = "\n".join(f"{line.event} {dict(line.fields)}" for line in bot.log())
    assert "request.admitted" in everything
    for words in ("umbrellas", "puddles", "red fox"):
        assert words not in everything


async def test_what_the_member_said_is_what_google_is_asked_for_and_what_is_charged(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(**offering(FAST, LITE)))
    await sandbox.vertex(generation_seconds=0)
    request_id = await sandbox.command("mira", FOX, options=OPTIONS)
    row = await bot.closed(request_id)

    [parameters] = await asked_for(bot, request_id)
    check_as_said(parameters)
    assert (row["model"], row["seed"], row["negative_prompt"]) == (LITE, 4_294_967_295, RAIN)
    assert row["charged_micro_usd"] == 200_000
    first = content(await answer(sandbox, request_id))
    assert "4 s, 16:9, 720p, sound on, with a negative prompt" in first
    done = content(await outcome(sandbox, request_id))
    assert "AI-generated with Veo 3.1 Lite · 4 s · 720p · seed 4294967295" in done
    assert "umbrellas" not in first + done
    check_not_in_the_log(bot)
    for more in ((), ("--json",)):
        sheet = await veobot(bot, "requests", "show", request_id, *more)
        assert LITE in sheet.stdout
        assert "umbrellas" not in sheet.stdout
        assert "fox" not in sheet.stdout


async def test_a_request_that_waits_through_a_kill_is_made_as_it_was_asked(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(**offering(FAST, LITE)))
    await sandbox.fault("google.token", "delay_before", seconds=HELD_SECONDS, probability=1)
    request_id = await sandbox.command("mira", FOX, options=OPTIONS)
    await answer(sandbox, request_id)
    bot.kill()
    assert await bot.paid(request_id) == []
    await sandbox.clear_faults()
    await sandbox.vertex(generation_seconds=0)
    # The operator offers it no longer; what was accepted is made all the same.
    restarted = new_bot(**offering(FAST))
    await restarted.start()

    await restarted.closed(request_id)
    [parameters] = await asked_for(restarted, request_id)
    check_as_said(parameters)
    assert "with Veo 3.1 Lite" in content(await outcome(sandbox, request_id))
    check_not_in_the_log(restarted)


async def test_a_second_submission_after_a_lost_answer_asks_for_the_same(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    bot = await start(new_bot(**offering(FAST, LITE)))
    await sandbox.vertex(generation_seconds=0)
    await sandbox.fault("vertex.submit", "drop_before", times=1, contains=RAIN.partition(",")[0])
    request_id = await sandbox.command("mira", FOX, options=OPTIONS)
    await bot.logged("submission.answer_lost", request_id=request_id)
    await bot.restart()
    await sandbox.clock(jump_seconds=PAST_THE_ANSWER_SECONDS)
    await let_it_notice_the_time(bot)

    await bot.closed(request_id)
    [parameters] = await asked_for(bot, request_id)
    check_as_said(parameters)
    assert [row["attempt"] for row in bot.submissions(request_id)] == [1, 2]
    check_not_in_the_log(bot)


async def test_the_chosen_models_price_is_what_the_budget_has_to_hold(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    await start(new_bot(VEOBOT_DAILY_BUDGET_USD="0.50", **offering(FAST, LITE, DEAR)))
    refused = await sandbox.command("mira", FOX, options={"model": DEAR})
    assert "This video costs more than a whole day's budget" in content(await answer(sandbox, refused))
    cheap = [await sandbox.command("mira", FOX, options={"model": LITE}) for _ in range(2)]
    assert [(await answer(sandbox, request_id)).fields["ephemeral"] for request_id in cheap] == [False, False]
    third = await sandbox.command("mira", FOX, options={"model": LITE})
    assert "The budget for videos is used up" in content(await answer(sandbox, third))


async def test_a_model_that_is_offered_no_longer_is_refused_with_those_that_are(
    new_bot: StartBot, sandbox: SandboxClient
) -> None:
    await start(new_bot(**offering(FAST, LITE)))
    refused = await sandbox.command("mira", FOX, options={"model": DEAR}, unchecked=True)
    shown = await answer(sandbox, refused)
    assert shown.fields["ephemeral"] is True
    assert content(shown).startswith(
        "✏️ **I can't do `model` Veo 3.1**\nPossible: Veo 3.1 Fast, Veo 3.1 Lite. Choose one of these"
    )

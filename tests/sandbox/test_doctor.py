"""`veobot doctor` against the sandbox: a bot that is well, and every way in which it was set up wrongly."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import unused_port
from rich.console import Console

from support.doctor import Json, Patient, altered_discord
from support.doctor_cases import ALL_COMMANDS, BOT, CASES, no_command
from support.google_front import google_front
from veobot.doctor import State
from veobot.doctor.machine import space_finding
from veobot.doctor.screen import show_on
from veobot.sandbox.client import SandboxClient

if TYPE_CHECKING:
    from google.cloud import storage  # type: ignore[import-untyped]  # has no annotations


@pytest.fixture
async def patient(sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A bot that is set up well, its commands registered."""
    directory = tmp_path / "bot"
    directory.mkdir()
    monkeypatch.chdir(directory)
    patient = Patient(sandbox, directory, monkeypatch, {})
    credentials = directory / "credentials.json"
    shutil.copy(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"], credentials)
    credentials.chmod(0o600)
    patient.set(**sandbox.environment)
    patient.set(
        VEOBOT_DATA_DIRECTORY=str(directory / "data"), GOOGLE_APPLICATION_CREDENTIALS=str(credentials)
    )
    state = await sandbox.state()
    channels = state["channels"]
    assert isinstance(channels, dict)
    patient.ids = {name.replace("-", "_"): str(number) for name, number in channels.items()}
    patient.ids["directory"] = str(directory)
    await patient.register_commands()
    return patient


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sentence])
async def test_each_wrong_thing_has_one_sentence_and_a_remedy(patient: Patient, name: str) -> None:
    case = CASES[name]
    await case.seed(patient)
    problems = await patient.problems()
    assert [(f.state, f.sentence) for f in problems] == [(case.state, case.sentence.format_map(patient.ids))]
    assert problems[0].fix is not None
    assert case.fix.format_map(patient.ids) in problems[0].fix
    assert problems[0].fix[0].isupper()


def test_no_two_wrong_things_share_a_sentence() -> None:
    sentences = [case.sentence for case in CASES.values()]
    assert len(sentences) >= 15
    assert len(set(sentences)) == len(sentences)


async def test_an_object_that_cannot_be_deleted_is_named(patient: Patient) -> None:
    case = CASES["not deletable"]
    await case.seed(patient)
    [problem] = await patient.problems()
    start = f"{BOT} may write into the bucket, but not delete (HTTP 403): veo/doctor/"
    assert (problem.state, problem.sentence[: len(start)]) == (State.WARNING, start)
    assert case.fix in str(problem.fix)


async def test_a_command_for_adults_only_is_wrong(patient: Patient) -> None:
    await patient.register_commands(nsfw=True)
    assert [(f.state, f.sentence) for f in await patient.problems()] == [
        (State.WARNING, f"{ALL_COMMANDS} are registered in another form (different: age restriction)."),
        (State.WRONG, f"{ALL_COMMANDS} are registered as age-restricted, and hidden from most members."),
    ]


async def test_a_threads_rights_are_those_of_the_channel_around_it(patient: Patient) -> None:
    patient.set(VEOBOT_ALLOWED_CHANNELS=patient.ids["storyboards"])
    await patient.world.change_channel("video-lab", deny=["ATTACH_FILES"])
    [problem] = await patient.problems()
    assert problem.sentence == "In #storyboards (Veo Lab) the bot lacks Attach Files."


async def test_several_missing_permissions_are_told_together(patient: Patient) -> None:
    patient.set(VEOBOT_ALLOWED_CHANNELS=f"{patient.ids['video_lab']},{patient.ids['general']}")
    await patient.world.change_channel("general", deny=["ATTACH_FILES", "READ_MESSAGE_HISTORY"])
    [problem] = await patient.problems()
    assert problem.sentence == "In #general (Veo Lab) the bot lacks Attach Files, Read Message History."


async def test_without_allowed_channels_a_servers_own_permissions_count(patient: Patient) -> None:
    def take_away(guild: Json) -> None:
        for role in guild["roles"]:
            role["permissions"] = str(int(role["permissions"]) & ~(1 << 15))

    guild_id = str((await patient.world.state())["guild_id"])
    async with altered_discord(patient, f"/guilds/{guild_id}", take_away):
        [problem] = await patient.problems()
    assert problem.sentence == "In the server Veo Lab the bot lacks Attach Files."
    assert "Server Settings of Veo Lab, Roles" in str(problem.fix)


async def test_an_endpoint_that_takes_the_commands_away_is_found(patient: Patient) -> None:
    def add_endpoint(application: Json) -> None:
        application["interactions_endpoint_url"] = "https://elsewhere.example/interactions"

    async with altered_discord(patient, "/applications/@me", add_endpoint):
        [problem] = await patient.problems()
    assert problem.sentence == (
        "Discord sends commands to the application's Interactions Endpoint URL, and none to the bot."
    )
    assert "Interactions Endpoint URL" in str(problem.fix)


async def test_a_gateway_with_few_logins_left_is_not_tried(patient: Patient) -> None:
    def use_up(gateway: Json) -> None:
        gateway["session_start_limit"]["remaining"] = 3

    async with altered_discord(patient, "/gateway/bot", use_up):
        [problem] = await patient.problems()
    assert problem.sentence == "Discord allows only 3 more logins today, so the gateway was not tried."
    assert not await patient.world.ledger(kind="gateway")


async def test_a_link_that_iam_will_not_sign_names_the_role(patient: Patient, tmp_path: Path) -> None:
    patient.set(VEOBOT_SIGNING_SERVICE_ACCOUNT="signer@veobot-sandbox.iam.gserviceaccount.com")
    message = "Permission 'iam.serviceAccounts.signBlob' denied"
    body = {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}
    async with google_front(tmp_path, {"iamcredentials.googleapis.com": (403, body)}) as environment:
        patient.set(**environment)
        [problem] = await patient.problems()
    assert problem.sentence.startswith("Links cannot be signed: ")
    assert "roles/iam.serviceAccountTokenCreator" in str(problem.fix)


async def test_a_bucket_that_deletes_too_early_is_looked_at(
    patient: Patient, bucket_sdk: "storage.Bucket"
) -> None:
    def delete_after_two_days() -> None:
        bucket_sdk.add_lifecycle_delete_rule(age=2)
        bucket_sdk.patch()

    await asyncio.to_thread(delete_after_two_days)
    [problem] = await patient.problems()
    assert (problem.state, problem.sentence) == (
        State.WARNING,
        "The bucket deletes videos after 2 days, before their links end after 168 hours.",
    )


def test_a_disk_that_is_nearly_full_is_looked_at(tmp_path: Path) -> None:
    finding = space_finding(tmp_path, needed_bytes=2**60)
    assert finding.state is State.WARNING
    assert finding.sentence.endswith("1,099,511,627,776 MiB are wanted.")


async def test_the_doctor_leaves_nothing_behind(patient: Patient, bucket_sdk: "storage.Bucket") -> None:
    assert await patient.problems() == []
    assert await asyncio.to_thread(lambda: list(bucket_sdk.list_blobs())) == []
    assert sorted(path.name for path in patient.directory.iterdir()) == ["credentials.json"]
    assert not await patient.world.ledger(kind="submission")


async def test_what_depends_on_a_failure_is_not_tried_and_the_rest_is(patient: Patient) -> None:
    patient.set(VEOBOT_DISCORD_TOKEN="MTIz.wrong.token")
    report = await patient.diagnose()
    discord = report.groups["Discord"]
    assert discord[1].sentence == "Way of the commands: not tried, since the bot could not log in."
    assert {f.state for f in discord[1:]} == {State.SKIPPED}
    assert json.loads(json.dumps(report.as_json()))["Discord"][0]["state"] == "wrong"
    assert {f.state for f in (*report.groups["Google"], *report.groups["This machine"])} == {State.OK}


async def test_on_a_terminal_signs_and_words_stand_beside_the_sentences(patient: Patient) -> None:
    patient.set(VEOBOT_DISCORD_TOKEN="MTIz.wrong.token")
    console = Console(width=80, record=True, force_terminal=True, file=(patient.directory / "out").open("w"))
    show_on(console, await patient.diagnose())
    lines = console.export_text().splitlines()
    assert lines[1].rstrip() == "  ✗ wrong     Discord refuses the bot's token."
    assert lines[2].startswith("                → Put the bot's token into VEOBOT_DISCORD_TOKEN:")
    assert lines[-1] == "1 thing to mend, 0 to look at."
    assert max(map(len, lines)) <= 80


# The program itself


async def test_a_bot_that_runs_is_well(patient: Patient) -> None:
    await no_command(patient)
    seq = await patient.world.last_seq()
    bot = await patient.run("run")
    try:
        await patient.world.wait_for(
            lambda e: bool(e.fields["names"]), kind="commands", after=seq, timeout_seconds=30
        )
        code, output = await patient.run_doctor()
    finally:
        bot.terminate()
        await bot.communicate()
    assert (code, output.splitlines()[-1]) == (0, "All is well: 21 checks.")
    assert "wrong" not in output
    assert "The database" in output


async def test_everything_wrong_at_once_is_told_without_a_traceback(patient: Patient) -> None:
    token = "MTIz.secret-but.wrong"
    patient.set(
        VEOBOT_DISCORD_TOKEN=token, GOOGLE_APPLICATION_CREDENTIALS=str(patient.directory / "gone.json")
    )
    await CASES["no database"].seed(patient)
    code, output = await patient.run_doctor()
    assert (code, output.splitlines()[-1]) == (1, "3 things to mend, 0 to look at.")
    assert "Traceback" not in output
    assert token not in output


async def test_without_a_network_it_still_answers(patient: Patient) -> None:
    nowhere = f"127.0.0.1:{unused_port()}"
    patient.set(
        VEOBOT_DISCORD_API_URL=f"http://{nowhere}/api/v10",
        VEOBOT_DISCORD_GATEWAY_URL=f"ws://{nowhere}/gateway",
        VEOBOT_VERTEX_API_URL=f"http://{nowhere}",
        STORAGE_EMULATOR_HOST=f"http://{nowhere}",
    )
    code, output = await patient.run_doctor()
    assert code == 1
    assert "Discord cannot be asked whether the token is right" in output
    assert f"Vertex AI cannot be reached at http://{nowhere}" in output
    assert "The bucket veobot-sandbox cannot be looked at (ConnectionError)." in output
    assert "Traceback" not in output


async def test_wrong_settings_never_reach_the_doctor(patient: Patient) -> None:
    patient.set(VEOBOT_QUOTA="none")
    code, output = await patient.run_doctor()
    assert code == 2
    assert "VEOBOT_QUOTA is 'none'" in output

"""Every way to set a bot up wrongly, and what the doctor says of it."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.doctor import Patient
from veobot.doctor import State
from veobot.sandbox.client import SandboxClient

BOT = "veobot@veobot-sandbox.iam.gserviceaccount.com"
ALL_COMMANDS = "/veo, /veo-history, /veo-quota"
NOWHERE = "1346429466850623999"
VERTEX_DENIED = (
    "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p'."
)
VERTEX_DISABLED = "Vertex AI API has not been used in project 1 before or it is disabled."
VERTEX_BILLING = "This API method requires billing to be enabled. Please enable billing on project #1."


Seed = Callable[[Patient], Awaitable[None]]


def setting(**variables: str) -> Seed:
    """Set variables; {names} in them are ids of channels, or the bot's directory."""

    async def seed(patient: Patient) -> None:
        patient.set(**{name: value.format_map(patient.ids) for name, value in variables.items()})

    return seed


def denied(permission: str) -> Seed:
    async def seed(patient: Patient) -> None:
        patient.set(VEOBOT_ALLOWED_CHANNELS=patient.ids["video_lab"])
        await patient.world.change_channel("video-lab", deny=[permission])

    return seed


def fault(endpoint: str, status: int, message: str = "Denied.") -> Seed:
    async def seed(patient: Patient) -> None:
        await patient.world.fault(endpoint, "error_before", status=status, message=message)

    return seed


def changed_command(**changed: object) -> Seed:
    return lambda patient: patient.register_commands(**changed)


def world(change: Callable[[SandboxClient], Awaitable[None]]) -> Seed:
    return lambda patient: change(patient.world)


async def one_of_two_models(patient: Patient) -> None:
    patient.set(VEOBOT_MODELS="veo-3.1-fast-generate-001,veo-3.1-generate-001")
    await patient.register_commands()
    await patient.world.vertex(models=["veo-3.1-fast-generate-001"])


def file(name: str, content: str, mode: int = 0o600, **variables: str) -> Seed:
    async def seed(patient: Patient) -> None:
        path = patient.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        await setting(**variables)(patient)

    return seed


def database(*statements: str) -> Seed:
    async def seed(patient: Patient) -> None:
        path = patient.directory / "data/veobot.db"
        path.parent.mkdir()
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        path.chmod(0o600)

    return seed


async def no_command(patient: Patient) -> None:
    async with patient.visitor() as client:
        assert client.application_id is not None
        await client.http.bulk_upsert_global_commands(client.application_id, payload=[])


async def another_accounts_key(patient: Patient) -> None:
    await asyncio.to_thread(replace_key, Path(patient.settings["GOOGLE_APPLICATION_CREDENTIALS"]))


def replace_key(path: Path) -> None:
    account = json.loads(path.read_text())
    key = rsa.generate_private_key(65537, 2048)
    account["private_key"] = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path.write_text(json.dumps(account))


async def readable_credentials(patient: Patient) -> None:
    path = patient.directory / "credentials.json"
    path.chmod(0o644)


async def token_in_an_open_file(patient: Patient) -> None:
    token = patient.settings.pop("VEOBOT_DISCORD_TOKEN")
    await file("token", token, 0o640, VEOBOT_DISCORD_TOKEN_FILE="{directory}/token")(patient)
    patient.monkeypatch.setenv("VEOBOT_DISCORD_TOKEN_FILE", patient.settings["VEOBOT_DISCORD_TOKEN_FILE"])


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, the only sentence that is told of it, and what its remedy names."""

    seed: Seed
    sentence: str
    fix: str
    state: State = State.WRONG


IN_THE_LAB = "In #video-lab (Veo Lab) the bot lacks {}."
BUCKET_PAGE = "storage/browser/veobot-sandbox;tab=permissions?project=veobot-sandbox"

CASES = {
    "wrong token": Case(
        setting(VEOBOT_DISCORD_TOKEN="MTIz.wrong.token"),
        "Discord refuses the bot's token.",
        "https://discord.com/developers/applications, your application, Bot, Reset Token",
    ),
    "Discord not reached": Case(
        fault("discord.user.me", 503, "Down."),
        "Discord cannot be asked whether the token is right (Discord answered 503, code 0: Down.).",
        "https://discordstatus.com",
    ),
    "gateway closed": Case(
        world(lambda w: w.gateway("refuse")),
        "The gateway answers HTTP 503 instead of opening a connection.",
        "wss",
    ),
    "commands not listed": Case(
        fault("discord.commands.list", 500, "Oops."),
        "Commands: Discord could not be asked (Discord answered 500, code 0: Oops.).",
        "https://discordstatus.com",
    ),
    "in no server": Case(
        world(lambda w: w.change_guild(bot_present=False)),
        "The bot is in no server.",
        "&scope=bot+applications.commands&permissions=274878024704",
    ),
    "commands missing": Case(
        no_command, f"{ALL_COMMANDS} are not registered with Discord yet.", "veobot run", State.WARNING
    ),
    "commands differ": Case(
        setting(VEOBOT_DEFAULT_DURATION_SECONDS="6"),
        "/veo is registered in another form (different: option duration).",
        "Restart the bot",
        State.WARNING,
    ),
    "unknown channel": Case(
        setting(VEOBOT_ALLOWED_CHANNELS=NOWHERE),
        f"There is no channel {NOWHERE}, which VEOBOT_ALLOWED_CHANNELS names.",
        "Copy Channel ID",
    ),
    "View Channel": Case(
        denied("VIEW_CHANNEL"),
        "The bot may not see the channel {video_lab}, which VEOBOT_ALLOWED_CHANNELS names.",
        "View Channel",
    ),
    "Send Messages": Case(
        denied("SEND_MESSAGES"),
        IN_THE_LAB.format("Send Messages, Embed Links, Attach Files"),  # which go along
        "allow Send Messages,",
    ),
    **{
        name: Case(denied(name.upper().replace(" ", "_")), IN_THE_LAB.format(name), f"allow {name}.")
        for name in (
            "Send Messages in Threads",
            "Attach Files",
            "Embed Links",
            "Read Message History",
        )
    },
    "channel for all ages": Case(
        setting(VEOBOT_AGE_RESTRICTED_ONLY="true", VEOBOT_ALLOWED_CHANNELS="{video_lab},{after_dark}"),
        "#video-lab (Veo Lab) is not age-restricted, so VEOBOT_AGE_RESTRICTED_ONLY keeps /veo out of it.",
        "Age-Restricted Channel",
    ),
    "credentials missing": Case(
        setting(GOOGLE_APPLICATION_CREDENTIALS="{directory}/gone.json"),
        "There are no Google credentials: File {directory}/gone.json was not found.",
        "gcloud auth application-default login",
    ),
    "credentials refused": Case(
        another_accounts_key,
        f"Google gives {BOT} no access token: invalid_grant: Invalid JWT Signature.",
        "iam-admin/serviceaccounts?project=veobot-sandbox",
    ),
    "no role": Case(
        fault("vertex.poll", 403, VERTEX_DENIED),
        f"{BOT} may not use Vertex AI in the project veobot-sandbox: {VERTEX_DENIED}",
        "roles/aiplatform.user",
    ),
    "API off": Case(
        fault("vertex.poll", 403, VERTEX_DISABLED),
        "The Vertex AI API is not enabled in the project veobot-sandbox.",
        "apis/library/aiplatform.googleapis.com?project=veobot-sandbox",
    ),
    "no billing": Case(
        fault("vertex.poll", 403, VERTEX_BILLING),
        "Billing is not enabled for the project veobot-sandbox.",
        "billing/linkedaccount?project=veobot-sandbox",
    ),
    "token not accepted": Case(
        fault("vertex.poll", 401),
        f"Vertex AI does not accept the access token of {BOT}.",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ),
    "Vertex down": Case(
        fault("vertex.poll", 503, "Down."),
        "Vertex AI answered HTTP 503: Down.",
        "https://status.cloud.google.com",
    ),
    "model retired": Case(
        world(lambda w: w.vertex(models=["veo-3.1-lite-generate-001"])),
        "There is no model veo-3.1-fast-generate-001 in us-central1: it was retired, or is not offered there.",
        "Set VEOBOT_MODEL to one that is there: veo-3.1-lite-generate-001.",
    ),
    "offered model retired": Case(
        one_of_two_models,
        "There is no model veo-3.1-generate-001 in us-central1: it was retired, or is not offered there.",
        "Take it out of VEOBOT_MODELS. There are: veo-3.1-fast-generate-001.",
    ),
    "model not shown": Case(
        fault("vertex.model.publisher", 403),
        "The model veo-3.1-fast-generate-001 could not be looked up (HTTP 403).",
        "model-garden",
        State.WARNING,
    ),
    "no bucket": Case(
        setting(VEOBOT_BUCKET="no-such-bucket"),
        "There is no bucket no-such-bucket.",
        "storage/create-bucket?project=veobot-sandbox",
    ),
    "bucket away": Case(
        fault("bucket.list", 503),
        "The bucket veobot-sandbox cannot be looked at (HTTP 503).",
        "storage.googleapis.com",
    ),
    "bucket closed": Case(
        fault("bucket.list", 403, "The billing account for the owning project is disabled in state absent"),
        "The bucket veobot-sandbox is closed: its project's billing is not enabled.",
        "billing/linkedaccount?project=veobot-sandbox",
    ),
    "not listable": Case(
        fault("bucket.list", 403),
        f"{BOT} may not list what is in the bucket veobot-sandbox.",
        f"Give {BOT} the role roles/storage.objectUser on the bucket veobot-sandbox at https://console.cloud.google"
        f".com/{BUCKET_PAGE}.",
    ),
    "not writable": Case(
        fault("bucket.upload", 403),
        f"{BOT} may not write into the bucket veobot-sandbox, so neither may Vertex AI for it.",
        "roles/storage.objectUser (or objectAdmin)",
    ),
    "not deletable": Case(
        fault("bucket.delete", 403),
        "",  # names a random object; see the test
        "roles/storage.objectUser",
        State.WARNING,
    ),
    "link forbidden": Case(
        fault("bucket.signed", 403),
        "A signed link does not open the object (HTTP 403).",
        "roles/storage.objectViewer",
    ),
    "newer database": Case(
        database("CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('9999')"),
        "The database {directory}/data/veobot.db was written by a newer version of veobot.",
        "Run that version, or a newer one",
    ),
    "older database": Case(
        database("CREATE TABLE alembic_version (version_num)"),
        "The database {directory}/data/veobot.db is of an older version.",
        "veobot migrate",
        State.WARNING,
    ),
    "another program's database": Case(
        database("CREATE TABLE songs (title)"),
        "{directory}/data/veobot.db is another program's database.",
        "VEOBOT_DATABASE_URL",
    ),
    "no database": Case(
        file("data/veobot.db", "Dear diary, " * 100),
        "The file {directory}/data/veobot.db is not a database.",
        "Move it away",
    ),
    "data directory": Case(
        file("occupied", "", VEOBOT_DATA_DIRECTORY="{directory}/occupied/data"),
        "The directory {directory}/occupied/data cannot be written: not a directory.",
        "VEOBOT_DATA_DIRECTORY",
    ),
    "credentials readable": Case(
        readable_credentials,
        "{directory}/credentials.json can be read by other users of this machine.",
        "chmod 600 {directory}/credentials.json",
    ),
    "env file readable": Case(
        file(".env", "VEOBOT_QUOTA=5\n", 0o644),
        ".env can be read by other users of this machine.",
        "chmod 600 .env",
    ),
    "token file readable": Case(
        token_in_an_open_file,
        "{directory}/token can be read by other users of this machine.",
        "chmod 600 {directory}/token",
    ),
    "clock behind": Case(
        world(lambda w: w.clock(jump_seconds=3600)),
        "This machine's clock is 60 min behind Discord's.",
        "timedatectl set-ntp true",
        State.WARNING,
    ),
    "clock ahead": Case(
        world(lambda w: w.clock(jump_seconds=-600)),
        "This machine's clock is 10 min ahead of Discord's.",
        "timedatectl set-ntp true",
        State.WARNING,
    ),
}

"""The settings: defaults, secrets in files, and one plain sentence for everything that is wrong."""

import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq
from pydantic import ValidationError

from veobot.config import ConfigurationError, Role, Settings, load_settings

NEEDED = {
    "VEOBOT_DISCORD_TOKEN": "MTQ0.token",
    "VEOBOT_GOOGLE_PROJECT": "my-project-123",
    "VEOBOT_BUCKET": "my-videos",
}


def load(**changes: str) -> Settings:
    return load_settings({**NEEDED, **{f"VEOBOT_{name}": value for name, value in changes.items()}})


def complaints(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return caught.value.sentences


def complaint(**changes: str) -> str:
    (sentence,) = complaints({**NEEDED, **{f"VEOBOT_{name}": value for name, value in changes.items()}})
    return sentence


# -- what holds without a word


def test_three_settings_are_enough_and_the_defaults_are_cheap() -> None:
    settings = load()
    assert settings.discord_token.get_secret_value() == "MTQ0.token"
    assert settings.model == "veo-3.1-fast-generate-001"
    assert (settings.default_duration_seconds, settings.default_resolution) == (4, "720p")
    assert settings.google_location == "us-central1"
    assert settings.concurrent_generations == 3
    assert (settings.quota, settings.quota_window_hours) == (5, 24)
    assert settings.daily_budget_usd == Decimal("5.00")
    assert settings.daily_budget_micro_usd == 5_000_000
    assert settings.allowed_channels == frozenset()
    assert settings.database_url == "sqlite:///data/veobot.db"
    assert settings.discord_api_url is settings.discord_gateway_url is settings.vertex_api_url is None


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert load(QUOTA="", LOG_FORMAT=" ", DATABASE_URL="") == load()


def test_the_database_lies_in_the_data_directory() -> None:
    settings = load(DATA_DIRECTORY="/var/lib/veobot")
    assert settings.database_url == "sqlite:////var/lib/veobot/veobot.db"
    assert settings.database_path == Path("/var/lib/veobot/veobot.db")


def test_channels_are_ids_with_commas_between() -> None:
    settings = load(ALLOWED_CHANNELS=" 144208731234567890, 144208731234567891,")
    assert settings.allowed_channels == {144208731234567890, 144208731234567891}


def test_members_may_choose_the_default_model_alone_where_nothing_else_is_said() -> None:
    assert load().models == ("veo-3.1-fast-generate-001",)
    assert load(MODEL="veo-3.1-generate-001", MODELS="").models == ("veo-3.1-generate-001",)
    assert load(MODELS=" , ").models == ("veo-3.1-fast-generate-001",)


def test_offered_models_are_ids_with_commas_between_in_the_order_of_the_operator() -> None:
    lite, fast = "veo-3.1-lite-generate-001", "veo-3.1-fast-generate-001"
    settings = load(MODELS=f"{lite}, {fast},{lite}")
    assert settings.models == (lite, fast)
    assert settings.option_defaults.models == (lite, fast)
    assert settings.option_defaults.model == fast
    assert settings.redacted()["VEOBOT_MODELS"] == f"{lite},{fast}"


def test_a_wrong_default_model_is_said_once() -> None:
    assert complaint(MODEL="veo-2.0", MODELS="veo-3.1-lite-generate-001").startswith("VEOBOT_MODEL is ")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "PostgreSQL"])
def test_an_address_of_postgresql_is_all_that_many_machines_need(scheme: str) -> None:
    settings = load(DATABASE_URL=f"{scheme}://me:hid%40den@db.example.org:5433/veobot?sslmode=require")
    assert settings.database_url == "postgresql://me:hid%40den@db.example.org:5433/veobot?sslmode=require"
    assert settings.on_postgres
    assert settings.role is Role.ALL
    assert not load().on_postgres


def test_a_percent_sign_of_the_password_is_written_as_a_code() -> None:
    assert load(DATABASE_URL="postgresql://me:100%25@db/veobot").secrets[1:] == ("100%25", "100%")


def test_every_option_that_the_installed_library_knows_may_follow_the_databases_name() -> None:
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} - {"password", "options"}
    address = f"postgresql://me@db/veobot?{'&'.join(f'{name}=1' for name in sorted(known))}"
    assert load(DATABASE_URL=address).database_url == address


def test_shards_are_numbers_and_ranges() -> None:
    assert load(SHARD_IDS="0-2, 5", SHARD_COUNT="8").shard_ids == {0, 1, 2, 5}
    assert (load().shard_count, load().shard_ids) == (None, frozenset())


def test_what_is_said_on_the_command_line_goes_first() -> None:
    environ = {**NEEDED, "VEOBOT_DATABASE_URL": "postgresql://db/veobot", "VEOBOT_ROLE": "worker"}
    assert load_settings(environ, said={"VEOBOT_ROLE": "gateway"}).role is Role.GATEWAY
    assert load_settings(environ, said={"VEOBOT_ROLE": None}).role is Role.WORKER


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        load().quota = 6


# -- what is wrong


def test_every_missing_setting_is_named_at_once() -> None:
    sentences = complaints({})
    assert [sentence.split(" is missing. ")[0] for sentence in sentences] == list(NEEDED)
    assert "Reset Token" in sentences[0]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    sentences = complaints(
        {
            "VEOBOT_GOOGLE_PROJECT": "my-project-123",
            "VEOBOT_BUCKT": "my-videos",
            "VEOBOT_QUOTA": "many",
            "VEOBOT_DEFAULT_RESOLUTION": "1080p",
            "VEOBOT_LOG_LEVEL": "loud",
        }
    )
    assert list(sentences) == [
        "VEOBOT_BUCKT is no setting of veobot: did you mean VEOBOT_BUCKET?",
        "VEOBOT_DISCORD_TOKEN is missing. The bot's token: the Developer Portal, your application, Bot, Reset Token.",
        f"VEOBOT_BUCKET is missing. {Settings.model_fields['bucket'].description}",
        "VEOBOT_DEFAULT_DURATION_SECONDS is wrong: it must be 8 where VEOBOT_DEFAULT_RESOLUTION is 1080p.",
        "VEOBOT_QUOTA is 'many': it must be a whole number.",
        "VEOBOT_LOG_LEVEL is 'loud': it must be one of debug, info, warning, error.",
    ]


@pytest.mark.parametrize(
    ("changes", "demand"),
    [
        ({"QUOTA": "0"}, "at least 1."),
        ({"QUOTA": "2.5"}, "a whole number."),
        ({"CONCURRENT_GENERATIONS": "5001"}, "at most 5000."),
        ({"LINK_LIFETIME_HOURS": "169"}, "at most 168."),
        ({"DAILY_BUDGET_USD": "-1"}, "at least 0."),
        ({"DAILY_BUDGET_USD": "five"}, "a number, such as 2.50."),
        ({"DAILY_BUDGET_USD": "NaN"}, "a number, such as 2.50."),
        ({"POLL_INTERVAL_SECONDS": "inf"}, "a number, such as 2.50."),
        ({"GENERATION_DEADLINE_MINUTES": "0"}, "more than 0."),
        ({"GENERATION_DEADLINE_MINUTES": "0.1"}, "longer than VEOBOT_POLL_INTERVAL_SECONDS."),
        ({"AGE_RESTRICTED_ONLY": "perhaps"}, "true or false."),
        ({"MODEL": "veo-2.0"}, "one of veo-3.1-fast-generate-001, veo-3.1-generate-001, veo-3.1-lite-"),
        ({"MODELS": "veo-3.1-fast-generate-001, veo-2.0"}, "some of veo-3.1-fast-generate-001, veo-3.1-gen"),
        (
            {"MODELS": "veo-3.1-lite-generate-001"},
            "name VEOBOT_MODEL too, which is veo-3.1-fast-generate-001.",
        ),
        ({"DEFAULT_DURATION_SECONDS": "5"}, "one of 4, 6, 8."),
        ({"DEFAULT_RESOLUTION": "4k"}, "one of 720p, 1080p."),
        ({"DEFAULT_ASPECT_RATIO": "1:1"}, "one of 16:9, 9:16."),
        ({"PERSON_GENERATION": "some"}, "one of allow_all, allow_adult, dont_allow."),
        ({"LOG_FORMAT": "xml"}, "one of console, json."),
        ({"BUCKET": "gs://my-videos"}, "by its name alone, such as my-videos."),
        ({"GOOGLE_PROJECT": "My Project"}, "such as my-project-123."),
        ({"ALLOWED_CHANNELS": "144208731234567890,#video-lab"}, "'#video-lab' is no channel's id"),
        (
            {"DATABASE_URL": "mysql://u:secret@db/veobot"},
            "a SQLite file, such as sqlite:///data/veobot.db, or postg",
        ),
        ({"DATABASE_URL": "sqlite://veobot.db"}, "name a SQLite file"),
        ({"DATABASE_URL": "postgresql://"}, "or postgresql://"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:secret@db/veobot"}, "without a driver's name."),
        ({"DATABASE_URL": "postgresql://u:secret@db"}, "end in the database's name"),
        ({"DATABASE_URL": "postgresql://u:secret@db/"}, "end in the database's name"),
        ({"DATABASE_URL": "postgresql://u:secret@db:0/veobot"}, "a number from 1 to 65535"),
        ({"DATABASE_URL": "postgresql://u:secret@db:many/veobot"}, "a number from 1 to 65535"),
        ({"DATABASE_URL": "postgresql://u:sec@ret@db/veobot"}, "@ is %40"),
        ({"DATABASE_URL": "postgresql://u:sec/ret@db/veobot"}, "/ is %2F"),
        ({"DATABASE_URL": "postgresql://u:sec#ret@db/veobot"}, "# is %23"),
        ({"DATABASE_URL": "postgresql://u:sec?ret@db/veobot"}, "? is %3F"),
        ({"DATABASE_URL": "postgresql://u:sec ret@db/veobot"}, "no spaces"),
        ({"DATABASE_URL": "postgresql://u@db/veobot?password=secret"}, "before the host"),
        ({"DATABASE_URL": "postgresql://u:my%secretpw@db/veobot"}, "must be written %25"),
        ({"DATABASE_URL": "postgresql://u:secret%@db/veobot"}, "must be written %25"),
        ({"DATABASE_URL": "postgresql://u:secret%00@db/veobot"}, "must be written %25"),
        ({"DATABASE_URL": "postgresql://u:secret%ff@db/veobot"}, "must be written %25"),
        (
            {"DATABASE_URL": "postgresql://u:secret@db/veobot?foo=1"},
            "options that PostgreSQL's library knows",
        ),
        (
            {"DATABASE_URL": "postgresql://u:secret@db/veobot?sslmode"},
            "options that PostgreSQL's library knows",
        ),
        (
            {"DATABASE_URL": "postgresql://u:secret@db/veobot?options=-csearch_path%3Da"},
            "ALTER ROLE veobot SET",
        ),
        ({"ROLE": "boss"}, "one of all, gateway, worker."),
        ({"ROLE": "worker"}, "other roles need PostgreSQL in VEOBOT_DATABASE_URL."),
        ({"SHARD_COUNT": "0"}, "at least 1."),
        ({"SHARD_IDS": "first", "SHARD_COUNT": "4"}, "such as 0,1 or 0-7."),
        ({"SHARD_IDS": "3-1", "SHARD_COUNT": "4"}, "such as 0,1 or 0-7."),
        ({"SHARD_IDS": "0,1"}, "come with VEOBOT_SHARD_COUNT"),
        ({"SHARD_IDS": "0,4", "SHARD_COUNT": "4"}, "from 0 to 3, since VEOBOT_SHARD_COUNT is 4."),
        ({"WORKER_CONCURRENCY": "10001"}, "at most 10000."),
        ({"VERTEX_REQUESTS_PER_MINUTE": "0"}, "at least 1."),
        ({"DISCORD_API_URL": "127.0.0.1"}, "such as http://127.0.0.1:8642/api/v10."),
        ({"DISCORD_GATEWAY_URL": "http://127.0.0.1"}, "such as ws://127.0.0.1:8642/gateway."),
        ({"DISCORD_TOKEN": "Bot secret"}, "the token alone, without spaces"),
    ],
)
def test_a_wrong_value_is_answered_with_what_it_must_be(changes: dict[str, str], demand: str) -> None:
    sentence = complaint(**changes)
    assert sentence.startswith(f"VEOBOT_{next(iter(changes))} is ")
    assert demand in sentence
    assert "secret" not in sentence


def test_the_longest_video_may_be_the_default_at_1080p() -> None:
    assert load(DEFAULT_RESOLUTION="1080p", DEFAULT_DURATION_SECONDS="8").default_resolution == "1080p"


def test_a_name_like_no_setting_is_to_be_removed() -> None:
    assert complaint(FLUX_CAPACITOR="1") == "VEOBOT_FLUX_CAPACITOR is no setting of veobot: remove it."


@given(name=st.sampled_from(sorted(Settings.model_fields)), value=st.text(max_size=200))
def test_no_value_of_any_setting_ends_in_anything_but_sentences(name: str, value: str) -> None:
    try:
        load(**{name.upper(): value})
    except ConfigurationError as error:
        assert str(error).startswith("One setting is wrong or missing.")  # noqa: PT017 -- most values are right


# -- secrets


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("MTQ0.other\n")
    environ = {**NEEDED, "VEOBOT_DISCORD_TOKEN": "", "VEOBOT_DISCORD_TOKEN_FILE": str(file)}
    assert load_settings(environ).discord_token.get_secret_value() == "MTQ0.other"


def test_a_secrets_file_that_gives_no_secret_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    reasons = {
        "missing": "which cannot be read: no such file or directory.",
        "empty": "which is empty: write the secret into it.",
        "binary": "which cannot be read: it is no utf-8 text.",
        ".": "which cannot be read: is a directory.",
    }
    for name, reason in reasons.items():
        environ = {**NEEDED, "VEOBOT_DISCORD_TOKEN_FILE": str(tmp_path / name)}
        del environ["VEOBOT_DISCORD_TOKEN"]
        (sentence,) = complaints(environ)
        assert sentence.startswith("VEOBOT_DISCORD_TOKEN_FILE names the file")
        assert sentence.lower().endswith(reason)


def test_a_secret_comes_from_one_place_only() -> None:
    sentence = complaint(DISCORD_TOKEN_FILE="/run/secrets/token")
    assert sentence == "VEOBOT_DISCORD_TOKEN_FILE and VEOBOT_DISCORD_TOKEN are both set: remove one of them."


def test_only_secrets_have_files() -> None:
    assert "is no setting of veobot" in complaint(QUOTA_FILE="/tmp/quota")


def test_no_secret_is_shown() -> None:
    settings = load(VERTEX_API_URL="http://me:hidden@127.0.0.1:1", QUOTA_WINDOW_HOURS="48")
    shown = settings.redacted()
    assert shown["VEOBOT_DISCORD_TOKEN"] == "***"
    assert shown["VEOBOT_VERTEX_API_URL"] == "http://***@127.0.0.1:1"
    assert shown["VEOBOT_QUOTA_WINDOW_HOURS"] == "48"
    assert shown["VEOBOT_AGE_RESTRICTED_ONLY"] == "false"
    assert not any(
        "MTQ0" in text or "hidden" in text for text in (*shown.values(), repr(settings.discord_token))
    )


def test_the_databases_password_is_never_shown() -> None:
    settings = load(DATABASE_URL="postgresql://me:hid%40den@db/veobot")
    assert settings.redacted()["VEOBOT_DATABASE_URL"] == "postgresql://***@db/veobot"
    assert "hid" not in repr(settings)
    assert settings.secrets == ("MTQ0.token", "hid%40den", "hid@den")


# -- the process's own environment and `.env`


def run_with_env_file(directory: Path, content: bytes, script: str) -> str:
    """Load the settings in a process that has this `.env` in its directory."""
    (directory / ".env").write_bytes(content)
    code = (
        f"import os\nfrom veobot.config import *\ntry:\n    s = load_settings()\n    print({script})\n"
        "except ConfigurationError as error:\n    print(error)\n"
    )
    environ = {"VEOBOT_BUCKET": "my-videos", "VEOBOT_QUOTA": "7"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, env=environ, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    content = (
        b"# a comment\nVEOBOT_DISCORD_TOKEN='abc'\nexport VEOBOT_GOOGLE_PROJECT=my-project\nVEOBOT_QUOTA=9\n"
        b"VEOBOT_MAX_WAITING=11\nGOOGLE_APPLICATION_CREDENTIALS=/key.json\n"
    )
    shown = run_with_env_file(
        tmp_path, content, 's.quota, s.max_waiting, os.environ["GOOGLE_APPLICATION_CREDENTIALS"], sep=", "'
    )
    assert shown == "7, 11, /key.json"


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    shown = run_with_env_file(tmp_path, b"VEOBOT_QUOTA=\xff\n", "s")
    assert shown == "One setting is wrong or missing.\n  .env cannot be read: it is no UTF-8 text."

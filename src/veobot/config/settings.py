"""Every setting, with its default, its bounds and the reason for both.

The field `quota` is read from VEOBOT_QUOTA, and so on. Each description ends in what a wrong value must become.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from veobot.core.models import DEFAULT_MODEL_ID, MICRO_USD, MODELS, AspectRatio, Resolution
from veobot.core.request import ChannelId, OptionDefaults

from . import database_url as addresses
from .choices import LogFormat, LogLevel, PersonGeneration, Role
from .offered import offered_models
from .shards import shard_numbers

PREFIX = "VEOBOT_"

SECRETS = frozenset({"discord_token", "database_url"})
"""What may also be read from a file, named by VEOBOT_…_FILE, and is never printed."""

MAX_LINK_LIFETIME_HOURS = 168
"""Google signs links for 7 days at most."""

_PASSWORD = re.compile(r"(?<=://)([^/@]*)@")


class Settings(BaseSettings):
    """The settings of one process; they never change while it runs. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, protected_namespaces=()
    )

    # -- Discord

    discord_token: SecretStr = Field(
        description="The bot's token: the Developer Portal, your application, Bot, Reset Token."
    )
    allowed_channels: frozenset[ChannelId] = Field(
        default=frozenset(),
        description="Ids of the channels the bot works in, with commas between. Empty: all. A thread counts as its "
        "parent.",
    )
    age_restricted_only: bool = Field(
        default=False, description="Whether the bot works in age-restricted channels only."
    )

    # -- Google

    google_project: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{4,61}[a-z0-9]$")] = Field(
        description="The id of the Google Cloud project that is charged, such as my-project-123."
    )
    google_location: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z0-9]+)*$")] = Field(
        default="us-central1", description="The region that makes the videos: the one where every model is."
    )
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")] = Field(
        description="The Cloud Storage bucket that the videos are kept in, by its name alone, such as my-videos."
    )
    signing_service_account: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = Field(
        default=None,
        description="The service account that signs links, by its e-mail address. Needed only where the credentials "
        "are not a service account's own.",
    )
    model: str = Field(
        default=DEFAULT_MODEL_ID,
        description="The model of who chooses none, by its id at Vertex AI. The default is the fast, cheap one.",
    )
    models: tuple[str, ...] = Field(
        default=(),
        description="Ids of the models that members may choose, with commas between; VEOBOT_MODEL among them. "
        "Empty: that one alone.",
    )
    person_generation: PersonGeneration = Field(
        default=PersonGeneration.ALLOW_ADULT, description="Whom Veo may show: Google's own default."
    )

    # -- what a member gets without saying otherwise: the cheapest

    default_resolution: Resolution = Field(
        default=Resolution.P720, description="720p costs least, and fits every upload limit."
    )
    default_duration_seconds: int = Field(
        default=4, description="The shortest costs least; 1080p needs the longest."
    )
    default_aspect_ratio: AspectRatio = Field(
        default=AspectRatio.LANDSCAPE, description="Most members look on a wide screen."
    )
    default_audio: bool = Field(
        default=True, description="Whether a video has sound; silent ones are cheaper."
    )

    # -- how much

    concurrent_generations: int = Field(
        default=3,
        ge=1,
        le=5_000,
        description="Videos made at once. Google allows a project about 10, and more on request.",
    )
    quota: int = Field(
        default=5, ge=1, le=10_000, description="Videos a member may ask for in the quota's window."
    )
    quota_window_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 31,
        description="The quota's window; any so many hours, so that no midnight doubles it.",
    )
    daily_budget_usd: Decimal = Field(
        default=Decimal("5.00"),
        ge=0,
        le=100_000,
        allow_inf_nan=False,
        description="What all videos of any 24 hours may cost, in US dollars: a dozen of the default ones. At its end "
        "new requests are refused.",
    )
    max_waiting: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Requests that may wait at once: about an hour of work for 3 slots.",
    )
    vertex_requests_per_minute: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Videos asked for in a minute, over all processes: Google allows 50 a model. PostgreSQL only.",
    )

    # -- how long

    poll_interval_seconds: float = Field(
        default=10.0, ge=0.05, le=300, allow_inf_nan=False,
        description="Between two looks at a running video, which takes 11 s to 6 min.",
    )  # fmt: skip
    progress_interval_seconds: float = Field(
        default=15.0, ge=0.5, le=600, allow_inf_nan=False,
        description="Between two progress edits: Discord limits edits.",
    )  # fmt: skip
    submit_timeout_seconds: float = Field(
        default=60.0, ge=0.1, le=180, allow_inf_nan=False,
        description="For a submission's answer. Shorter makes paid answers unknown; longer outlives an access token.",
    )  # fmt: skip
    generation_deadline_minutes: float = Field(
        default=10.0, gt=0, le=24 * 60, allow_inf_nan=False,
        description="For one video. Veo takes 6 minutes at most; what takes longer has gone wrong.",
    )  # fmt: skip
    request_expiry_hours: float = Field(
        default=24.0, gt=0, le=24 * 31, allow_inf_nan=False,
        description="After which a request that still waits is given up: its member has left.",
    )  # fmt: skip
    link_lifetime_hours: int = Field(
        default=MAX_LINK_LIFETIME_HOURS, ge=1, le=MAX_LINK_LIFETIME_HOURS,
        description="For links to videos that Discord takes no file of. Google signs for 7 days at most.",
    )  # fmt: skip
    retention_days: int = Field(
        default=30, ge=1, le=3650,
        description="After which a finished request's row is deleted, prompt included. The budget needs one day's.",
    )  # fmt: skip

    # -- this machine

    data_directory: Path = Field(
        default=Path("data"), description="Where the database and downloads are kept."
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="The database; by default veobot.db in the data directory. Or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    log_format: LogFormat | None = Field(
        default=None, description="By default console on a terminal, and json elsewhere."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="From which level on something is logged.")
    resume: bool = Field(
        default=True,
        description="Whether interrupted requests are resumed. Off only to show what it is worth.",
    )

    # -- many machines

    role: Role = Field(
        default=Role.ALL,
        description="What this process does: gateway takes commands, worker makes videos. Other than all needs "
        "PostgreSQL.",
    )
    worker_concurrency: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="Requests that one worker carries at once, those that wait for a slot included. PostgreSQL only.",
    )
    shard_count: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None,
        description="Shards of the whole bot. By default what Discord recommends: one, below 1,000 servers or so.",
    )
    shard_ids: frozenset[int] = Field(
        default=frozenset(),
        description="The shards of this process, such as 0,1 or 0-7; needs VEOBOT_SHARD_COUNT. Empty: all.",
    )

    # -- other addresses than Discord's and Google's own: the sandbox's

    discord_api_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = Field(
        default=None, description="Discord's REST API, such as http://127.0.0.1:8642/api/v10."
    )
    discord_gateway_url: Annotated[str, Field(pattern=r"^wss?://\S+$")] | None = Field(
        default=None, description="Discord's gateway, such as ws://127.0.0.1:8642/gateway."
    )
    vertex_api_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = Field(
        default=None, description="Vertex AI, such as http://127.0.0.1:8642."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load_settings` found: it also finds what is wrong around the values."""
        return (init_settings,)

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("allowed_channels", mode="before")
    @classmethod
    def _separate_ids(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        ids = [part.strip() for part in value.split(",") if part.strip()]
        wrong = [part for part in ids if not re.fullmatch(r"[0-9]{15,20}", part)]
        if wrong:
            message = (
                f"{wrong[0]!r} is no channel's id: in Discord, switch on Developer Mode, right-click the channel, "
                "Copy Channel ID."
            )
            raise ValueError(message)
        return frozenset(int(part) for part in ids)

    @field_validator("discord_token")
    @classmethod
    def _plausible_token(cls, value: SecretStr) -> SecretStr:
        if re.search(r"\s", value.get_secret_value()):
            message = "it must be the token alone, without spaces and without the word Bot before it."
            raise ValueError(message)
        return value

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        if value not in MODELS:
            message = f"it must be one of {', '.join(MODELS)}."
            raise ValueError(message)
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _separate_models(cls, value: object, info: ValidationInfo) -> object:
        return offered_models(value if isinstance(value, str) else "", str(info.data.get("model")))

    @field_validator("default_duration_seconds")
    @classmethod
    def _possible_duration(cls, value: int, info: ValidationInfo) -> int:
        model = MODELS.get(str(info.data.get("model")))
        resolution = info.data.get("default_resolution")
        if model is None:
            return value
        durations = model.durations_seconds
        if value not in durations:
            message = f"it must be one of {', '.join(map(str, durations))}."
            raise ValueError(message)
        if resolution in model.full_length_only and value != max(durations):
            message = f"it must be {max(durations)} where VEOBOT_DEFAULT_RESOLUTION is {resolution}."
            raise ValueError(message)
        return value

    @field_validator("generation_deadline_minutes")
    @classmethod
    def _room_for_a_poll(cls, value: float, info: ValidationInfo) -> float:
        interval_seconds = info.data.get("poll_interval_seconds")
        if isinstance(interval_seconds, float) and value * 60 <= interval_seconds:
            message = "it must be longer than VEOBOT_POLL_INTERVAL_SECONDS."
            raise ValueError(message)
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str, info: ValidationInfo) -> str:
        return addresses.checked(value, info.data.get("data_directory", Path("data")))

    @field_validator("resume")
    @classmethod
    def _possible_resume(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and addresses.is_postgres(str(info.data.get("database_url"))):
            message = "it must be true on PostgreSQL, where whatever nobody carries is carried on."
            raise ValueError(message)
        return value

    @field_validator("role")
    @classmethod
    def _possible_role(cls, value: Role, info: ValidationInfo) -> Role:
        url = info.data.get("database_url")
        if value is not Role.ALL and isinstance(url, str) and not addresses.is_postgres(url):
            message = "it must be all where the database is SQLite: other roles need PostgreSQL in VEOBOT_DATABASE_URL."
            raise ValueError(message)
        return value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _separate_shards(cls, value: object) -> object:
        return shard_numbers(value) if isinstance(value, str) else value

    @field_validator("shard_ids")
    @classmethod
    def _possible_shards(cls, value: frozenset[int], info: ValidationInfo) -> frozenset[int]:
        count = info.data.get("shard_count")
        if not value or ("shard_count" not in info.data):
            return value
        if count is None:
            message = "it must come with VEOBOT_SHARD_COUNT, the number of shards of the whole bot."
            raise ValueError(message)
        if max(value) >= count:
            message = f"it must be numbers from 0 to {count - 1}, since VEOBOT_SHARD_COUNT is {count}."
            raise ValueError(message)
        return value

    @property
    def daily_budget_micro_usd(self) -> int:
        """The budget in millionths of a US dollar."""
        return int(self.daily_budget_usd * MICRO_USD)

    @property
    def on_postgres(self) -> bool:
        """Whether the rows are in PostgreSQL, for as many processes as wanted; else in a SQLite file, for one."""
        return addresses.is_postgres(self.database_url)

    @property
    def database_path(self) -> Path:
        """The SQLite file; there is none on PostgreSQL."""
        assert not self.on_postgres, "PostgreSQL has no file here"
        return Path(self.database_url.removeprefix(addresses.SQLITE))

    @property
    def database_name(self) -> str:
        """The database, for people: the file's path, or the address without user and password."""
        return _PASSWORD.sub("", self.database_url) if self.on_postgres else str(self.database_path)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be seen, neither in the log nor in a report."""
        token = self.discord_token.get_secret_value()
        return tuple(filter(None, (token, *addresses.passwords_of(self.database_url))))

    @property
    def option_defaults(self) -> OptionDefaults:
        """What every video has, and what a member gets without saying otherwise."""
        return OptionDefaults(
            model=self.model,
            models=self.models,
            location=self.google_location,
            person_generation=self.person_generation,
            duration_seconds=self.default_duration_seconds,
            aspect_ratio=self.default_aspect_ratio,
            resolution=self.default_resolution,
            audio=self.default_audio,
        )

    def redacted(self) -> Mapping[str, str]:
        """Return every setting as it would be written in the environment; secrets and passwords only as ***."""
        return {f"{PREFIX}{name.upper()}": _shown(name, value) for name, value in self}


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return "***"
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (frozenset, tuple)):
        return ",".join(map(str, sorted(value) if isinstance(value, frozenset) else value))
    return _PASSWORD.sub("***@", str(value)) if name in SECRETS or name.endswith("_url") else str(value)

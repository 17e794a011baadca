"""The three tables, and a request's life in them.

A command becomes one row of `requests`, whose id is the interaction's snowflake: the same command cannot be stored
twice. The row holds what was asked (prompt, options), where and by whom, what it costs and whether it counts toward
the member's quota. It starts `pending` and without `acknowledged_at`; Discord's answer brings `placeholder_id`.

Before each call that Google may charge for, a row of `submissions` states the intent: attempt, output prefix, time.
The answer adds the operation's name, once and for ever, and the request is `generating`. The end adds the video, and
the request has its outcome: `completed`, `failed`, `timeout` or `cancelled`. Then `delivery_route` and
`delivery_started_at` are committed before Discord is called, and `closed_at` when nothing more is owed. `closed_at`
alone says that a request is complete; start-up asks for nothing else.

`transitions` is append-only: what moved when, and under which epoch. It is for people: nothing reads it to decide.

`owner` is the process that carries the request, `epoch` how many owners it has had. Whoever decides names the epoch
that the row had when it was read; a fact (an operation's name, a placeholder) is taken from anybody.

Times are whole milliseconds since 1970 in UTC. Money is in millionths of a US dollar. States are plain text without a
CHECK, so that a row written by a newer version can be told from a damaged one, and neither hides the others. What must
never happen at all is forbidden by the CHECKs here and the triggers in `guards`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Snowflake = BigInteger().with_variant(Integer(), "sqlite")
"""Discord's ids: 64 bits. SQLite's INTEGER has them, and only a column of that name is a table's own key."""


class Moment(TypeDecorator[object]):
    """An aware datetime, stored as whole milliseconds since 1970 in UTC; finer parts are cut off.

    A stored value that is no time comes back as it is, for `rows` to refuse: raising here would hide the other rows.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what is stored. Raises TypeError for anything but an aware datetime."""
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise TypeError(f"a time must be an aware datetime, not {value!r}")
        return (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: object, dialect: Dialect) -> object:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the time that was stored."""
        if not isinstance(value, int):
            return value
        try:
            return _EPOCH + timedelta(milliseconds=value)
        except OverflowError:
            return value


class Flag(TypeDecorator[object]):
    """Yes or no, stored as 1 or 0. What is stored and is neither is not taken for a yes: `rows` refuses it."""

    impl = Boolean
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], object]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what reads a stored value."""
        return lambda value: _FLAGS.get(value, value)


_FLAGS: Mapping[object, object] = {0: False, 1: True}

_NOT_STORABLE = re.compile(r"[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return a text as it is kept: what no database can hold (NUL, half a surrogate pair) is shown as U+FFFD."""
    return _NOT_STORABLE.sub("\ufffd", text)


class Words(TypeDecorator[str]):
    """A text from outside: a member's, Discord's, Google's. See `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what is stored."""
        return None if value is None else storable(value)


metadata = MetaData()

requests = Table(
    "requests",
    metadata,
    Column("id", Snowflake, primary_key=True, autoincrement=False),
    # who asked, and where
    Column("user_id", Snowflake, nullable=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("channel_id", Snowflake, nullable=False),
    Column("application_id", Snowflake, nullable=False),
    Column("interaction_token", Words),
    Column("upload_limit_bytes", BigInteger, nullable=False),
    # what was asked
    Column("prompt", Words, nullable=False),
    Column("model", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("duration_seconds", Integer, nullable=False),
    Column("aspect_ratio", Text, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("audio", Flag, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("person_generation", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    # what became of it
    Column("status", Text, nullable=False),
    Column("failure", Text),
    Column("failure_detail", Words, nullable=False),
    Column("acknowledged_at", Moment),
    Column("placeholder_id", Snowflake),
    Column("placeholder_ephemeral", Flag, nullable=False),
    Column("outcome_at", Moment),
    Column("delivery_route", Text),
    Column("delivery_started_at", Moment),
    Column("outcome_message_id", Snowflake),
    Column("closed_at", Moment),
    Column("closure", Text),
    # who carries it, and what it costs
    Column("owner", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("charged_micro_usd", BigInteger, nullable=False),
    Column("counts_toward_quota", Flag, nullable=False),
    # what was asked, too; added later, so it stands last, and older code leaves it empty
    Column("negative_prompt", Words),
    # what became of it, too; likewise
    Column("cancel_requested_at", Moment),
    CheckConstraint("epoch BETWEEN 1 AND 2147483647", name="requests_epoch"),
    CheckConstraint("charged_micro_usd >= 0", name="requests_charge"),
    CheckConstraint("(closed_at IS NULL) = (closure IS NULL)", name="requests_closure"),
    CheckConstraint("closed_at IS NULL OR interaction_token IS NULL", name="requests_token_erased"),
    CheckConstraint(
        "closed_at IS NULL OR status NOT IN ('pending', 'generating')", name="requests_closed_with_outcome"
    ),
    CheckConstraint("(delivery_route IS NULL) = (delivery_started_at IS NULL)", name="requests_delivery"),
    CheckConstraint("placeholder_id IS NULL OR acknowledged_at IS NOT NULL", name="requests_acknowledged"),
)

incomplete = requests.c.closed_at.is_(None)
"""What start-up asks for, word for word the condition of the partial index."""

closed = requests.c.closed_at.is_not(None)

# Start-up, and how many wait.
Index(
    "requests_incomplete",
    requests.c.created_at,
    requests.c.status,
    sqlite_where=incomplete,
    postgresql_where=incomplete,
)
# A member's quota.
Index("requests_quota", requests.c.user_id, requests.c.created_at)
# The budget: the sum is read from the index alone.
Index("requests_budget", requests.c.created_at, requests.c.charged_micro_usd)
# What has been closed long enough to be deleted.
Index("requests_closed", requests.c.closed_at, sqlite_where=closed, postgresql_where=closed)

submissions = Table(
    "submissions",
    metadata,
    Column("request_id", Snowflake, ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("first_intended_at", Moment, nullable=False),
    Column("intended_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("operation", Words),
    Column("accepted_at", Moment),
    Column("ended_at", Moment),
    Column("video_uri", Words),
    Column("video_size_bytes", BigInteger),
    # The promise not to pay twice allows one second submission, after the first's answer was lost.
    CheckConstraint("attempt BETWEEN 1 AND 2", name="submissions_attempt"),
    CheckConstraint("(operation IS NULL) = (accepted_at IS NULL)", name="submissions_accepted"),
    CheckConstraint("state <> 'accepted' OR operation IS NOT NULL", name="submissions_operation"),
    CheckConstraint("state <> 'succeeded' OR video_uri IS NOT NULL", name="submissions_video"),
)

_has_video = submissions.c.state == "succeeded"

# How long the latest videos took.
Index(
    "submissions_succeeded",
    submissions.c.ended_at,
    sqlite_where=_has_video,
    postgresql_where=_has_video,
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Snowflake, primary_key=True),
    Column(
        "request_id", Snowflake, ForeignKey("requests.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("at", Moment, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("detail", Words, nullable=False),
)

cluster = MetaData()
"""What many processes share beside the rows; PostgreSQL only. All of it may be lost: the rows say the rest."""

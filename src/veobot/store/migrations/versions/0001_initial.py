"""The first schema: requests, submissions, transitions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PHASE = "pre"

SNOWFLAKE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MILLISECONDS = sa.BigInteger()

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER requests_closed_never_change BEFORE UPDATE ON requests
    WHEN OLD.closed_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a closed request never changes'); END
    """,
    """
    CREATE TRIGGER requests_incomplete_never_deleted BEFORE DELETE ON requests
    WHEN OLD.closed_at IS NULL
    BEGIN SELECT RAISE(ABORT, 'an incomplete request is never deleted'); END
    """,
    """
    CREATE TRIGGER requests_epoch_never_falls BEFORE UPDATE OF epoch ON requests
    WHEN NEW.epoch < OLD.epoch
    BEGIN SELECT RAISE(ABORT, 'an epoch never falls'); END
    """,
    """
    CREATE TRIGGER submissions_operation_never_overwritten BEFORE UPDATE OF operation ON submissions
    WHEN OLD.operation IS NOT NULL AND NEW.operation IS NOT OLD.operation
    BEGIN SELECT RAISE(ABORT, 'an operation name is never overwritten'); END
    """,
    """
    CREATE TRIGGER transitions_never_change BEFORE UPDATE ON transitions
    BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END
    """,
    """
    CREATE TRIGGER transitions_never_deleted_alone BEFORE DELETE ON transitions
    WHEN EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id)
    BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END
    """,
)


_POSTGRESQL_GUARDS = (
    # name, event, condition, message
    (
        "requests_closed_never_change",
        "UPDATE ON requests",
        "OLD.closed_at IS NOT NULL",
        "a closed request never changes",
    ),
    (
        "requests_incomplete_never_deleted",
        "DELETE ON requests",
        "OLD.closed_at IS NULL",
        "an incomplete request is never deleted",
    ),
    (
        "requests_epoch_never_falls",
        "UPDATE ON requests",
        "NEW.epoch < OLD.epoch",
        "an epoch never falls",
    ),
    (
        "submissions_operation_never_overwritten",
        "UPDATE ON submissions",
        "OLD.operation IS NOT NULL AND NEW.operation IS DISTINCT FROM OLD.operation",
        "an operation name is never overwritten",
    ),
    ("transitions_never_change", "UPDATE ON transitions", "TRUE", "transitions are append-only"),
    (
        "transitions_never_deleted_alone",
        "DELETE ON transitions",
        "EXISTS (SELECT 1 FROM requests WHERE id = OLD.request_id)",
        "transitions are append-only",
    ),
)


def upgrade() -> None:
    """Make the tables, their indexes and their guards."""
    _create_requests()
    _create_submissions()
    _create_transitions()
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _SQLITE_TRIGGERS:
            op.execute(trigger)
    else:
        _create_guards()


def downgrade() -> None:
    """Drop everything: there is no older schema."""
    op.drop_table("transitions")
    op.drop_table("submissions")
    op.drop_table("requests")


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", SNOWFLAKE, primary_key=True, autoincrement=False),
        sa.Column("user_id", SNOWFLAKE, nullable=False),
        sa.Column("guild_id", SNOWFLAKE, nullable=False),
        sa.Column("channel_id", SNOWFLAKE, nullable=False),
        sa.Column("application_id", SNOWFLAKE, nullable=False),
        sa.Column("interaction_token", sa.Text()),
        sa.Column("upload_limit_bytes", sa.BigInteger(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=False),
        sa.Column("aspect_ratio", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("audio", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("person_generation", sa.Text(), nullable=False),
        sa.Column("created_at", MILLISECONDS, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("failure_detail", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", MILLISECONDS),
        sa.Column("placeholder_id", SNOWFLAKE),
        sa.Column("placeholder_ephemeral", sa.Boolean(), nullable=False),
        sa.Column("outcome_at", MILLISECONDS),
        sa.Column("delivery_route", sa.Text()),
        sa.Column("delivery_started_at", MILLISECONDS),
        sa.Column("outcome_message_id", SNOWFLAKE),
        sa.Column("closed_at", MILLISECONDS),
        sa.Column("closure", sa.Text()),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("charged_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("counts_toward_quota", sa.Boolean(), nullable=False),
        sa.CheckConstraint("epoch BETWEEN 1 AND 2147483647", name="requests_epoch"),
        sa.CheckConstraint("charged_micro_usd >= 0", name="requests_charge"),
        sa.CheckConstraint("(closed_at IS NULL) = (closure IS NULL)", name="requests_closure"),
        sa.CheckConstraint("closed_at IS NULL OR interaction_token IS NULL", name="requests_token_erased"),
        sa.CheckConstraint(
            "closed_at IS NULL OR status NOT IN ('pending', 'generating')",
            name="requests_closed_with_outcome",
        ),
        sa.CheckConstraint(
            "(delivery_route IS NULL) = (delivery_started_at IS NULL)", name="requests_delivery"
        ),
        sa.CheckConstraint(
            "placeholder_id IS NULL OR acknowledged_at IS NOT NULL", name="requests_acknowledged"
        ),
    )
    op.create_index(
        "requests_incomplete",
        "requests",
        ["created_at", "status"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("requests_quota", "requests", ["user_id", "created_at"])
    op.create_index("requests_budget", "requests", ["created_at", "charged_micro_usd"])
    op.create_index(
        "requests_closed",
        "requests",
        ["closed_at"],
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )


def _create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column(
            "request_id", SNOWFLAKE, sa.ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("attempt", sa.Integer(), primary_key=True),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("first_intended_at", MILLISECONDS, nullable=False),
        sa.Column("intended_at", MILLISECONDS, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text()),
        sa.Column("accepted_at", MILLISECONDS),
        sa.Column("ended_at", MILLISECONDS),
        sa.Column("video_uri", sa.Text()),
        sa.Column("video_size_bytes", sa.BigInteger()),
        sa.CheckConstraint("attempt BETWEEN 1 AND 2", name="submissions_attempt"),
        sa.CheckConstraint("(operation IS NULL) = (accepted_at IS NULL)", name="submissions_accepted"),
        sa.CheckConstraint("state <> 'accepted' OR operation IS NOT NULL", name="submissions_operation"),
        sa.CheckConstraint("state <> 'succeeded' OR video_uri IS NOT NULL", name="submissions_video"),
    )
    op.create_index(
        "submissions_succeeded",
        "submissions",
        ["ended_at"],
        sqlite_where=sa.text("state = 'succeeded'"),
        postgresql_where=sa.text("state = 'succeeded'"),
    )


def _create_transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("id", SNOWFLAKE, primary_key=True),
        sa.Column("request_id", SNOWFLAKE, sa.ForeignKey("requests.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", MILLISECONDS, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("ix_transitions_request_id", "transitions", ["request_id"])


def _create_guards() -> None:
    for name, event, condition, message in _POSTGRESQL_GUARDS:
        refusal = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'"
        row = "OLD" if event.startswith("DELETE") else "NEW"
        body = f"BEGIN IF {condition} THEN {refusal}; END IF; RETURN {row}; END"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        op.execute(f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {name}()")

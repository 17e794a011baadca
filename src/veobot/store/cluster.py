"""The tables that many processes share beside the rows; PostgreSQL only.

A process has one row of `slot_keepers` and shows in it, about once a second, that it is alive. Its rows of `slots` are
its requests in line and those that hold a slot. A process unseen for `FORGOTTEN_AFTER_SECONDS` is deleted with all of
them by whoever looks next, and puts itself in again when it comes back. A request may stand under two processes for a
while, the one that had it and the one that took it over: it counts once. A request that ought to be in line and is in
nobody's, since its process has gone, has a row of `slot_absentees` from when it was missed until it is in line again.

`paces` has one row for each pace that the processes keep together: when the next call's turn is.

Times are PostgreSQL's own, since no two processes need have the same; but `asked_at` is the request's.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    event,
)

from .schema import Flag, Moment, Snowflake, cluster

slot_keepers = Table(
    "slot_keepers",
    cluster,
    Column("owner", Text, primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("open", Flag, nullable=False),
)

slots = Table(
    "slots",
    cluster,
    Column("owner", Text, ForeignKey("slot_keepers.owner", ondelete="CASCADE"), primary_key=True),
    Column("request_id", Snowflake, primary_key=True, autoincrement=False),
    Column("asked_at", Moment),
    Column("held", Flag, nullable=False),
    CheckConstraint("held OR asked_at IS NOT NULL", name="slots_line"),
)

in_line = ~slots.c.held

# Who is next.
Index("slots_line", slots.c.asked_at, slots.c.request_id, postgresql_where=in_line)

slot_absentees = Table(
    "slot_absentees",
    cluster,
    Column("request_id", Snowflake, primary_key=True, autoincrement=False),
    Column("missed_at", DateTime(timezone=True), nullable=False),
)

paces = Table(
    "paces",
    cluster,
    Column("name", Text, primary_key=True),
    Column("next_at", Double, nullable=False),
    # In seconds since 1970, as finely as the server tells them.
)

_OPEN_SUBMISSIONS = """
    CREATE INDEX IF NOT EXISTS submissions_open ON submissions (request_id) WHERE state IN ('intended', 'accepted')
"""
"""What may be running at Vertex, out of a history a thousand times as long. Here, since SQLite has no use for it."""


def _create_index(_cluster: MetaData, connection: Connection, **_options: object) -> None:
    connection.exec_driver_sql(_OPEN_SUBMISSIONS)


event.listen(cluster, "after_create", _create_index)

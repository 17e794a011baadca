"""When somebody asked for a request to be cancelled: a column that older code neither fills nor misses."""

import sqlalchemy as sa
from alembic import op

revision = "0003_for_0001"
down_revision = "0002_for_0001"
branch_labels = None
depends_on = None

PHASE = "pre"


def upgrade() -> None:
    """Add the column, empty in every row that there is."""
    op.add_column("requests", sa.Column("cancel_requested_at", sa.BigInteger()))


def downgrade() -> None:
    """Drop who was not to get a video any more."""
    op.drop_column("requests", "cancel_requested_at")

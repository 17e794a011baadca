"""What should not be in a video: a column that older code neither fills nor misses."""

import sqlalchemy as sa
from alembic import op

revision = "0002_for_0001"
down_revision = "0001"
branch_labels = None
depends_on = None

PHASE = "pre"


def upgrade() -> None:
    """Add the column, empty in every row that there is."""
    op.add_column("requests", sa.Column("negative_prompt", sa.Text()))


def downgrade() -> None:
    """Drop what members did not want to see."""
    op.drop_column("requests", "negative_prompt")

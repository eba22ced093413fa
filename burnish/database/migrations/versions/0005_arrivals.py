"""What each file of production was found to hold, so that it is not read again.

What belongs here: the two tables as they were at first. What does not: later changes, which have
steps of their own. They say nothing that the files do not: without them a look reads every file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of files and of periods that were seen."""
    op.create_table(
        "arrivals_files",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("file", sa.String(1000), nullable=False),
        sa.Column("reading", sa.String(32), nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("periods", sa.Text(), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "file"),
    )
    op.create_table(
        "arrivals_periods",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "period"),
    )


def downgrade() -> None:
    """Drop both: the next look reads the files again."""
    op.drop_table("arrivals_periods")
    op.drop_table("arrivals_files")

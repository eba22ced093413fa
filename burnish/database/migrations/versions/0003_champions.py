"""The record of which model serves.

What belongs here: the table of champions as it was at first. What does not: later changes, which
have steps of their own. Promotions of before this step are read off the iterations, as they were.
"""

import sqlalchemy as sa
from alembic import op

from burnish.database.migrating import append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = {"champion_events": ("dataset", "seq")}


def upgrade() -> None:
    """Create the table of promotions and rollbacks, which only ever grows."""
    op.create_table(
        "champion_events",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "seq"),
    )
    for table, key in APPEND_ONLY.items():
        for statement in append_only(table, key, op.get_bind().dialect.name):
            op.execute(sa.text(statement))


def downgrade() -> None:
    """Who made which model champion, and why, is nowhere else."""
    raise NotImplementedError("this step cannot be taken back: it would drop who was champion")

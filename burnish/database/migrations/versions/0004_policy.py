"""The record of what a policy decided, and of its alarms.

What belongs here: the table of policy events as it was at first. What does not: later changes,
which have steps of their own.
"""

import sqlalchemy as sa
from alembic import op

from burnish.database.migrating import append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = {"policy_events": ("dataset", "seq")}


def upgrade() -> None:
    """Create the table of policy events, which only ever grows."""
    op.create_table(
        "policy_events",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("alarm", sa.Integer()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "seq"),
    )
    for table, key in APPEND_ONLY.items():
        for statement in append_only(table, key, op.get_bind().dialect.name):
            op.execute(sa.text(statement))


def downgrade() -> None:
    """What was decided, and on what, is nowhere else."""
    raise NotImplementedError("this step cannot be taken back: it would drop what was decided")

"""The desk for a team: due times, pauses, guides, flags, notes, and work in other tools.

What belongs here: what was added to the desk's tables for a team, as it was at first. What does
not: later changes, which have steps of their own.
"""

import sqlalchemy as sa
from alembic import op

from burnish.database.migrating import append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "desk_arrangements": ("seq",),
    "desk_guides": ("dataset", "version"),
    "desk_flags": ("seq",),
    "desk_notices": ("seq",),
    "desk_handouts": ("dataset", "iteration", "tool", "example_id"),
}

# Of open items all places but the one that is kept for whom it is assigned to, until they answer.
SPARE = """
UPDATE desk_items SET spare = places - CASE
    WHEN assignee <> '' AND NOT EXISTS (
        SELECT 1 FROM desk_events e
        WHERE e.dataset = desk_items.dataset AND e.iteration = desk_items.iteration
        AND e.example_id = desk_items.example_id AND e.actor = desk_items.assignee
        AND e.action = 'answer' AND e.round = desk_items.round AND NOT EXISTS (
            SELECT 1 FROM desk_events u
            WHERE u.dataset = e.dataset AND u.iteration = e.iteration
            AND u.example_id = e.example_id AND u.undoes = e.seq
        )
    ) THEN 1 ELSE 0 END
WHERE state = 'open'
"""


def upgrade() -> None:
    """Add the columns and tables; what was arranged, flagged, written and told only ever grows."""
    op.add_column(
        "desk_items", sa.Column("priority", sa.String(10), nullable=False, server_default="normal")
    )
    op.add_column("desk_items", sa.Column("due_at", sa.String(32)))
    op.create_index("desk_items_due", "desk_items", ["dataset", "iteration", "state", "due_at"])
    _count_spare_places()
    _give_out_in_turn()
    op.add_column("desk_people", sa.Column("paused_until", sa.String(32)))
    op.add_column("desk_events", sa.Column("guide", sa.Integer()))
    op.add_column("desk_events", sa.Column("origin", sa.Text()))
    _create_tables()
    for table, key in APPEND_ONLY.items():
        for statement in append_only(table, key, op.get_bind().dialect.name):
            op.execute(sa.text(statement))


def downgrade() -> None:
    """What people flagged, and who was asked, is nowhere else."""
    raise NotImplementedError("this step cannot be taken back: it would drop what was arranged")


def _count_spare_places() -> None:
    op.add_column(
        "desk_items", sa.Column("spare", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute(sa.text(SPARE))


def _give_out_in_turn() -> None:
    op.add_column("desk_items", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE desk_items SET turn = position"))
    waits = sa.text("spare > 0")
    for name in ("desk_items_open", "desk_items_assigned"):
        op.drop_index(name, "desk_items")
    op.create_index(
        "desk_items_open",
        "desk_items",
        ["dataset", "iteration", "turn"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_index(
        "desk_items_assigned",
        "desk_items",
        ["dataset", "iteration", "assignee", "state", "turn"],
    )


def _create_tables() -> None:
    op.create_table(
        "desk_arrangements",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "desk_arrangements_of_item",
        "desk_arrangements",
        ["dataset", "iteration", "example_id", "seq"],
    )
    op.create_table(
        "desk_guides",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "version"),
    )
    op.create_table(
        "desk_flags",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("guide", sa.Integer()),
        sa.Column("request_key", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("desk_flags_once", "desk_flags", ["request_key"], unique=True)
    op.create_index(
        "desk_flags_of_item",
        "desk_flags",
        ["dataset", "iteration", "example_id", "person", "seq"],
    )
    op.create_table(
        "desk_notices",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("desk_notices_of", "desk_notices", ["dataset", "iteration", "seq"])
    op.create_table(
        "desk_handouts",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tool", sa.String(40), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "iteration", "tool", "example_id"),
    )

"""The tables of the review desk.

What belongs here: the tables as they were at first. What does not: later changes, which have steps
of their own.
"""

import sqlalchemy as sa
from alembic import op

from burnish.database.migrating import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = {"desk_events": ("seq",), "desk_trail": ("seq",)}


def upgrade() -> None:
    """Create the tables of items and of people; what was done and by whom only ever grows."""
    _create_items()
    _create_people()
    for table, key in APPEND_ONLY.items():
        for statement in append_only(table, key, op.get_bind().dialect.name):
            op.execute(sa.text(statement))


def downgrade() -> None:
    """What people said at the desk is nowhere else."""
    raise NotImplementedError("this step cannot be taken back: it would drop what people said")


def _create_items() -> None:
    op.create_table(
        "desk_batches",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue_version", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "iteration"),
    )
    op.create_table(
        "desk_items",
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("suggested_label", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "iteration", "example_id"),
    )
    op.create_index(
        "desk_items_in_order",
        "desk_items",
        ["dataset", "iteration", "state", "position"],
        unique=False,
    )
    op.create_index(
        "desk_items_by_position",
        "desk_items",
        ["dataset", "iteration", "position"],
        unique=False,
    )
    op.create_index(
        "desk_items_open",
        "desk_items",
        ["dataset", "iteration", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "desk_items_assigned",
        "desk_items",
        ["dataset", "iteration", "assignee", "state", "position"],
        unique=False,
    )
    op.create_table(
        "desk_leases",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("taken_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index(
        "one_lease_a_person",
        "desk_leases",
        ["dataset", "iteration", "example_id", "person"],
        unique=True,
    )
    op.create_table(
        "desk_events",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("decision", sa.String(20), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("request_key", sa.String(200), nullable=False),
        sa.Column("ledger_events", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "desk_events_of_item",
        "desk_events",
        ["dataset", "example_id", "iteration", "actor", "seq"],
        unique=False,
    )
    op.create_index(
        "desk_events_of_person",
        "desk_events",
        ["dataset", "iteration", "actor", "seq"],
        unique=False,
        sqlite_where=sa.text("seq > 0"),
        postgresql_where=sa.text("seq > 0"),
    )
    op.create_index("desk_events_once", "desk_events", ["request_key"], unique=True)


def _create_people() -> None:
    op.create_table(
        "desk_people",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "desk_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("desk_sessions_of_person", "desk_sessions", ["name"], unique=False)
    op.create_table(
        "desk_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("revoked_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("desk_tokens_of_person", "desk_tokens", ["name"], unique=False)
    op.create_table(
        "desk_trail",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("desk_trail_of_action", "desk_trail", ["action", "at"], unique=False)
    op.create_table(
        "desk_secrets",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )

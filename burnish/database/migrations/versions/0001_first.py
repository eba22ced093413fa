"""The tables of store, ledger and versions.

What belongs here: the tables as they were at first. What does not: later changes, which have steps
of their own; this one stays as it is.
"""

import sqlalchemy as sa
from alembic import op

from burnish.database.migrating import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "store_commits": ("table_name", "version"),
    "pins": ("table_name", "version", "reason"),
    "store_tags": ("table_name", "name", "seq"),
    "store_vacuumed": ("table_name", "version"),
    "label_events": ("dataset", "event_id"),
    "label_requests": ("dataset", "request_id"),
    "gate_verdicts": ("dataset", "seq"),
    "publications": ("dataset", "stage", "seq"),
    "stage_outputs": ("dataset", "seq"),
    "identity": ("one",),
    "dataset_versions": ("dataset", "number"),
}


def upgrade() -> None:
    """Create all tables; all but `iterations` only ever grow."""
    _create_store()
    _create_ledger()
    _create_versions()
    for table, key in APPEND_ONLY.items():
        for statement in append_only(table, key, op.get_bind().dialect.name):
            op.execute(sa.text(statement))


def downgrade() -> None:
    """There is nothing before this."""
    raise NotImplementedError("the first step cannot be taken back: it would drop the ledger")


def _create_store() -> None:
    op.create_table(
        "pins",
        sa.Column("table_name", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "version", "reason"),
    )
    op.create_table(
        "store_commits",
        sa.Column("table_name", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "version"),
    )
    op.create_table(
        "store_tags",
        sa.Column("table_name", sa.String(length=400), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "name", "seq"),
    )
    op.create_table(
        "store_vacuumed",
        sa.Column("table_name", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "version"),
    )


def _create_ledger() -> None:
    op.create_table(
        "label_events",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("example_id", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("from_label", sa.Text(), nullable=True),
        sa.Column("to_label", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("supersedes", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "event_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "label_events_of_example",
        "label_events",
        ["dataset", "example_id", "event_id"],
        unique=False,
    )
    op.create_table(
        "label_requests",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("example_ids", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.String(32), nullable=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "request_id"),
    )


def _create_versions() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("table_version", sa.Integer(), nullable=False),
        sa.Column("watermark", sa.Integer(), nullable=False),
        sa.Column("watermark_chain", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("class_counts", sa.Text(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "number"),
    )
    op.create_index(
        "one_version_for_one_content",
        "dataset_versions",
        ["dataset", "table_version", "digest", "watermark", "watermark_chain"],
        unique=True,
    )
    op.create_table(
        "gate_verdicts",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data_digest", sa.String(length=64), nullable=False),
        sa.Column("suite_digest", sa.String(length=64), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("stopped_by", sa.Text(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("quarantine_version", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "seq"),
    )
    op.create_index(
        "gate_verdicts_of_stage", "gate_verdicts", ["dataset", "stage", "seq"], unique=False
    )
    op.create_table(
        "identity",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "iterations",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("watermark", sa.Integer(), nullable=False),
        sa.Column("watermark_chain", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("closed_at", sa.String(32), nullable=True),
        sa.Column("promoted", sa.Boolean(), nullable=True),
        sa.Column("mlflow_run_id", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "number"),
    )
    op.create_index(
        "one_open_iteration",
        "iterations",
        ["dataset"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "publications",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("gated", sa.Boolean(), nullable=False),
        sa.Column("verdict_seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "stage", "seq"),
    )
    op.create_table(
        "stage_outputs",
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "seq"),
    )
    op.create_index(
        "stage_outputs_of_stage", "stage_outputs", ["dataset", "stage", "seq"], unique=False
    )

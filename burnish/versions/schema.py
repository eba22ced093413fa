"""The SQL tables of versions: verdicts, publications, outputs, iterations, dataset versions.

What belongs here: columns, keys, and the constraints that hold the iteration contract. What does
not: reading and writing rows, which each module beside this one does for its own tables.

All but `iterations` are append-only. Numbers are dense and begin at 1: `seq` by dataset for
verdicts, outputs and champions, by dataset and stage for publications; `number` by dataset.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text

from burnish.database import UtcTime

metadata = MetaData()

gate_verdicts = Table(
    "gate_verdicts",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("stage", String(200), nullable=False),
    Column("version", Integer, nullable=False),  # 0: stopped before there was a candidate
    Column("data_digest", String(64), nullable=False),
    Column("suite_digest", String(64), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("stopped_by", Text, nullable=False),  # JSON array of codes
    Column("quarantined", Integer, nullable=False),  # rows turned away
    Column("quarantine_version", Integer),  # of the store table "dataset/stage_quarantine"
    Column("message", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("gate_verdicts_of_stage", "dataset", "stage", "seq"),
)

publications = Table(
    "publications",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("stage", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("gated", Boolean, nullable=False),
    # Gated: the verdict that published. Else: the newest then (0: none), which it overrules.
    Column("verdict_seq", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# What an iteration made: the newest line of an iteration and stage says which version.
stage_outputs = Table(
    "stage_outputs",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("iteration", Integer, nullable=False),
    Column("stage", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("stage_outputs_of_stage", "dataset", "stage", "seq"),
)

# One row: who we are to a server that several databases may log to.
identity = Table(
    "identity",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
    Column("at", UtcTime, nullable=False),
)

iterations = Table(
    "iterations",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("watermark", Integer, nullable=False),
    Column("watermark_chain", String(64), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("promoted", Boolean),
    Column("mlflow_run_id", Text),
    Column("summary", Text, nullable=False),  # JSON object
)
Index(
    "one_open_iteration",
    iterations.c.dataset,
    unique=True,
    sqlite_where=iterations.c.closed_at.is_(None),
    postgresql_where=iterations.c.closed_at.is_(None),
)

# Which model serves: the newest line of a dataset says so.
champion_events = Table(
    "champion_events",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("iteration", Integer, nullable=False),
    Column("what", String(20), nullable=False),  # promoted, rolled back
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("table_version", Integer, nullable=False),  # of "dataset/curated_examples"
    Column("watermark", Integer, nullable=False),
    Column("watermark_chain", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("sheet", Text, nullable=False),  # JSON object: what is known of where it comes from
    Column("class_counts", Text, nullable=False),  # JSON object
    Column("iteration", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(
        "one_version_for_one_content",
        "dataset",
        "table_version",
        "digest",
        "watermark",
        "watermark_chain",
        unique=True,
    ),
)

"""The SQL tables of the ledger.

What belongs here: columns and keys. What does not: reading and writing rows
(`burnish.ledger.sql`), or the tables of versions and iterations (`burnish.versions.schema`).
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from burnish.database import UtcTime, refuse_changes

metadata = MetaData()

label_events = Table(
    "label_events",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("event_id", Integer, primary_key=True, autoincrement=False),
    Column("example_id", Text, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("from_label", Text),
    Column("to_label", Text),
    Column("author", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # canonical JSON
    Column("supersedes", Integer),
    Column("at", UtcTime, nullable=False),
    Column("chain", String(64), nullable=False),
    Index("label_events_of_example", "dataset", "example_id", "event_id"),
)

label_requests = Table(
    "label_requests",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("request_id", Integer, primary_key=True, autoincrement=False),
    Column("example_ids", Text, nullable=False),  # JSON array
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", UtcTime),
    Column("at", UtcTime, nullable=False),
)

refuse_changes(label_events)
refuse_changes(label_requests)

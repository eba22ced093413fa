"""The SQL tables of the ledger.

What belongs here: columns and keys. What does not: reading and writing rows
(`burnish.ledger.sql`), or the tables of versions and iterations (`burnish.versions.schema`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from burnish.database import UtcTime

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
    Column("at", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("chain", LargeBinary(32), nullable=False),
    Index("label_events_of_example", "dataset", "example_id", "event_id"),
    # The key is the table: a second copy of it would be a third of the bytes.
    sqlite_with_rowid=False,
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

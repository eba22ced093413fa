"""The SQL table of the policy's record.

What belongs here: columns and keys. What does not: reading and writing rows (`burnish.policy.sql`).
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from burnish.database import UtcTime

metadata = MetaData()

policy_events = Table(
    "policy_events",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("period", String(40), nullable=False),
    Column("alarm", Integer),
    Column("body", Text, nullable=False),  # JSON object
    Column("at", UtcTime, nullable=False),
)

"""The SQL tables of the store: what was acknowledged, what holds a version, what was let go.

What belongs here: columns and keys. What does not: reading and writing rows
(`burnish.store.marks`).
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from burnish.database import UtcTime

metadata = MetaData()

# A line for each commit that a writer was told of: a tripwire for what happens to its file.
store_commits = Table(
    "store_commits",
    metadata,
    Column("table_name", String(400), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
)

pins = Table(
    "pins",
    metadata,
    Column("table_name", String(400), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("reason", String(400), primary_key=True),
    Column("at", UtcTime, nullable=False),
)

# The newest line of a name is what it means.
tags = Table(
    "store_tags",
    metadata,
    Column("table_name", String(400), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
)

vacuumed = Table(
    "store_vacuumed",
    metadata,
    Column("table_name", String(400), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("why", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

"""The SQL tables of the desk: items, leases and events; people, sessions, tokens and their trail.

What a team adds: when an item is due and who was asked for it, the guides they go by, what they
flag as unclear, the notes that went out, and what was handed out to other tools.

What belongs here: columns and keys. What does not: reading and writing rows (`burnish.review.desk`,
`burnish.review.accounts`), or the ledger that settled items go to (`burnish.ledger.schema`).

`desk_events`, `desk_trail`, and the tables that a team adds only grow; the database itself refuses
any other change. What stands in `desk_items` follows from an item's events and arrangements, and is
kept so that a queue can be listed.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from burnish.database import UtcTime

metadata = MetaData()

desk_batches = Table(
    "desk_batches",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("iteration", Integer, primary_key=True, autoincrement=False),
    Column("queue_version", Integer, nullable=False),
    Column("policy", Text, nullable=False),  # JSON object: as the batch was opened with
    Column("owner", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
)

desk_items = Table(
    "desk_items",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("iteration", Integer, primary_key=True, autoincrement=False),
    Column("example_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("round", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("places", Integer, nullable=False),  # how many may be asked at once, leases not counted
    Column("last_seq", Integer, nullable=False),
    Column("assignee", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("label", Text),
    Column("suggested_label", Text),
    Column("facts", Text, nullable=False),  # JSON object: the row of the queue
    Column("added_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("priority", String(10), nullable=False, server_default="normal"),
    Column("due_at", UtcTime),
    # Of the places of an open item, how many are kept for nobody: what is assigned keeps one until
    # it is answered.
    Column("spare", Integer, nullable=False, server_default="0"),
    # In which order they are given out: as `position`, but the urgent before all others.
    Column("turn", Integer, nullable=False, server_default="0"),
    Index("desk_items_due", "dataset", "iteration", "state", "due_at"),
    Index("desk_items_in_order", "dataset", "iteration", "state", "position"),
    Index("desk_items_by_position", "dataset", "iteration", "position"),
    # What waits for anybody is found in as many steps at the end of a batch as at its beginning,
    # and where all of it was dealt out.
    Index(
        "desk_items_open",
        "dataset",
        "iteration",
        "turn",
        sqlite_where=text("spare > 0"),
        postgresql_where=text("spare > 0"),
    ),
    Index("desk_items_assigned", "dataset", "iteration", "assignee", "state", "turn"),
)

desk_leases = Table(
    "desk_leases",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("dataset", String(200), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("example_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("one_lease_a_person", "dataset", "iteration", "example_id", "person", unique=True),
)

desk_events = Table(
    "desk_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String(200), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("example_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("action", String(20), nullable=False),
    Column("decision", String(20)),
    Column("label", Text),
    Column("comment", Text, nullable=False),
    Column("seconds", Float),
    Column("shown", Boolean),
    Column("undoes", Integer),
    Column("round", Integer, nullable=False),  # of the item, when it was done
    # The lease that an answer was given under, or what a reviewer had seen: what makes it once.
    Column("request_key", String(200), nullable=False),
    Column("ledger_events", Text, nullable=False),  # JSON array: what it appended
    Column("guide", Integer),  # the version of the guide that it was said under
    Column("origin", Text),  # JSON object: the tool that an answer was brought from
    Column("at", UtcTime, nullable=False),
    Index("desk_events_of_item", "dataset", "example_id", "iteration", "actor", "seq"),
    Index("desk_events_once", "request_key", unique=True),
    # For those who name its condition alone: PostgreSQL would take it for the events of an item as
    # well, before it has counted those of a new batch, and read all that somebody said for each.
    Index(
        "desk_events_of_person",
        "dataset",
        "iteration",
        "actor",
        "seq",
        sqlite_where=text("seq > 0"),
        postgresql_where=text("seq > 0"),
    ),
)

desk_people = Table(
    "desk_people",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("password_hash", Text),
    Column("role", String(20), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("paused_until", UtcTime),
)

desk_sessions = Table(
    "desk_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("desk_sessions_of_person", "name"),
)

desk_tokens = Table(
    "desk_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Index("desk_tokens_of_person", "name"),
)

desk_trail = Table(
    "desk_trail",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index("desk_trail_of_action", "action", "at"),
)

desk_secrets = Table(
    "desk_secrets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

desk_arrangements = Table(
    "desk_arrangements",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String(200), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("example_id", Text, nullable=False),  # empty: of the batch as a whole
    Column("what", String(20), nullable=False),  # assignee, priority, owner
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("desk_arrangements_of_item", "dataset", "iteration", "example_id", "seq"),
)

desk_guides = Table(
    "desk_guides",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("noted_by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

desk_flags = Table(
    "desk_flags",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String(200), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("example_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON array: the classes that are unclear
    Column("comment", Text, nullable=False),
    Column("guide", Integer),
    Column("request_key", String(200), nullable=False),  # what makes a flag once
    Column("at", UtcTime, nullable=False),
    Index("desk_flags_once", "request_key", unique=True),
    Index("desk_flags_of_item", "dataset", "iteration", "example_id", "person", "seq"),
)

desk_notices = Table(
    "desk_notices",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String(200), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("what", String(40), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON object: what was told of
    Column("at", UtcTime, nullable=False),
    Index("desk_notices_of", "dataset", "iteration", "seq"),
)

desk_handouts = Table(
    "desk_handouts",
    metadata,
    Column("dataset", String(200), primary_key=True),
    Column("iteration", Integer, primary_key=True, autoincrement=False),
    Column("tool", String(40), primary_key=True),
    Column("example_id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

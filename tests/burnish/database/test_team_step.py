"""The step that made the desk one for a team, on a database in which people had worked before."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import IntegrityError

from burnish.database import migrate, open_database, transact
from burnish.database.migrating import MIGRATIONS
from tests.burnish.review.desks import ADA, BOB, DOUBLE, ROB, Room, room

PLACES = "SELECT example_id, spare, turn, priority, due_at FROM desk_items ORDER BY example_id"


@pytest.fixture
def worked(tmp_path: Any) -> Room:
    """A desk of today with items in all that counts for the places that are for anybody."""
    made = room(tmp_path / "today.db", policy=DOUBLE, rows=8)
    desk = made.desk
    desk.assign("digits", ROB, ["a", "b", "c", "e", "f"], "ada")
    for _ in range(3):
        made.say(ADA, "3")
    desk.undo("digits", ADA)
    for label in ("3", "8"):
        made.say(BOB, label)
    after = desk.item("digits", "b").last_seq
    desk.send_back("digits", ROB, "b", after=after, comment="look again")
    after = desk.item("digits", "b").last_seq
    desk.release("digits", ROB, "b", after=after)
    return made


def at_step(engine: sa.Engine, step: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def upgrade(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, step)

    transact(engine, upgrade)


def copy(made: sa.Engine, into: sa.Engine, table: str) -> None:
    old = sa.Table(table, sa.MetaData(), autoload_with=into)
    with made.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()
    kept = [
        {name: row[name] for name in (one.name for one in old.columns) if name in row}
        for row in rows
    ]
    for row in kept:
        row |= {name: bool(row[name]) for name in ("simulated", "shown") if row.get(name) in (0, 1)}
    with into.begin() as connection:
        connection.execute(old.insert(), kept)


def test_a_desk_that_was_worked_at_keeps_its_places_and_its_order(worked: Room, database: str):
    engine = open_database(database)
    at_step(engine, "0004")
    for table in ("desk_items", "desk_events", "desk_batches"):
        copy(worked.engine, engine, table)
    migrate(engine)
    with worked.engine.connect() as today, engine.connect() as before:
        expected = [tuple(row) for row in today.execute(sa.text(PLACES))]
        found = [tuple(row) for row in before.execute(sa.text(PLACES))]
    assert found == expected
    assert len({row[1] for row in found}) > 1
    with (
        pytest.raises(IntegrityError, match="append-only"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text("UPDATE desk_events SET guide = 1"))

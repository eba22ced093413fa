"""What a decision costs the database: statements, rows that are read, and flushes of the disk.

No times: a machine that is busy would decide whether these hold.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from burnish.review import choosing, items
from tests.burnish.review.desks import ADA, BOB, DOUBLE, START, Room, queue_row, room, said

ROWS = [queue_row(f"r{at:04}", at) for at in range(1, 1001)]
NEXT = {"dataset": "digits", "iteration": 1, "name": "ada", "now": START, "soon": START}
ONE = {"of_dataset": "digits", "of_iteration": 1, "of_example": "r0500"}


def plan(desk_room: Room, query: sa.Select, bound: dict) -> str:
    shown = query.params(**bound).compile(
        dialect=desk_room.engine.dialect, compile_kwargs={"literal_binds": True}
    )
    with desk_room.engine.connect() as connection:
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {shown}").scalars())


@pytest.fixture
def on_postgresql(database):
    if not database.startswith("postgresql"):
        pytest.skip("SQLite looks up row by row, whatever it has counted")
    return database


def test_postgresql_looks_a_new_row_up_by_its_key(on_postgresql):
    one = room(on_postgresql, rows=ROWS)
    one.desk.batch("digits")
    assert "desk_items_pkey" in plan(one, items._FIND, ONE)


def test_postgresql_goes_from_item_to_item_until_one_is_free(on_postgresql):
    two = room(on_postgresql, rows=ROWS, policy=DOUBLE)
    for _ in range(20):
        two.say(ADA, "3")
    found = plan(two, choosing._FIRST, NEXT)
    assert "Join" not in found, "of all that was ever said"
    assert "hashed" not in found
    assert "desk_items_open" in found
    assert "desk_events_of_person" not in found


def test_a_decision_takes_few_statements(database):
    one, told = room(database, rows=3), []
    one.say(ADA, "3")
    sa.event.listen(one.engine, "before_cursor_execute", lambda *seen: told.append(seen[2]))
    lease = one.desk.take("digits", ADA)
    # On PostgreSQL one more waits for the turn, on SQLite one begins.
    assert len(told) <= 7
    told.clear()
    one.desk.answer("digits", ADA, lease.token, said("3"))
    assert len(told) <= 13


def test_how_many_stand_of_each_person_is_right_after_an_undo(database):
    two = room(database, policy=DOUBLE)
    two.say(ADA, "3")
    two.say(BOB, "3")
    two.say(BOB, "9")
    two.desk.undo("digits", BOB)
    two.desk.undo("digits", ADA)
    assert two.desk.progress("digits").by_person == {"bob": 1}


def test_only_an_answer_waits_for_the_disk(database):
    one, waited = room(database), []
    kinds = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
    ask = kinds[one.engine.dialect.name]

    def look(connection: sa.Connection) -> None:
        waited.append(str(connection.exec_driver_sql(ask).scalar()) in {"2", "on"})

    sa.event.listen(one.engine, "commit", look)
    lease = one.desk.take("digits", ADA)
    one.desk.renew("digits", ADA, lease.token)
    assert waited[-2:] == [False, False]
    one.desk.answer("digits", ADA, lease.token, said("3"))
    assert waited[-1]

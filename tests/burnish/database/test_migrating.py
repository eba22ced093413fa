"""Migrations make the tables that the code knows, once, and the database keeps them append-only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from burnish.database import migrate, open_database
from burnish.database.migrating import HEAD, MIGRATIONS, VERSIONS
from burnish.errors import LedgerError, ProjectError
from burnish.ledger.schema import metadata as ledger
from burnish.policy.schema import metadata as policy
from burnish.review.schema import metadata as desk
from burnish.store.schema import metadata as store
from burnish.versions.schema import metadata as versions
from burnish.workflows.production_seen import metadata as seen

ROWS = {
    "store_commits": {"table_name": "t", "version": 1, "sha256": "s", "at": "x"},
    "pins": {"table_name": "t", "version": 1, "reason": "r", "at": "x"},
    "store_tags": {"table_name": "t", "name": "n", "seq": 1, "version": 1, "at": "x"},
    "store_vacuumed": {"table_name": "t", "version": 1, "why": "w", "at": "x"},
    "label_requests": {"dataset": "d", "request_id": 1, "example_ids": "[]", "asked_by": "a",
                       "reason": "r", "at": "x"},
    "identity": {"one": 1, "id": "i", "at": "x"},
    "stage_outputs": {"dataset": "d", "seq": 1, "iteration": 1, "stage": "s", "version": 1,
                      "at": "x"},
    "champion_events": {"dataset": "d", "seq": 1, "iteration": 1, "what": "promoted", "who": "w",
                        "why": "y", "at": "x"},
    "policy_events": {"dataset": "d", "seq": 1, "kind": "opened", "period": "2026-03-07",
                      "body": "{}", "at": "x"},
    "desk_events": {"seq": 1, "dataset": "d", "iteration": 1, "example_id": "e", "actor": "a",
                    "role": "annotator", "simulated": False, "action": "answer", "comment": "",
                    "round": 1, "request_key": "k", "ledger_events": "[]", "at": "x"},
    "desk_arrangements": {"seq": 1, "dataset": "d", "iteration": 1, "example_id": "e",
                          "what": "assignee", "before": "", "after": "ann", "actor": "rex",
                          "why": "by hand", "at": "x"},
    "desk_guides": {"dataset": "d", "version": 1, "digest": "s", "text": "t", "noted_by": "n",
                    "at": "x"},
    "desk_flags": {"seq": 1, "dataset": "d", "iteration": 1, "example_id": "e", "person": "ann",
                   "labels": "[]", "comment": "", "request_key": "k", "at": "x"},
    "desk_notices": {"seq": 1, "dataset": "d", "iteration": 1, "what": "breach",
                     "channel": "webhook", "ok": True, "why": "", "body": "{}", "at": "x"},
    "desk_handouts": {"dataset": "d", "iteration": 1, "tool": "label-studio", "example_id": "e",
                      "at": "x"},
    "desk_trail": {"seq": 1, "at": "x", "actor": "a", "action": "login", "subject": "a",
                   "detail": "", "address": ""},
}  # fmt: skip


@pytest.fixture
def engine(database):
    return open_database(database)


def test_the_tables_are_those_that_the_code_knows(engine):
    migrate(engine)
    whole = sa.MetaData()
    for metadata in (store, ledger, versions, desk, policy, seen):
        for table in metadata.tables.values():
            table.to_metadata(whole)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS})
        assert compare_metadata(context, whole) == []


def test_the_newest_step_is_the_one_that_is_named():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_migrating_again_or_all_at_once_changes_nothing(engine):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: migrate(engine), range(6)))
    with engine.connect() as connection:
        found = list(connection.scalars(sa.text("SELECT version_num FROM burnish_version")))
    assert found == [HEAD]


@pytest.mark.parametrize("table", ROWS)
def test_the_database_itself_refuses_to_change_what_was_written(engine, table):
    migrate(engine)
    columns = ", ".join(ROWS[table])
    marks = ", ".join(f":{name}" for name in ROWS[table])
    first = next(iter(ROWS[table]))
    with engine.begin() as connection:
        insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        connection.execute(sa.text(insert), ROWS[table])
    changes = [f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"]
    if engine.dialect.name == "sqlite":
        changes.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    for change in changes:
        with (
            pytest.raises(sa.exc.IntegrityError, match=f"{table} is append-only"),
            engine.begin() as connection,
        ):
            connection.execute(sa.text(change))


def test_a_database_of_a_newer_burnish_is_refused(engine):
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE burnish_version SET version_num = '9999'"))
    with pytest.raises(ProjectError, match="is at step 9999, which this Burnish does not know"):
        migrate(engine)


def test_a_database_from_before_migrations_is_refused(engine):
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE label_events (a INTEGER)"))
    with pytest.raises(ProjectError, match="from before migrations"):
        migrate(engine)


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path):
    (tmp_path / "burnish.db").write_text(
        "a letter to somebody, of more than a hundred characters " * 3
    )
    with pytest.raises(LedgerError, match="cannot be used: file is not a database"):
        migrate(open_database(tmp_path / "burnish.db"))

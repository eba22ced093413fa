"""Bringing a database to the tables that this version of Burnish knows.

What belongs here: running the steps of `migrations/`, once, whoever comes at the same time. What
does not: the steps, or the tables as code uses them (`schema.py` of store, ledger and versions).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text

from burnish.database.connection import transact
from burnish.errors import ProjectError

VERSIONS = "burnish_version"
"""Where the step is noted: MLflow, in the same database, keeps its own in `alembic_version`."""

HEAD = "0006"
"""The newest step; a database that has it needs no look at the others."""

# Any fixed number: processes that migrate a PostgreSQL database at once take turns under it.
LOCK = 0x6275726E
MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables; safe for any number of processes at once.

    Raises `ProjectError` for a database that a newer Burnish has changed, or an older one than has
    migrations made.

    >>> import tempfile
    >>> from burnish.database import open_database
    >>> engine = open_database(tempfile.mkdtemp() + "/burnish.db")
    >>> migrate(engine)
    >>> "label_events" in inspect(engine).get_table_names()
    True
    """
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    transact(engine, _upgrade)


def append_only(table: str, key: Sequence[str], dialect: str) -> list[str]:
    """Statements that have the database itself refuse to change or delete rows of a table.

    `key` is its primary key: SQLite replaces rows without a word to the triggers of a deletion.
    """
    if dialect == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        same = " AND ".join(f"{name} = NEW.{name}" for name in key)
        replaced = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {replaced} {refuse}",
        ]
    refuse = (
        "CREATE OR REPLACE FUNCTION burnish_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    call = "EXECUTE FUNCTION burnish_append_only()"
    return [
        refuse,
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}",
    ]


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    found = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is None and "label_events" in inspect(connection).get_table_names():
        raise _refused(connection, "was made by a Burnish from before migrations")
    if found is not None and found not in known:
        raise _refused(connection, f"is at step {found}, which this Burnish does not know")
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if VERSIONS not in inspect(connection).get_table_names():
        return None
    return connection.scalar(text(f"SELECT version_num FROM {VERSIONS}"))  # noqa: S608


def _refused(connection: Connection, why: str) -> ProjectError:
    where = connection.engine.url.render_as_string(hide_password=True)
    return ProjectError(
        f"the database {where} {why}",
        expected=f"a database at step {HEAD} or before it",
        hint="use the Burnish that made it, or another home",
    )

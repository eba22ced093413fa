"""How Alembic reaches the database: over the connection that `burnish.database.migrate` opened.

What belongs here: that alone. What does not: the steps (`versions/`).
"""

from alembic import context

from burnish.database.migrating import VERSIONS

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, version_table=VERSIONS)
with context.begin_transaction():
    context.run_migrations()

"""How Alembic reaches the database: over the connection that `burnish.database.migrate` opened.

What belongs here: that alone. What does not: the steps (`versions/`).
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None)
with context.begin_transaction():
    context.run_migrations()

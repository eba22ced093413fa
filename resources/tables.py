"""Tables, ledger and versions from configuration: where a project's state lives.

What belongs here: building each of them once a run, and letting go of its database afterwards.
What does not: what they do (`burnish.store`, `burnish.ledger`, `burnish.versions`), or choosing
their places (`pipelines.environments`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.policy import SqlPolicyRecord
from burnish.store import DeltaStore
from burnish.typing import LabelLedger
from burnish.versions import Versions


class LedgerResource(dg.ConfigurableResource[LabelLedger]):
    """Hands assets a `SqlLedger` as `dg.ResourceParam[LabelLedger]`.

    `database` is the URL of a database, or the path of a SQLite file that need not exist yet.
    """

    database: str

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002
    ) -> Iterator[LabelLedger]:
        engine = open_database(self.database)
        try:
            yield SqlLedger(engine, clock=_now)
        finally:
            engine.dispose()


class VersionsResource(dg.ConfigurableResource[Versions]):
    """Hands assets a `Versions` as `dg.ResourceParam[Versions]`.

    `database` as in `LedgerResource`; `tables` is the folder of the versioned tables, or the URL of
    an object store with its `storage_options`.
    """

    database: str
    tables: str
    storage_options: dict[str, str] = Field(default_factory=dict)

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002
    ) -> Iterator[Versions]:
        engine = open_database(self.database)
        store = DeltaStore(self.tables, engine, storage_options=self.storage_options, clock=_now)
        try:
            yield Versions(engine, store, SqlLedger(engine, clock=_now), clock=_now)
        finally:
            engine.dispose()


class PolicyRecordResource(dg.ConfigurableResource[SqlPolicyRecord]):
    """Hands assets a `SqlPolicyRecord` as `dg.ResourceParam[SqlPolicyRecord]`.

    `database` as in `LedgerResource`.
    """

    database: str

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002
    ) -> Iterator[SqlPolicyRecord]:
        engine = open_database(self.database)
        try:
            yield SqlPolicyRecord(engine, clock=_now)
        finally:
            engine.dispose()


def _now() -> datetime:
    return datetime.now(UTC)

"""What each iteration made: which version of which stage, and who we are to others.

What belongs here: the record that ties a version to an iteration. A table may be the same in two
iterations, so its own properties cannot say. What does not: whether a version may be read
(`burnish.versions.reading`).
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, Select, select

from burnish.database import reading, transact
from burnish.versions.ground import Ground, first
from burnish.versions.schema import identity, stage_outputs


class Outputs(Ground):
    """Versions by iteration and stage; the newest record of a stage stands."""

    def record_output(self, dataset: str, stage: str, *, iteration: int, version: int) -> None:
        """Record that `iteration` made `version` of `stage`; the same twice is once."""

        def record(connection: Connection) -> None:
            newest = first(connection, _of_stage(dataset, stage))
            if newest and (newest["iteration"], newest["version"]) == (iteration, version):
                return
            last = first(connection, _of(dataset).order_by(stage_outputs.c.seq.desc()))
            connection.execute(
                stage_outputs.insert(),
                {
                    "dataset": dataset,
                    "seq": last["seq"] + 1 if last else 1,
                    "iteration": iteration,
                    "stage": stage,
                    "version": version,
                    "at": self._now(),
                },
            )

        transact(self._engine, record)

    def newest_output(self, dataset: str, stage: str) -> tuple[int, int] | None:
        """The iteration that made the stage last, and the version it made."""
        with reading(self._engine) as connection:
            row = first(connection, _of_stage(dataset, stage))
        return (row["iteration"], row["version"]) if row else None

    def outputs(self, dataset: str, stage: str) -> list[tuple[int, int]]:
        """Every (iteration, version) recorded of a stage, oldest first."""
        rows = self._rows(_of_stage(dataset, stage))
        return [(row["iteration"], row["version"]) for row in reversed(rows)]

    def home_id(self) -> str:
        """A name for this database that no other has, made when it is first asked for."""

        def found_or_made(connection: Connection) -> str:
            row = first(connection, select(identity))
            if row is None:
                row = {"one": 1, "id": uuid.uuid4().hex, "at": self._now()}
                connection.execute(identity.insert(), row)
            return str(row["id"])

        return transact(self._engine, found_or_made)


def _of(dataset: str) -> Select[tuple[object, ...]]:
    return select(stage_outputs).where(stage_outputs.c.dataset == dataset)


def _of_stage(dataset: str, stage: str) -> Select[tuple[object, ...]]:
    """Outputs of a stage, newest first."""
    query = _of(dataset).where(stage_outputs.c.stage == stage)
    return query.order_by(stage_outputs.c.seq.desc())

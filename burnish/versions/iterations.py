"""The iterations of a loop: opened by the audit, noted on, closed when retrain publishes.

What belongs here: the iteration contract. At most one iteration of a dataset is open (a unique
index says so, whoever asks), numbers are dense from 1, the watermark is pinned at opening, and
closing happens once. What does not: what an iteration does (`assets`), or dataset versions
(`burnish.versions.commits`).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select, update

from burnish.database import reading, transact
from burnish.errors import IterationError
from burnish.records import Iteration, Watermark
from burnish.versions.champions import GATE, PROMOTED, Champions, crown, require_champion
from burnish.versions.ground import Row, first
from burnish.versions.schema import iterations, publications, stage_outputs

_P, _O = publications.c, stage_outputs.c
_NEWEST = select(func.max(_P.seq)).where(
    _P.dataset == bindparam("dataset"), _P.stage == bindparam("stage")
)
_MADE = exists().where(
    _O.dataset == iterations.c.dataset,
    _O.stage == _P.stage,
    _O.iteration == iterations.c.number,
    _O.version == _P.version,
)
# Made once: to put a query together takes longer than to run it.
_WAITING = (
    select(iterations, _P.version)
    .join(publications, _P.dataset == iterations.c.dataset)
    .where(iterations.c.dataset == bindparam("dataset"), iterations.c.closed_at.is_(None))
    .where(_P.stage == bindparam("stage"), _P.seq == _NEWEST.scalar_subquery(), _MADE)
)


class Iterations(Champions):
    """Iterations of every dataset."""

    def join(self, dataset: str, *, opens: bool) -> Iteration:
        """The open iteration; if there is none and `opens`, a new one at the ledger's head.

        Callers at the same time get the same iteration. Raises `IterationError` where none is
        open and the caller may not open one.
        """
        found = self.current(dataset)
        if found is not None:
            return found
        if not opens:
            raise IterationError(
                f"{dataset} has no open iteration",
                expected="one that the audit opened",
                hint="materialize pred_probs: it opens the next iteration",
            )

        def open_next(connection: Connection) -> Iteration:
            row = first(connection, _open(dataset))
            if row is None:
                newest = first(connection, _of(dataset).order_by(iterations.c.number.desc()))
                mark = self._ledger.head(dataset)
                row = {
                    "dataset": dataset,
                    "number": newest["number"] + 1 if newest else 1,
                    "watermark": mark.event_id,
                    "watermark_chain": mark.chain,
                    "opened_at": self._now(),
                    "closed_at": None,
                    "promoted": None,
                    "mlflow_run_id": None,
                    "summary": "{}",
                }
                connection.execute(iterations.insert(), row)
            return _iteration_from(row)

        return transact(self._engine, open_next)

    def current(self, dataset: str) -> Iteration | None:
        """The open iteration."""
        rows = self._rows(_open(dataset))
        return _iteration_from(rows[0]) if rows else None

    def waiting(self, dataset: str, stage: str) -> tuple[Iteration, int] | None:
        """The open iteration with the version of `stage` that it made and that readers see.

        One statement: who serves people asks at each of their steps.
        """
        rows = self._rows(_WAITING, dataset=dataset, stage=stage)
        return (_iteration_from(rows[0]), rows[0]["version"]) if rows else None

    def coming(self, dataset: str) -> int:
        """The number of the iteration that rows read now are for: the open one, else the next."""
        newest = self._rows(_of(dataset).order_by(iterations.c.number.desc()).limit(1))
        if not newest:
            return 1
        return newest[0]["number"] + (newest[0]["closed_at"] is not None)

    def datasets(self) -> list[str]:
        """The datasets that ever had an iteration, by name."""
        query = select(iterations.c.dataset).distinct().order_by(iterations.c.dataset)
        return [str(row["dataset"]) for row in self._rows(query)]

    def iterations(self, dataset: str) -> list[Iteration]:
        """Every iteration, oldest first."""
        rows = self._rows(_of(dataset).order_by(iterations.c.number))
        return [_iteration_from(row) for row in rows]

    def untracked(self, dataset: str) -> list[Iteration]:
        """The closed iterations that have no tracked run, oldest first."""
        closed, tracked = iterations.c.closed_at.isnot(None), iterations.c.mlflow_run_id
        query = _of(dataset).where(closed, tracked.is_(None)).order_by(iterations.c.number)
        return [_iteration_from(row) for row in self._rows(query)]

    def iteration(self, dataset: str, number: int) -> Iteration:
        """One iteration; raises `IterationError` where there is none of that number."""
        with reading(self._engine) as connection:
            return _iteration_from(_found(connection, dataset, number))

    def note(self, dataset: str, number: int, **facts: Any) -> Iteration:
        """Merge facts into the summary of the open iteration; a later fact replaces its namesake.

        Raises `IterationError` for a closed iteration, and for a fact that is no JSON.
        """
        try:
            text = json.dumps(facts, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise IterationError(
                f"{dataset}@iter{number} cannot note {', '.join(facts)}: {error}",
                expected="text, finite numbers, true, false, null, and lists and mappings of these",
            ) from error

        def merge(connection: Connection) -> Iteration:
            row = _found(connection, dataset, number)
            if row["closed_at"] is not None:
                raise IterationError(
                    f"{dataset}@iter{number} is closed", hint="note facts before it is closed"
                )
            summary = json.dumps({**json.loads(row["summary"]), **json.loads(text)})
            return _changed(connection, row, summary=summary)

        return transact(self._engine, merge)

    def set_run(self, dataset: str, number: int, mlflow_run_id: str | None) -> Iteration:
        """Record which tracked run belongs to an iteration, open or closed; None: not yet one."""

        def record(connection: Connection) -> Iteration:
            row = _found(connection, dataset, number)
            return _changed(connection, row, mlflow_run_id=mlflow_run_id)

        return transact(self._engine, record)

    def close(
        self,
        dataset: str,
        number: int,
        *,
        promoted: bool,
        why: str = "",
        expected: int | None = None,
    ) -> Iteration:
        """Close an iteration, once; closing it again with the same answer changes nothing.

        Where `promoted`, its model is recorded as champion in the same transaction, `why` with it.
        `expected` is the `champion_seq` of what the decision was made against (None: whatever it
        is now). Raises `ChampionMoved` where that is no longer the newest, and `IterationError`
        where the iteration was closed with the other answer.
        """

        def finish(connection: Connection) -> Iteration:
            row = _found(connection, dataset, number)
            if row["closed_at"] is None:
                at = self._now()
                if expected is not None:
                    require_champion(connection, dataset, expected=expected)
                if promoted:
                    crown(connection, dataset, number, what=PROMOTED, who=GATE, why=why, at=at)
                return _changed(connection, row, closed_at=at, promoted=promoted)
            if row["promoted"] != promoted:
                raise IterationError(
                    f"{dataset}@iter{number} was closed with promoted={row['promoted']}",
                    expected="an iteration is closed once",
                    hint="open the next iteration to decide anew",
                )
            return _iteration_from(row)

        return transact(self._engine, finish)

    def champion(self, dataset: str) -> Iteration | None:
        """The iteration whose model serves: promoted last, or rolled back to since.

        None where none was promoted yet.
        """
        events = self.champion_events(dataset)
        return self.iteration(dataset, events[-1].iteration) if events else None


def _of(dataset: str) -> Select[Any]:
    return select(iterations).where(iterations.c.dataset == dataset)


def _open(dataset: str) -> Select[Any]:
    return _of(dataset).where(iterations.c.closed_at.is_(None))


def _found(connection: Connection, dataset: str, number: int) -> Row:
    """The row of an iteration, held against other writers where a database locks rows."""
    query = _of(dataset).where(iterations.c.number == number).with_for_update()
    row = first(connection, query)
    if row is None:
        newest = first(connection, _of(dataset).order_by(iterations.c.number.desc()))
        known = f"1 to {newest['number']}" if newest else "none yet"
        raise IterationError(f"{dataset} has no iteration {number}", expected=f"one of: {known}")
    return row


def _changed(connection: Connection, row: Row, **values: str | bool | datetime | None) -> Iteration:
    same = (iterations.c.dataset == row["dataset"]) & (iterations.c.number == row["number"])
    connection.execute(update(iterations).where(same).values(**values))
    return _iteration_from({**row, **values})


def _iteration_from(row: Row) -> Iteration:
    return Iteration(
        dataset=row["dataset"],
        number=row["number"],
        watermark=Watermark(row["watermark"], row["watermark_chain"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        mlflow_run_id=row["mlflow_run_id"],
        promoted=row["promoted"],
        summary=json.loads(row["summary"]),
    )

"""What may be read of a stage: by the stages downstream, and by people.

What belongs here: the decision whether a stage may be read, and its rows without those its gate
turned away. What does not: recording what that decision rests on (`burnish.versions.publishing`).

A gate that holds only inside a run is no gate: a stage asked for on its own would read past it.
So whoever reads here asks the record, whatever run they are in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
from sqlalchemy import select

from burnish.database import read_once, reading
from burnish.errors import GateError, IterationError, VersionNotFound
from burnish.records import Iteration, TableVersion
from burnish.versions.ground import Row, first
from burnish.versions.publishing import Publishing, never_materialized
from burnish.versions.schema import gate_verdicts, publications
from burnish.versions.verdicts import (
    QUARANTINE,
    publications_of,
    quarantine_version,
    verdicts_of,
    without_rows,
)


class Reading(Publishing):
    """The rows that a stage offers, and the refusal where it offers none."""

    def read(
        self,
        dataset: str,
        stage: str,
        *,
        columns: Sequence[str] | None = None,
        of: Iteration | None = None,
    ) -> pa.Table:
        """The published rows, for a stage downstream, without those in quarantine.

        Raises `GateError` where the newest candidate is not the published version, or a gate
        stopped since: the message names the codes, and what to do. With `of`, raises
        `IterationError` where the version was not made in that iteration.
        """
        refused = self.refusal(dataset, stage)
        if refused is not None:
            raise refused
        if of is not None:
            self.version_of(of, stage)
        table = self.read_last_good(dataset, stage, columns=columns)
        if table is None:
            raise never_materialized(dataset, stage)
        return table

    def version_of(self, iteration: Iteration, stage: str) -> int:
        """The version of `stage` that this iteration made, and nothing has replaced since.

        Raises `IterationError` where another iteration made the newest one, or none did.
        """
        newest = self.newest_output(iteration.dataset, stage)
        if newest is None or newest[0] != iteration.number:
            made = f"was made by iteration {newest[0]}" if newest else "was never made"
            raise IterationError(
                f"{iteration.dataset}/{stage} {made}, and {iteration} is the open one",
                expected=f"a {stage} of {iteration}",
                hint=f"materialize {stage} first; it joins the open iteration",
            )
        return newest[1]

    def refusal(self, dataset: str, stage: str) -> GateError | None:
        """The error `read` would raise now; None where it would give rows."""
        candidate = self.candidate(dataset, stage)
        publication, verdict = self._record_of(dataset, stage, candidate)
        if verdict and not verdict["passed"]:
            overruled = publication and publication["verdict_seq"] >= verdict["seq"]
            if not overruled:
                return _stopped(verdict, publication)
        if candidate is None:
            return never_materialized(dataset, stage)
        if publication is None or publication["version"] != candidate.version:
            return GateError(
                f"{candidate} was not checked by its gate",
                expected="a version that passed its gate",
                hint=f"materialize {stage} together with its check",
            )
        return None

    def read_last_good(
        self, dataset: str, stage: str, *, columns: Sequence[str] | None = None
    ) -> pa.Table | None:
        """The published rows without those in quarantine, whatever came later; for people."""
        publication, turned_away = self._quarantine_of(dataset, stage)
        if publication is None:
            return None
        table = self.read_version(dataset, stage, version=publication["version"], columns=columns)
        return without_rows(table, turned_away)

    def each_last_good(
        self,
        dataset: str,
        names: Sequence[str],
        *,
        under: str,
        columns: Sequence[str] | None = None,
    ) -> Iterator[tuple[str, pa.Table]]:
        """Each name and what `read_last_good` gives of the stage `under` + name, in their order.

        Names of which readers see nothing are left out. The record is asked for all of them at
        once, before the first is read.
        """
        published = self._newest_under(publications, dataset, under)
        aside = self._quarantines_under(dataset, under)
        for name in names:
            stage = f"{under}{name}"
            if stage not in published:
                continue
            row = published[stage]
            number = aside.get(row["verdict_seq"]) if row["gated"] else None
            try:
                table = self.read_version(dataset, stage, version=row["version"], columns=columns)
                kept = without_rows(table, self._turned_away_by(dataset, stage, number))
            except VersionNotFound:
                # Published anew meanwhile, and the old version let go.
                kept = self.read_last_good(dataset, stage, columns=columns)
            if kept is not None:
                yield name, kept

    def quarantined(self, dataset: str, stage: str) -> pa.Table:
        """Rows of the published version that its gate turned away, one line a failed expectation.

        Columns: row (int64, 0-based position in the version), example_id, code, expectation,
        column, value (strings).
        """
        return self._quarantine_of(dataset, stage)[1]

    def _quarantine_of(self, dataset: str, stage: str) -> tuple[Row | None, pa.Table]:
        with reading(self._engine) as connection:
            publication = first(connection, publications_of(dataset, stage))
            number = quarantine_version(connection, publication) if publication else None
        return publication, self._turned_away_by(dataset, stage, number)

    def _turned_away_by(self, dataset: str, stage: str, number: int | None) -> pa.Table:
        if number is None:
            return QUARANTINE.empty_table()
        return self.store.read(f"{dataset}/{stage}_quarantine", version=number)

    def _quarantines_under(self, dataset: str, under: str) -> dict[int, int]:
        """By verdict, the version of what it turned away, of stages that begin with `under`."""
        column = gate_verdicts.c
        query = select(column.seq, column.quarantine_version).where(
            column.dataset == dataset,
            column.stage.startswith(under, autoescape=True),
            column.quarantine_version.isnot(None),
        )
        with read_once(self._engine) as connection:
            return {int(seq): int(version) for seq, version in connection.execute(query)}

    def _record_of(
        self, dataset: str, stage: str, candidate: TableVersion | None
    ) -> tuple[Row | None, Row | None]:
        """Newest publication, and newest verdict on the candidate or on the lack of one.

        A verdict that comes late, on a version that is no longer the newest, decides nothing.
        """
        at_stake = [0, candidate.version] if candidate else [0]
        with reading(self._engine) as connection:
            publication = first(connection, publications_of(dataset, stage))
            relevant = verdicts_of(dataset, stage).where(gate_verdicts.c.version.in_(at_stake))
            return publication, first(connection, relevant)


def _stopped(verdict: Row, publication: Row | None) -> GateError:
    dataset, stage = verdict["dataset"], verdict["stage"]
    what = f"version {verdict['version']}" if verdict["version"] else "before there was a version"
    codes = ", ".join(json.loads(verdict["stopped_by"]))
    lines = verdict["message"].splitlines()
    reason = "".join(f"\n  {line}" for line in lines)
    good = f"; the last good version is {publication['version']}" if publication else ""
    see = f"read {verdict['report']}, " if verdict["report"] else ""
    return GateError(
        f"the gate of {dataset}/{stage} stopped {what}: {codes}{reason}",
        expected=f"a version that passed its gate{good}",
        hint=f"{see}mend the source and materialize {stage} again with its check",
    )

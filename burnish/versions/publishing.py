"""Write, audit, publish: candidates, the verdicts of their gates, and what readers see.

What belongs here: storing a candidate, recording a verdict, moving what is published. What does
not: what may be read, and by whom (`burnish.versions.reading`), or the gate itself.

A candidate is the newest version of the store's table "dataset/stage". A verdict that passed
publishes it, in the transaction that records the verdict, and only while it is the newest:
nothing is ever published backwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
from sqlalchemy import Connection, Table, func, select

from burnish.database import read_once, reading, transact
from burnish.errors import GateError, VersionNotFound, WriteConflict
from burnish.records import GateReport, GateVerdict, TableVersion
from burnish.store import content_digest
from burnish.versions.ground import Row, first
from burnish.versions.schema import champion_events, gate_verdicts, publications
from burnish.versions.verdicts import (
    publications_of,
    quarantine_of,
    quarantine_version,
    stops_in_words,
    verdict_from,
    verdicts_of,
)
from burnish.versions.views import VIEW, Views

PUBLISHED, BEFORE = "published", "published-before"
# Large, and made again from what is kept.
MADE_AGAIN = frozenset({"pred_probs"})


class Publishing(Views):
    """Candidates, verdicts and publications of every stage."""

    def write(
        self,
        dataset: str,
        stage: str,
        table: pa.Table,
        *,
        iteration: int | None = None,
        properties: Mapping[str, str] | None = None,
        gated: bool = True,
        same_by: Sequence[str] = (),
    ) -> TableVersion:
        """Store a candidate; where the newest has the same content, that one is returned.

        Where properties named in `same_by` are others, equal content makes a new version too.

        Content has no row order: positions of rows are those of `read_candidate`, which is what
        a gate must judge. `gated=False` publishes at once, for stages without a gate. With
        `iteration`, it is recorded that this iteration made the version, new or not.
        """
        name = f"{dataset}/{stage}"
        facts = dict(properties or {})
        digest = content_digest(table)
        while True:
            newest = self.candidate(dataset, stage)
            if newest is not None and newest.digest == digest and _agree(newest, facts, same_by):
                break
            expected = newest.version if newest else 0
            try:
                newest = self.store.write(name, table, expected=expected, properties=facts)
                break
            except WriteConflict:
                continue  # another writer came first, perhaps with the same content
        if iteration is not None:
            self.record_output(dataset, stage, iteration=iteration, version=newest.version)
            if stage not in MADE_AGAIN:
                # What an iteration made is read by later ones, and by whoever asks what happened.
                self.store.pin(name, newest.version, f"{dataset}@iter{iteration}")
        if not gated:
            version = newest.version
            self._protect(dataset, stage, version, None)
            transact(
                self._engine,
                lambda connection: self._publish(connection, dataset, stage, version, gated=False),
            )
        return newest

    def candidate(self, dataset: str, stage: str) -> TableVersion | None:
        """The newest version, published or not."""
        try:
            return self.store.describe(f"{dataset}/{stage}")
        except VersionNotFound:
            return None

    def candidate_numbers(self, dataset: str, *, under: str) -> dict[str, int]:
        """The newest version, published or not, of every stage that begins with `under`."""
        found = self.store.newest(under=f"{dataset}/{under}")
        return {name.removeprefix(f"{dataset}/"): number for name, number in found.items()}

    def read_candidate(
        self,
        dataset: str,
        stage: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """All rows of a version (None: the newest), for its gate.

        Raises `GateError` where there is none.
        """
        if self.candidate(dataset, stage) is None:
            raise never_materialized(dataset, stage)
        return self.read_version(dataset, stage, version=version, columns=columns)

    def record_verdict(
        self,
        dataset: str,
        stage: str,
        version: int,
        report: GateReport,
        *,
        report_path: str = "",
        when_published: Callable[[Connection], object] | None = None,
    ) -> GateVerdict:
        """Record what a gate made of `version`, and publish it if it passed and is the newest.

        `when_published` runs in the transaction that publishes. Rows turned away are kept as the
        store's table "dataset/stage_quarantine". Raises `GateError` where they are no rows of
        that version.
        """
        candidate = self.store.describe(f"{dataset}/{stage}", version=version)
        shown = report.rows if VIEW in candidate.properties else candidate.rows
        turned_away = quarantine_of(report.quarantined, candidate, rows=shown)
        kept: TableVersion | None = None
        if turned_away.num_rows:
            facts = {"stage_version": str(version), "suite_digest": report.suite_digest}
            kept = self.store.write(f"{candidate.table}_quarantine", turned_away, properties=facts)
            if VIEW in candidate.properties:
                # A numbered version is its rows without these, for as long as it is kept.
                self.store.pin(kept.table, kept.version, str(candidate))
        row: Row = {
            "dataset": dataset,
            "stage": stage,
            "version": version,
            "data_digest": candidate.digest,
            "suite_digest": report.suite_digest,
            "passed": report.passed,
            "stopped_by": json.dumps(list(report.stopped_by)),
            "quarantined": len(turned_away["row"].unique()),
            "quarantine_version": kept.version if kept else None,
            "message": stops_in_words(report),
            "report": report_path,
        }

        if report.passed:
            self._protect(dataset, stage, version, kept.version if kept else None)

        def record(connection: Connection) -> GateVerdict:
            verdict = self._add_verdict(connection, row)
            published = verdict.passed and self._publish(
                connection, dataset, stage, version, gated=True
            )
            if published and when_published is not None:
                when_published(connection)
            return verdict

        return transact(self._engine, record)

    def record_failure(self, dataset: str, stage: str, code: str, message: str) -> GateVerdict:
        """Record a stop before there was a candidate: a source that cannot be read, say.

        Downstream stages are refused until a newer verdict passes; people keep the last good.
        """
        row: Row = {
            "dataset": dataset,
            "stage": stage,
            "version": 0,
            "data_digest": "",
            "suite_digest": "",
            "passed": False,
            "stopped_by": json.dumps([code]),
            "quarantined": 0,
            "quarantine_version": None,
            "message": message,
            "report": "",
        }
        return transact(self._engine, lambda connection: self._add_verdict(connection, row))

    def verdict(self, dataset: str, stage: str) -> GateVerdict | None:
        """The newest verdict of a stage's gate."""
        with read_once(self._engine) as connection:
            row = first(connection, verdicts_of(dataset, stage))
        return verdict_from(row) if row else None

    def verdicts(self, dataset: str) -> list[GateVerdict]:
        """Every verdict on a dataset, oldest first."""
        query = select(gate_verdicts).where(gate_verdicts.c.dataset == dataset)
        return [verdict_from(row) for row in self._rows(query.order_by(gate_verdicts.c.seq))]

    def published(self, dataset: str, stage: str) -> TableVersion | None:
        """The version that readers see: the last good one."""
        with read_once(self._engine) as connection:
            row = first(connection, publications_of(dataset, stage))
        return self.store.describe(f"{dataset}/{stage}", version=row["version"]) if row else None

    def published_numbers(self, dataset: str, *, under: str) -> dict[str, int]:
        """The version that readers see of every stage whose name begins with `under`."""
        found = self._newest_under(publications, dataset, under)
        return {stage: row["version"] for stage, row in found.items()}

    def published_since(self, dataset: str, *, under: str) -> dict[str, datetime]:
        """When readers got what they see of every stage whose name begins with `under`."""
        found = self._newest_under(publications, dataset, under)
        return {stage: row["at"] for stage, row in found.items()}

    def newest_verdicts(self, dataset: str, *, under: str) -> dict[str, GateVerdict]:
        """The newest verdict of the gate of every stage whose name begins with `under`."""
        found = self._newest_under(gate_verdicts, dataset, under)
        return {stage: verdict_from(row) for stage, row in found.items()}

    def published_stages(self, dataset: str, *, under: str = "") -> list[str]:
        """Every stage that readers ever saw whose name begins with `under`, by name."""
        column = publications.c.stage
        query = select(column).where(publications.c.dataset == dataset).distinct()
        names = [str(row["stage"]) for row in self._rows(query.order_by(column))]
        return [name for name in names if name.startswith(under)]

    def published_versions(self, dataset: str, stage: str) -> list[int]:
        """Every version of a stage that readers ever saw, in the order of publication."""
        return [row["version"] for row in reversed(self._rows(publications_of(dataset, stage)))]

    def _newest_under(self, table: Table, dataset: str, under: str) -> dict[str, Row]:
        column = table.c
        query = select(table).where(
            column.dataset == dataset, column.stage.startswith(under, autoescape=True)
        )
        return {row["stage"]: row for row in self._rows(query.order_by(column.seq))}

    def _add_verdict(self, connection: Connection, row: Row) -> GateVerdict:
        query = select(gate_verdicts).where(gate_verdicts.c.dataset == row["dataset"])
        newest = first(connection, query.order_by(gate_verdicts.c.seq.desc()))
        added = {**row, "seq": newest["seq"] + 1 if newest else 1, "at": self._now()}
        connection.execute(gate_verdicts.insert(), added)
        return verdict_from(added)

    def _publish(
        self, connection: Connection, dataset: str, stage: str, version: int, *, gated: bool
    ) -> bool:
        """Whether `version` is what readers see from now on."""
        name = f"{dataset}/{stage}"
        verdict = first(connection, verdicts_of(dataset, stage))
        current = first(connection, publications_of(dataset, stage))
        seq = verdict["seq"] if verdict else 0
        if self.store.describe(name).version != version:
            return False
        if current and (current["version"], current["verdict_seq"]) == (version, seq):
            return True
        connection.execute(
            publications.insert(),
            {
                "dataset": dataset,
                "stage": stage,
                "seq": current["seq"] + 1 if current else 1,
                "version": version,
                "gated": gated,
                "verdict_seq": seq,
                "at": self._not_before_champion(connection, dataset),
            },
        )
        return True

    def _not_before_champion(self, connection: Connection, dataset: str) -> datetime:
        """Now, unless the clock has gone back: by these times it is told who served meanwhile."""
        at = champion_events.c.at
        query = select(func.max(at)).where(champion_events.c.dataset == dataset)
        crowned, now = connection.scalar(query), self._now()
        return now if crowned is None else max(now, crowned)

    def _protect(self, dataset: str, stage: str, version: int, quarantine: int | None) -> None:
        """Hold from vacuum what is published, and what is about to be, whoever will win.

        Set before the transaction that publishes: the store may write to the same database.
        """
        with reading(self._engine) as connection:
            current = first(connection, publications_of(dataset, stage))
            turned_away = quarantine_version(connection, current) if current else None
        name = f"{dataset}/{stage}"
        held: list[tuple[str, int | None, int | None]] = [
            (name, current["version"] if current else None, version),
            (f"{name}_quarantine", turned_away, quarantine),
        ]
        for table, before, after in held:
            if before is not None:
                self.store.tag(table, BEFORE, before)
            if after is not None:
                self.store.tag(table, PUBLISHED, after)


def _agree(newest: TableVersion, facts: Mapping[str, str], names: Sequence[str]) -> bool:
    return all(newest.properties.get(name) == facts.get(name) for name in names)


def never_materialized(dataset: str, stage: str) -> GateError:
    """The error for a stage that has no version yet."""
    return GateError(
        f"{dataset}/{stage} was never materialized",
        expected="a version that passed its gate",
        hint=f"materialize {stage} together with its check",
    )

"""The verdicts of gates and publications as rows: finding them, and what was turned away.

What belongs here: the shape of a quarantine table, and queries on `gate_verdicts`. What does not:
recording a verdict (`burnish.versions.publishing`), or what follows from one for readers
(`burnish.versions.reading`).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Select, select

from burnish.errors import GateError
from burnish.records import GateReport, GateVerdict, TableVersion
from burnish.versions.ground import Row, first
from burnish.versions.schema import gate_verdicts, publications

QUARANTINE = pa.schema(
    [
        ("row", pa.int64()),
        ("example_id", pa.string()),
        ("code", pa.string()),
        ("expectation", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
    ]
)


def verdicts_of(dataset: str, stage: str) -> Select[Any]:
    """Verdicts of a stage's gate, newest first."""
    table = gate_verdicts.c
    query = select(gate_verdicts).where(table.dataset == dataset, table.stage == stage)
    return query.order_by(table.seq.desc())


def publications_of(dataset: str, stage: str) -> Select[Any]:
    """Publications of a stage, newest first."""
    table = publications.c
    query = select(publications).where(table.dataset == dataset, table.stage == stage)
    return query.order_by(table.seq.desc())


def quarantine_version(connection: Connection, publication: Row) -> int | None:
    """Which version of "dataset/stage_quarantine" belongs to a publication."""
    if not publication["gated"]:
        return None
    table = gate_verdicts.c
    query = select(gate_verdicts).where(
        table.dataset == publication["dataset"], table.seq == publication["verdict_seq"]
    )
    verdict = first(connection, query)
    return verdict["quarantine_version"] if verdict else None


def without_rows(table: pa.Table, turned_away: pa.Table) -> pa.Table:
    """A table without the rows that a quarantine names by position."""
    if turned_away.num_rows == 0:
        return table
    stays = np.ones(table.num_rows, bool)
    stays[turned_away["row"].to_numpy()] = False
    return table.filter(pa.array(stays))


def quarantine_of(found: pa.Table, candidate: TableVersion, *, rows: int) -> pa.Table:
    """What a gate turned away, as `QUARANTINE`; raises `GateError` for rows not of `candidate`.

    `rows` is how many the gate was shown: a view is stored as one row, and joined to many.
    """
    try:
        table = found.select(QUARANTINE.names).cast(QUARANTINE)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise GateError(
            f"the quarantine of {candidate} has the columns {', '.join(found.column_names)}",
            expected=", ".join(f"{part.name} ({part.type})" for part in QUARANTINE),
        ) from error
    outside = [row for row in table["row"].to_pylist() if row is None or not 0 <= row < rows]
    if outside:
        raise GateError(
            f"the quarantine of {candidate} names the row {outside[0]}",
            expected=f"positions from 0 to {rows - 1}",
            hint="run the gate on `read_candidate`: positions are those of the stored rows",
        )
    return table


def stops_in_words(report: GateReport) -> str:
    """Why a gate stopped, a line an expectation: code, column, how many rows, what was seen."""
    lines: list[str] = []
    by_code = {result.expectation.code: result for result in report.results if not result.passed}
    for code in report.stopped_by:
        result = by_code.get(code)
        if result is None:
            lines.append(f"{code}: {report.quarantined.num_rows} failures in {report.rows} rows")
            continue
        where = f" {result.expectation.column}:" if result.expectation.column else ""
        seen = f" ({result.observed})" if result.observed else ""
        say = f" say {', '.join(result.examples[:3])};" if result.examples else ""
        rows = f" {result.failing} rows;" if result.failing else ""
        lines.append(f"{code}:{where}{rows}{say} {result.expectation.why}{seen}")
    return "\n".join(lines)


def verdict_from(row: Row) -> GateVerdict:
    """The record of a row of `gate_verdicts`."""
    return GateVerdict(
        dataset=row["dataset"],
        stage=row["stage"],
        version=row["version"],
        data_digest=row["data_digest"],
        suite_digest=row["suite_digest"],
        passed=row["passed"],
        stopped_by=tuple(json.loads(row["stopped_by"])),
        quarantined=row["quarantined"],
        at=row["at"],
        report=row["report"],
        message=row["message"],
    )

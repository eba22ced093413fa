"""What users report as wrong: read as it comes in, and put before people once.

What belongs here: the source `production.reports` of a spec, and the requests made of it. What does
not: labels that come in (`burnish.workflows.production_labels`), asking about rows
(`burnish.workflows.production_asking`), or the alarm that reports raise (`burnish.policy`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from burnish.errors import DataError
from burnish.records import LabelRequest
from burnish.spec import DatasetSpec
from burnish.spec.cells import as_text
from burnish.spec.keys import near
from burnish.spec.production import Arrivals
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.production_asking import VALIDATED, ask_for_labels, asked_for
from burnish.workflows.production_files import read_delivered
from burnish.workflows.production_met import ids_of, rows_met
from burnish.workflows.production_sql import read_sql
from burnish.workflows.production_stages import ADOPTED, ASKED

ASKED_BY = "user reports"
NO_WORD = "a user reported the answer as wrong"
LONGEST_WORD = 200
REPORTED = pa.schema([("example_id", pa.string()), ("comment", pa.string())])


@dataclass(frozen=True)
class Reports:
    """What users have reported by now.

    `rows` are those reported of rows that were met: example_id, comment (their words, shortened).
    `requests` were made now; `unknown` are ids that no row has, or not yet; `waited` says which
    files could not be read yet, and why.
    """

    rows: pa.Table
    requests: tuple[LabelRequest, ...]
    unknown: tuple[str, ...]
    waited: tuple[str, ...] = ()

    @property
    def example_ids(self) -> list[str]:
        """The rows that were reported, in the order in which it came."""
        return self.rows["example_id"].to_pylist()

    def to_table(self) -> pa.Table:
        """One row a reported row."""
        return self.rows


def take_reports(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    *,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
) -> Reports:
    """Ask people about each row that users reported, once, with the users' own words.

    A row is asked about as reported once, however often it is reported; one that was not met yet is
    told as unknown, and taken up by a later call. Raises `DataError` where a column is not there.
    """
    known = spec.production.reports if spec.production is not None else None
    if known is None:
        return Reports(REPORTED.empty_table(), (), ())
    said, waited = _said(spec, known, now=now, environ=environ)
    met = rows_met(versions, spec.name, list(said))
    found = set() if met is None else set(met["example_id"].to_pylist())
    for stage in (VALIDATED, ASKED, ADOPTED):
        found |= ids_of(versions, spec.name, stage)
    mine = {name: word for name, word in said.items() if name in found}
    before = asked_for(ledger.requests(spec.name), ASKED_BY)
    words: dict[str, list[str]] = {}
    for name, word in mine.items():
        if name not in before:
            words.setdefault(word, []).append(name)
    requests = tuple(
        ask_for_labels(spec, versions, ledger, names, asked_by=ASKED_BY, reason=word)
        for word, names in words.items()
    )
    rows = pa.table([list(mine), list(mine.values())], schema=REPORTED)
    unknown = tuple(name for name in said if name not in found)
    return Reports(rows, requests, unknown, waited)


def _said(
    spec: DatasetSpec, reports: Arrivals, *, now: datetime, environ: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """What was said of each id first, and which files are waited for."""
    said: dict[str, str] = {}
    if reports.sql is not None:
        name = reports.sql.table or "query"
        _read(said, read_sql(reports.sql, environ), reports, name)
        return said, ()
    assert reports.source is not None  # the spec's own check: exactly one of source, sql
    delivered, waited = read_delivered(spec, reports.source, now=now)
    for one in delivered:
        _read(said, one.table, reports, one.name)
    return said, tuple(f"{one.name}: {one.why}" for one in waited)


def _read(said: dict[str, str], table: pa.Table, reports: Arrivals, name: str) -> None:
    for column in (reports.example_id, reports.comment):
        if column is not None and column not in table.column_names:
            raise DataError(
                f"{name}: no column {column!r}",
                expected="one of: " + ", ".join(table.column_names),
                hint=near(column, table.column_names) or "name the columns in production.reports",
            )
    ids: Sequence[str | None] = as_text(table[reports.example_id]).to_pylist()
    words: Sequence[str | None] = [None] * len(ids)
    if reports.comment is not None:
        words = as_text(table[reports.comment]).to_pylist()
    for example_id, word in zip(ids, words, strict=True):
        if example_id is not None:
            said.setdefault(example_id, " ".join((word or NO_WORD).split())[:LONGEST_WORD])

"""The quality report of a dataset: its checks, its page, its table, and the rows it asks about.

What belongs here: running the checks on the rows that passed the first gate, with the splits the
loop uses, and what follows from a finding. What does not: the checks (`burnish.quality`), a file
outside of any project (`burnish.workflows.check_file`), or which rows a gate turns away
(`burnish.workflows.quality_gate`).

What follows: copies stay in one fold (`burnish.workflows.validate` for equal rows,
`burnish.modeling.copies` for near ones); training rows whose copies carry another label are asked
about, once; what the spec's `gates.quality` names was turned away before; everything else is for
people to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from burnish.quality import QualityReport
from burnish.quality.findings import FINDINGS_SCHEMA
from burnish.records import LabelRequest, TableVersion
from burnish.report.check_page import CheckSummary, render_check_page
from burnish.report.pages import Pages, write_page
from burnish.spec import DatasetSpec, FeatureKind
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.quality_gate import check_rows

QUALITY = "quality_report"
ASKED_BY = "quality check"
MOST_REQUESTED, REQUEST_DAYS = 10, 90
MOST_NAMED = 1000
"""So many rows of a finding stand in the table; `count` says how many there are."""

REPORT_SCHEMA = FINDINGS_SCHEMA.append(pa.field("example_ids", pa.list_(pa.string())))


@dataclass(frozen=True)
class QualityRun:
    """What was found, where it was written, and how many rows were asked about."""

    report: QualityReport
    table: pa.Table
    written: TableVersion
    page: Path
    requested: int

    def to_table(self) -> pa.Table:
        """One row a finding, in the columns of `REPORT_SCHEMA`."""
        return self.table


def check_dataset(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    pages: Pages,
    *,
    now: datetime | None = None,
) -> QualityRun:
    """Check the validated rows of a dataset, write table and page, ask about torn labels.

    Raises what `Versions.read` raises where no validated rows are published.
    """
    rows = versions.read(spec.name, "validated_examples")
    report = check_examples(rows, spec)
    ids: list[str] = rows["example_id"].to_pylist()
    table = findings_table(report, ids)
    written = versions.write(spec.name, QUALITY, table, gated=False)
    moment = now or datetime.now(UTC)
    features = [name for name in spec.features if name in rows.column_names]
    summary = CheckSummary(
        spec.name, rows.num_rows, len(features), report.findings, report.looked_for, (), moment, ids
    )
    page = write_page(pages.quality(spec.name, written.version), render_check_page(summary))
    requested = _ask(spec.name, rows, report, ledger, moment)
    return QualityRun(report, table, written, page, requested)


def check_examples(rows: pa.Table, spec: DatasetSpec) -> QualityReport:
    """The checks on rows (with example_id, label and split) as the spec says what they hold."""
    kinds: dict[str, FeatureKind] = {name: feature.kind for name, feature in spec.features.items()}
    return check_rows(rows, kinds, group=spec.group, random_state=spec.random_state)


def findings_table(report: QualityReport, ids: list[str]) -> pa.Table:
    """One row a finding, with the ids of its rows, at most the first 1,000.

    >>> findings_table(QualityReport((), (), 0), []).num_rows
    0
    """
    names = [[ids[row] for row in one.rows[:MOST_NAMED]] for one in report.findings]
    return report.to_table().append_column(
        REPORT_SCHEMA.field("example_ids"), pa.array(names, pa.list_(pa.string()))
    )


def _ask(
    dataset: str, rows: pa.Table, report: QualityReport, ledger: LabelLedger, now: datetime
) -> int:
    """Ask people about training rows whose copies carry another label: a few, and each once."""
    torn = [
        row
        for one in report.findings
        if one.kind == "conflicting_labels" and one.severity != "note"
        for row in one.rows
    ]
    if not torn or any(one.asked_by == ASKED_BY for one in ledger.requests(dataset, now=now)):
        return 0
    decided = set(ledger.fold(dataset).decisions["example_id"].to_pylist())
    splits, ids = rows["split"].to_pylist(), rows["example_id"].to_pylist()
    names = [ids[row] for row in torn if splits[row] == "train" and ids[row] not in decided]
    chosen = tuple(names[:MOST_REQUESTED])
    if chosen:
        until = now + timedelta(days=REQUEST_DAYS)
        reason = "copies of this row carry another label"
        ledger.request(dataset, LabelRequest(chosen, ASKED_BY, reason, until))
    return len(chosen)

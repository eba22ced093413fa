"""Checking a table: every check that there is, one report.

What belongs here: the list of the checks and the order of what they find. What does not: the
checks, nor what is done about a finding (`burnish.workflows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from burnish.quality.checked import Checked, QualityCheck
from burnish.quality.findings import QualityFinding, QualityReport, Severity
from burnish.quality.missing import DISGUISED, MISSING
from burnish.spec import FeatureKind

CHECKS: tuple[QualityCheck, ...] = (MISSING, DISGUISED)
"""Every built-in check, in the order in which they run."""

_RANK: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def check_table(
    table: pa.Table,
    *,
    target: str | None = None,
    kinds: Mapping[str, FeatureKind] | None = None,
    split: str | None = None,
    time: str | None = None,
    group: str | None = None,
    exclude: Sequence[str] = (),
    random_state: int = 0,
    checks: Sequence[QualityCheck] = CHECKS,
) -> QualityReport:
    """What is wrong with a table of n rows, before any model is trained on it.

    `target` names the column of the labels, `split` that of train, validation and test, `time`
    that of the rows' times, `group` that of rows that belong together; `exclude` columns that no
    check looks at. `kinds` says what columns are, where their look misleads. `checks` are run in
    their order. Findings come severest first, those of one severity by the rows concerned. Raises
    `DataError` where a column is unknown, or two have one name.

    >>> report = check_table(pa.table({"job": ["cook", "?", "smith", None]}))
    >>> [(one.kind, one.count) for one in report.findings]
    [('missing', 1), ('disguised_missing', 1)]
    """
    checked = Checked.of(
        table, target=target, kinds=kinds, split=split, time=time, group=group,
        exclude=exclude, random_state=random_state,
    )  # fmt: skip
    found = [finding for check in checks for finding in check(checked)]
    return QualityReport(
        tuple(sorted(found, key=_order)),
        tuple(check.looks_for for check in checks),
        table.num_rows,
    )


def _order(finding: QualityFinding) -> tuple[int, int]:
    return _RANK[finding.severity], -finding.count

"""Checking a table: every check that there is, one report.

What belongs here: the list of the checks and the order of what they find. What does not: the
checks, nor what is done about a finding (`burnish.workflows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from burnish.quality.balance import IMBALANCE, RARE, UNSEEN
from burnish.quality.checked import Checked, QualityCheck
from burnish.quality.columns import CONSTANT, IDENTIFIER, NEARLY_CONSTANT
from burnish.quality.conflicting import CONFLICTING
from burnish.quality.copies import (
    CROSSING_DUPLICATES,
    CROSSING_GROUPS,
    EXACT_DUPLICATES,
    NEAR_DUPLICATES,
)
from burnish.quality.findings import QualityFinding, QualityReport, Severity
from burnish.quality.gaps import WITH_COLUMN, WITH_LABEL
from burnish.quality.leaks import TARGET_LEAK
from burnish.quality.missing import DISGUISED, MISSING
from burnish.quality.mixed import MIXED
from burnish.quality.order import (
    ALIKE_NEIGHBOURS,
    SORTED_BY_FEATURE,
    SORTED_BY_LABEL,
    TIME_BACK,
)
from burnish.quality.rows import ODD_IN_CLASS, ODD_ROWS
from burnish.quality.spelling import SPELLING
from burnish.quality.times import DATED_AFTER, TIME_TRAVEL
from burnish.quality.units import UNITS
from burnish.quality.univariate import INFINITE, OUTLYING
from burnish.spec import FeatureKind

CHECKS: tuple[QualityCheck, ...] = (
    INFINITE,
    MISSING,
    DISGUISED,
    WITH_LABEL,
    WITH_COLUMN,
    CONSTANT,
    NEARLY_CONSTANT,
    IDENTIFIER,
    MIXED,
    SPELLING,
    OUTLYING,
    UNITS,
    ODD_ROWS,
    ODD_IN_CLASS,
    IMBALANCE,
    RARE,
    UNSEEN,
    CONFLICTING,
    EXACT_DUPLICATES,
    NEAR_DUPLICATES,
    CROSSING_DUPLICATES,
    CROSSING_GROUPS,
    TARGET_LEAK,
    TIME_TRAVEL,
    DATED_AFTER,
    SORTED_BY_LABEL,
    SORTED_BY_FEATURE,
    TIME_BACK,
    ALIKE_NEIGHBOURS,
)
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

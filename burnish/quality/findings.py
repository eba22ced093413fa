"""What a quality check finds: rows, how bad it is, on what evidence, and what to do.

What belongs here: the records that every check answers with. What does not: the checks themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyarrow as pa

Severity: TypeAlias = Literal["error", "warning", "note"]
"""error: training or judging on this is wrong. warning: look at it. note: good to know."""

FINDINGS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("severity", pa.string()),
        ("columns", pa.list_(pa.string())),
        ("count", pa.int64()),  # rows concerned, or columns where no row is
        ("sentence", pa.string()),
        ("evidence", pa.string()),
        ("to_do", pa.string()),
    ]
)


@dataclass(frozen=True)
class QualityFinding:
    """One finding. `rows` are positions in the table, worst first; none where columns are at fault.

    `kind` is a stable word (`missing`, `exact_duplicates`, ...); `sentence` says what was found,
    `evidence` by what it is known, `to_do` what to do. `scores` go with `rows`, where there are
    any.
    """

    kind: str
    severity: Severity
    columns: tuple[str, ...]
    rows: tuple[int, ...]
    sentence: str
    evidence: str
    to_do: str
    scores: tuple[float, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def count(self) -> int:
        return len(self.rows) or len(self.columns)


@dataclass(frozen=True)
class QualityReport:
    """All findings on one table, the severest first, and what was looked for in vain."""

    findings: tuple[QualityFinding, ...]
    looked_for: tuple[str, ...]
    rows: int

    def to_table(self) -> pa.Table:
        """One row a finding, in the columns of `FINDINGS_SCHEMA`."""
        lines = [
            {
                "kind": one.kind,
                "severity": one.severity,
                "columns": list(one.columns),
                "count": one.count,
                "sentence": one.sentence,
                "evidence": one.evidence,
                "to_do": one.to_do,
            }
            for one in self.findings
        ]
        return pa.Table.from_pylist(lines, FINDINGS_SCHEMA)

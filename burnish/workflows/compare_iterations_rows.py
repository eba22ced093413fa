"""What became of held-out rows and their labels between two iterations, and by whose word.

What belongs here: counting and naming rows that left, came, moved or were relabelled. What does
not: labels of training rows (`burnish.workflows.compare_labels`), or what any of it does to a
model's figures (`burnish.workflows.compare_iterations`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from burnish.records import DatasetVersion
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.compare_labels import CHANGES, diff_versions

RELABELLED = "relabelled"


@dataclass(frozen=True)
class RowChanges:
    """The held-out rows of two iterations.

    `common` counts by split what both predicted, by the split of the newer. `left` and `came` are
    example_ids that only the older, or only the newer, predicted; `moved` those whose split
    changed. `changes` has the columns of `compare_labels.CHANGES` for every held-out row that was
    relabelled, left or came: who decided it and when, null where the source changed by itself.
    """

    common: Mapping[str, int]
    left: tuple[str, ...]
    came: tuple[str, ...]
    moved: tuple[str, ...]
    changes: pa.Table

    @property
    def relabelled(self) -> list[dict[str, Any]]:
        """The rows of `changes` whose label is another one now."""
        return [row for row in self.changes.to_pylist() if row["change"] == RELABELLED]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        rows = self.changes.to_pylist()
        for row in rows:
            row["at"] = row["at"].isoformat() if row["at"] else None
        return {
            "common": dict(self.common),
            "left": list(self.left),
            "came": list(self.came),
            "moved": list(self.moved),
            "changes": rows,
        }


@dataclass(frozen=True)
class _Opened:
    versions: Versions
    ledger: LabelLedger


def row_changes(
    versions: Versions,
    old: pa.Table,
    new: pa.Table,
    *,
    versions_of: tuple[DatasetVersion, DatasetVersion],
) -> RowChanges:
    """What became of the rows of two tables of predictions, made from these dataset versions."""
    then, now = _splits(old), _splits(new)
    both = [name for name in now if name in then]
    before, after = versions_of
    held_out = pa.array(sorted({*then, *now}), pa.string())
    changes = CHANGES.empty_table()
    if before != after:
        found = diff_versions(_Opened(versions, versions.ledger), before, after).changes
        changes = found.filter(pc.field("example_id").isin(held_out))
    return RowChanges(
        common=dict(Counter(now[name] for name in both)),
        left=tuple(sorted(name for name in then if name not in now)),
        came=tuple(sorted(name for name in now if name not in then)),
        moved=tuple(sorted(name for name in both if then[name] != now[name])),
        changes=changes,
    )


def _splits(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["example_id"].to_pylist(), table["split"].to_pylist(), strict=True))

"""Equal rows with different labels, as a finding.

What belongs here: the check. What does not: which rows are equal and how much their labels differ
(`burnish.quality.duplicates`, `burnish.quality.conflicts`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from burnish.quality.chance import by_chance
from burnish.quality.checked import Check, Checked
from burnish.quality.columns import identifier
from burnish.quality.conflicts import label_conflicts
from burnish.quality.duplicates import duplicate_groups
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import count_of, share_of

MOST = 0.05
"""Share of the rows from which on the features cannot tell the labels apart: no slips."""


def conflicting_labels(checked: Checked) -> Iterator[QualityFinding]:
    """Rows that are equal in all features and differ in their label; a warning.

    The worst first: those whose copies all say something else. A note where more than 5 % of the
    rows are so, or rows are equal by chance: then the features do not tell, and no label need be
    wrong. Columns that only name
    the row are left out; a label may be a quantity, too.

    >>> import pyarrow as pa
    >>> table = pa.table({"text": ["hi", "hi", "hi", "bye"], "label": ["a", "a", "b", "a"]})
    >>> [one.rows for one in conflicting_labels(Checked.of(table, target="label"))]
    [(2, 0, 1)]
    """
    if checked.target is None or not checked.rows:
        return
    labels = checked.column(checked.target)
    naming = {name for finding in identifier(checked) for name in finding.columns}
    names = [name for name in checked.names if name not in naming and _fit(checked, name)]
    known = np.flatnonzero(~labels.blank)
    if not names or labels.nature == "other" or known.size < 2:
        return
    groups = duplicate_groups(checked.table.take(pa.array(known)), names)
    found = label_conflicts(groups, labels.cells.take(pa.array(known)))
    rows = known[found.conflicting]
    if rows.size:
        share = found.disagreement[found.conflicting]
        order = np.argsort(-share, kind="stable")
        many = rows.size > MOST * checked.rows and checked.rows >= 100
        many = many or by_chance(checked, names)
        yield QualityFinding(
            kind="conflicting_labels",
            severity="note" if many else "warning",
            columns=(checked.target,),
            rows=tuple(rows[order].tolist()),
            sentence=f"{count_of(rows.size)} have copies that carry another label.",
            evidence=f"equal in all {count_of(len(names), 'feature')}; "
            f"{share_of(rows.size, checked.rows)} of the rows",
            to_do="The features do not tell these labels apart: add one that does." if many
            else "Have a person look at each group: at most one of the labels is right, or a "
            "feature is lacking.",
            scores=tuple(share[order].tolist()),
        )  # fmt: skip


def _fit(checked: Checked, name: str) -> bool:
    kind = checked.table.schema.field(name).type
    return not (pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_null(kind))


CONFLICTING = Check("conflicting_labels", "equal rows with different labels", conflicting_labels)

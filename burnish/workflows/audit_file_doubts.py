"""Why the figures of an audited file may not hold, in words for its page and the terminal.

What belongs here: doubts about the whole audit. What does not: findings about rows and columns
(`burnish.workflows.audit_file_quality`), or the limits that every audit has
(`burnish.workflows.audit_file_page`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from burnish.metrics import wilson_interval
from burnish.report.loop_page import percent
from burnish.workflows.audit_file_rows import FileRows

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

FEW_LABELS = 50
# Where models agree with fewer of the labels, hard rows may be most of what they call wrong.
WELL_TOLD = 0.85
# A column that tells the label in so many rows, by few values for each class, may be made from it.
GIVES_AWAY, VALUES_A_CLASS = 0.995, 3


def doubts(rows: FileRows, judged: pa.Table) -> tuple[str, ...]:
    """All of them; `judged` are the rows with a label, as `audit_table` has them."""
    return (*_few_labels(judged), *_weak_models(judged), *_giveaways(rows))


def _few_labels(judged: pa.Table) -> Iterator[str]:
    if judged.num_rows < FEW_LABELS:
        yield (
            f"Only {judged.num_rows} rows have a label. From so few, models learn next to "
            "nothing: take the figures as a trial of the tool, and look at all rows."
        )


def _weak_models(judged: pa.Table) -> Iterator[str]:
    n, given = judged.num_rows, judged["given_label"]
    agreed = int(pc.sum(pc.equal(given, judged["suggested_label"])).as_py() or 0)
    counts = pc.value_counts(given.combine_chunks())
    most = max(counts.to_pylist(), key=lambda one: (one["counts"], one["values"]))
    if wilson_interval(agreed, n).low <= most["counts"] / n:
        yield (
            f"The models agree with {percent(agreed / n)} of the labels; always saying "
            f"{most['values']!r} would agree with {percent(most['counts'] / n)}. So these columns "
            "may not tell the classes apart, and what looks wrong here may be chance."
        )
    elif agreed < WELL_TOLD * n:
        yield (
            f"The models agree with only {percent(agreed / n)} of the labels. They cannot tell a "
            "wrong label from a hard row: if these columns do not tell the classes apart well, far "
            "fewer labels are wrong than it says here."
        )


def _giveaways(rows: FileRows) -> Iterator[str]:
    """Columns that the label may have been written to: with them, models read the answer."""
    labeled = rows.examples.filter(pc.is_valid(rows.examples["label"]))
    if labeled.num_rows < FEW_LABELS:
        return
    label = pc.dictionary_encode(labeled["label"].combine_chunks())
    codes, n_classes = label.indices.to_numpy(), len(label.dictionary)
    for name in rows.spec.of_kind("categorical", "boolean", "numeric"):
        cells = pc.dictionary_encode(labeled[name].combine_chunks(), null_encoding="encode")
        n_values = len(cells.dictionary)
        if n_values > VALUES_A_CLASS * n_classes:
            continue
        cell = cells.indices.to_numpy() * n_classes + codes
        table = np.bincount(cell, minlength=n_values * n_classes).reshape(n_values, n_classes)
        told = table.max(axis=1).sum() / labeled.num_rows
        if told >= GIVES_AWAY and (table.sum(axis=0) > 0).sum() <= n_values:
            yield (
                f"The column {name!r} alone tells {percent(told)} of the labels. If it was made "
                "from them, the models have read the answers and find no wrong one: audit again "
                f"with --exclude {name}."
            )

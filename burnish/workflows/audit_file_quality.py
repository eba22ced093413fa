"""What is found in an audited file beside wrong labels, in words for its page.

What belongs here: counting and telling. What does not: finding duplicates or outliers
(`burnish.quality`), or the labels (`burnish.workflows.audit`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from burnish.report.audit_page import QualityFinding
from burnish.workflows.audit_file_answers import Consensus
from burnish.workflows.audit_file_rows import FileRows
from burnish.workflows.validate import crossing_duplicates

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

FEW_ROWS, MOST_EXAMPLES = 10, 4
# So many times as far from its nearest rows as the median row, and as 95 of 100 rows. The second
# is for tables where categories set many rows apart: a fifth of all rows are no outliers.
FAR_OFF, FARTHER_THAN_MOST = 4.0, 2.0
# Alpha up to which agreement is called slight at best (Landis and Koch 1977).
BY_CHANCE = 0.2


def quality_findings(rows: FileRows, table: pa.Table) -> tuple[QualityFinding, ...]:
    """All findings, what was looked for in vain as well. `table` is that of `audit_table`."""
    return (
        *_copies(table),
        *_near_copies(table),
        *_outliers(table),
        *_missing(rows),
        _few(rows),
        *_held_out_copies(rows, table),
        *_between_annotators(rows, table),
    )


def _copies(table: pa.Table) -> Iterator[QualityFinding]:
    groups: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    columns = [table[name].to_pylist() for name in ("copy_group", "row", "given_label")]
    for group, row, label in zip(*columns, strict=True):
        groups[group].append((row, label))
    copied = [sorted(group) for group in groups.values() if len(group) > 1]
    copied.sort()
    extra = sum(len(group) - 1 for group in copied)
    yield QualityFinding(
        "Exact duplicates",
        extra,
        "Rows whose features are all those of an earlier row. They count twice wherever rows are "
        "counted; the audit keeps them together, so that none gives another away."
        if extra
        else "No two rows have the same features.",
        tuple(_rows_said([row for row, _ in group]) for group in copied[:MOST_EXAMPLES]),
        "warn" if extra else "good",
    )
    torn = [group for group in copied if len({label for _, label in group} - {None}) > 1]
    count = sum(len(group) for group in torn)
    yield QualityFinding(
        "Conflicting labels",
        count,
        "Rows with the same features and different labels: one of the labels is wrong, or what "
        "tells the rows apart is not among the columns."
        if count
        else "Rows with the same features have the same label.",
        tuple(_torn_said(group) for group in torn[:MOST_EXAMPLES]),
        "warn" if count else "good",
    )


def _near_copies(table: pa.Table) -> Iterator[QualityFinding]:
    """Groups of near copies with more than one content: those of one are exact copies."""
    columns = [table[name].to_pylist() for name in ("row", "cluster", "copy_group")]
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for row, name, content in sorted(zip(*columns, strict=True)):
        groups[name].setdefault(content, row)
    near = [sorted(group.values()) for group in groups.values() if len(group) > 1]
    near.sort()
    extra = sum(len(group) - 1 for group in near)
    yield QualityFinding(
        "Near duplicates",
        extra,
        "Rows so much nearer to an earlier one than to those around that they may be copies of it "
        "but for small changes. Where some are for training and some for testing, a test answers "
        "itself. About one row in a thousand is so near another by chance: look at a few."
        if extra
        else "No two rows are so near that they may be copies but for small changes.",
        tuple(_rows_said(group) for group in near[:MOST_EXAMPLES]),
        "warn" if extra else "good",
    )


def _outliers(table: pa.Table) -> Iterator[QualityFinding]:
    score = table["outlier_score"].to_numpy()
    if np.isnan(score).all():
        return
    times = score / np.maximum(1.0 - score, 1e-12)
    limit = max(FAR_OFF, FARTHER_THAN_MOST * float(np.nanquantile(times, 0.95)))
    odd = np.flatnonzero(times > limit)
    rows = table["row"].to_numpy()[odd]
    first = rows[np.lexsort((rows, -score[odd]))][:MOST_EXAMPLES]
    yield QualityFinding(
        "Outliers",
        odd.size,
        f"Rows at least {limit:,.0f} times as far from their nearest rows as is usual: broken "
        "values, or something that is rare."
        if odd.size
        else f"No row is {limit:,.0f} times as far from its nearest rows as is usual.",
        tuple(f"row {row:,}" for row in first.tolist()),
        "warn" if odd.size else "good",
    )


def _rows_said(rows: Sequence[int]) -> str:
    shown = ", ".join(f"{row:,}" for row in rows[:3])
    return f"rows {shown}{f' and {len(rows) - 3:,} more' if len(rows) > 3 else ''}"


def _torn_said(group: Sequence[tuple[int, str | None]]) -> str:
    """The first row of each label: three rows of one label would show no conflict."""
    first: dict[str, int] = {}
    for row, label in group:
        if label is not None:
            first.setdefault(label, row)
    return ", ".join(f"row {row:,} {label}" for label, row in list(first.items())[:3])


def _missing(rows: FileRows) -> Iterator[QualityFinding]:
    count = rows.examples.num_rows
    holes = {name: rows.examples[name].null_count for name in rows.spec.features}
    worst = sorted((name for name in holes if holes[name]), key=lambda name: -holes[name])
    yield QualityFinding(
        "Columns with missing values",
        len(worst),
        "Their rows were judged all the same, by what is there."
        if worst
        else "Every feature has a value in every row.",
        tuple(f"{name} {100 * holes[name] / count:.1f} %" for name in worst[:MOST_EXAMPLES]),
        "warn" if worst else "good",
    )
    blank = rows.examples["label"].null_count
    if blank:
        yield QualityFinding(
            "Rows without a label",
            blank,
            "They were not used to judge the others; what the models say of them is in "
            "suggested_label, and those they know least of are in the queue.",
        )


def _few(rows: FileRows) -> QualityFinding:
    counts = Counter(label for label in rows.examples["label"].to_pylist() if label is not None)
    few = sorted((name for name, n in counts.items() if n < FEW_ROWS), key=lambda n: counts[n])
    return QualityFinding(
        f"Classes with fewer than {FEW_ROWS} rows",
        len(few),
        "Models learn next to nothing of them, so their rows may look wrong for that alone; often "
        "they are misspellings of another class."
        if few
        else "Every class has rows enough to be learnt.",
        tuple(f"{name} ({counts[name]})" for name in few[:MOST_EXAMPLES]),
        "warn" if few else "good",
    )


def _held_out_copies(rows: FileRows, table: pa.Table) -> Iterator[QualityFinding]:
    if rows.declared.null_count == len(rows.declared):
        return
    shared = crossing_duplicates(
        pa.table({"split": table["split"], "fold_group": table["copy_group"]})
    )
    yield QualityFinding(
        "Test rows that are also training rows",
        shared,
        "Validation or test rows with the features of a training row: a model may answer them by "
        "heart."
        if shared
        else "No validation or test row has the features of a training row.",
        state="warn" if shared else "good",
    )


def _between_annotators(rows: FileRows, table: pa.Table) -> Iterator[QualityFinding]:
    if rows.answers is None:
        return
    disagreement = table["annotator_disagreement"]
    torn = int(pc.sum(pc.fill_null(pc.greater(disagreement, 0.0), False)).as_py() or 0)
    consensus = rows.answers.consensus
    yield QualityFinding(
        "Rows that annotators disagree about",
        torn,
        f"At least one answer is not the label. Consensus by {consensus.why or consensus.method}."
        if torn
        else "Every answer is the label.",
        state="warn" if torn else "good",
    )
    low = sorted(consensus.reliability.items(), key=lambda item: (item[1], item[0]))
    odd = [f"{name}: {kind}" for name, kind in consensus.odd.items()]
    least = [f"{name} is right on {100 * share:.0f} %" for name, share in low]
    if isnan(consensus.alpha):
        # Alone, each would be right on 50 %, which says nothing.
        odd, least = [], []
    yield QualityFinding(
        "Annotators who stand out",
        len(odd),
        _annotators_said(consensus),
        tuple([*odd, *least][:MOST_EXAMPLES]),
        "good" if consensus.alpha >= BY_CHANCE and not odd else "warn",
    )


def _annotators_said(consensus: Consensus) -> str:
    if isnan(consensus.alpha):
        return "Nothing to judge them by: no row has two answers, or all answers are the same."
    if consensus.alpha < BY_CHANCE:
        return (
            "All together hardly agree more often than by chance (Krippendorff's alpha "
            f"{consensus.alpha:.2f}), so what is said of the consensus and of each of them may "
            "be chance as well."
        )
    if consensus.odd:
        return (
            "Their answers tell next to nothing, or give one class for another. After them stand "
            "those least often right."
        )
    return "Everybody's answers tell something. Those least often right are named."

"""Evaluate: what a trained model gets right, over all, by declared slice and by class.

What belongs here: joining predictions to examples and asking for each slice's metrics. What does
not: the metrics (`burnish.metrics`), slices (`burnish.slices`), or the decision that follows
(`burnish.workflows.promote`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.slices import (
    OVERALL,
    SLICE_METRICS,
    SliceMask,
    everything,
    resolve_slices,
    slice_metrics,
)
from burnish.spec import DatasetSpec, Slice

EVALUATED_SPLITS: tuple[str, ...] = ("validation", "test")
CLASS_METRICS: tuple[str, ...] = ("accuracy", "log_loss")
"""Metrics of the slice of one class; F1 and calibration mean little among rows of one class."""


@dataclass(frozen=True)
class WorstSlice:
    """The slice with the lowest accuracy: its name and id, the accuracy, and its rows."""

    name: str
    slice_id: str
    value: float
    support: int


def slice_report(predictions: pa.Table, curated: pa.Table, spec: DatasetSpec) -> pa.Table:
    """Metrics by split and slice: split, slice, slice_id, metric, value, low, high, support.

    `predictions` has a row for each validation and test example: example_id, split, label,
    predicted, and `p:<class>` for each class. `curated` gives the columns that slices speak of.
    The report has the slice `overall`, every declared slice, and one for each class
    (`class:<label>`, whose accuracy is the recall of the class). A slice without rows in a split
    is kept, with null values and support 0; a split without rows is left out. Raises `DataError`
    where a predicted example is not in `curated`, or has another label there.
    """
    examples = _examples_of(predictions, curated)
    classes = class_columns(predictions)
    declared = resolve_slices(examples, spec.slices)
    by_class = _class_slices(examples, classes, declared)
    parts: list[pa.Table] = []
    for split in EVALUATED_SPLITS:
        rows = np.flatnonzero(np.asarray(predictions["split"].to_pylist()) == split)
        if rows.size:
            whole = [everything(rows.size), *_restricted(declared, rows)]
            some = predictions.take(rows)
            measured = [
                _measured(some, whole, classes, SLICE_METRICS),
                _measured(some, _restricted(by_class, rows), classes, CLASS_METRICS),
            ]
            table = pa.concat_tables(measured)
            names = pa.array([split] * table.num_rows, pa.string())
            parts.append(table.add_column(0, "split", names))
    if not parts:
        raise DataError(
            "no predictions of validation or test rows",
            expected="rows whose split is validation or test",
            hint="widen `split.validation` or `split.test` in the spec",
        )
    return pa.concat_tables(parts)


def headline(report: pa.Table) -> dict[str, float]:
    """The numbers of a report that stand for the whole: `<split>_<metric>` of all rows.

    With `<split>_worst_slice_accuracy` where a slice is large enough for `worst_slice`. What is
    unknown is left out.

    >>> report = pa.table({
    ...     "split": ["validation"], "slice": ["overall"], "slice_id": ["overall"],
    ...     "metric": ["accuracy"], "value": [0.9], "support": [50],
    ... })
    >>> headline(report)
    {'validation_accuracy': 0.9}
    """
    found: dict[str, float] = {
        f"{row['split']}_{row['metric']}": row["value"]
        for row in report.to_pylist()
        if row["slice_id"] == OVERALL and row["value"] is not None
    }
    for split in EVALUATED_SPLITS:
        worst = worst_slice(report, split=split)
        if worst is not None:
            found[f"{split}_worst_slice_accuracy"] = worst.value
    return found


def worst_slice(
    report: pa.Table, *, split: str = "validation", min_support: int = 20
) -> WorstSlice | None:
    """The slice of the lowest accuracy among those of `min_support` rows or more, or None.

    Slices of a class count too. Of equals, the first in the report is taken.

    >>> report = pa.table({
    ...     "split": ["validation"] * 2, "slice": ["source:a", "source:b"],
    ...     "slice_id": ["8cc046f2", "be785933"], "metric": ["accuracy"] * 2,
    ...     "value": [0.9, 0.7], "support": [50, 40],
    ... })
    >>> worst_slice(report)
    WorstSlice(name='source:b', slice_id='be785933', value=0.7, support=40)
    """
    known = [
        WorstSlice(row["slice"], row["slice_id"], row["value"], row["support"])
        for row in report.to_pylist()
        if row["split"] == split
        and row["metric"] == "accuracy"
        and row["slice_id"] != OVERALL
        and row["support"] >= min_support
        and row["value"] is not None
    ]
    return min(known, key=lambda one: one.value, default=None)


def class_columns(predictions: pa.Table) -> tuple[str, ...]:
    """The classes for which a table has probabilities, in the order of its `p:` columns.

    >>> class_columns(pa.table({"p:cat": [0.5], "p:dog": [0.5]}))
    ('cat', 'dog')
    """
    return tuple(name[2:] for name in predictions.column_names if name.startswith("p:"))


def _examples_of(predictions: pa.Table, curated: pa.Table) -> pa.Table:
    """The curated row of each prediction, in order."""
    place = {name: row for row, name in enumerate(curated["example_id"].to_pylist())}
    wanted: list[str] = predictions["example_id"].to_pylist()
    absent = [name for name in wanted if name not in place]
    if absent:
        raise DataError(
            f"{len(absent)} predicted examples are not in the curated examples, say {absent[0]!r}",
            expected="predictions of curated examples",
            hint="use tables of one iteration",
        )
    examples = curated.take(pa.array([place[name] for name in wanted], pa.int64()))
    _refuse_other_labels(examples, predictions)
    return examples


def _refuse_other_labels(examples: pa.Table, predictions: pa.Table) -> None:
    now, then = examples["label"].to_pylist(), predictions["label"].to_pylist()
    if now != then:
        row = next(row for row, label in enumerate(now) if label != then[row])
        raise DataError(
            f"example {predictions['example_id'][row].as_py()!r} has label {now[row]!r} in the "
            f"data and {then[row]!r} in the predictions",
            expected="predictions held against the labels they were stored with",
            hint="train again after labels change, or use tables of one iteration",
        )


def _class_slices(
    examples: pa.Table, classes: Sequence[str], declared: Sequence[SliceMask]
) -> list[SliceMask]:
    taken = {(one.name, one.slice_id) for one in declared}
    by_class = resolve_slices(
        examples, [Slice(name="class", column="label", values=tuple(classes))]
    )
    return [one for one in by_class if (one.name, one.slice_id) not in taken]


def _restricted(slices: Sequence[SliceMask], rows: NDArray[np.intp]) -> list[SliceMask]:
    return [replace(one, mask=one.mask[rows]) for one in slices]


def _measured(
    predictions: pa.Table,
    slices: Sequence[SliceMask],
    classes: Sequence[str],
    metrics: Sequence[str],
) -> pa.Table:
    return slice_metrics(
        predictions["label"].to_pylist(),
        predictions["predicted"].to_pylist(),
        slices,
        pred_probs=np.column_stack([predictions[f"p:{name}"].to_numpy() for name in classes]),
        classes=classes,
        metrics=metrics,
    )

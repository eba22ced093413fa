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
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.slices import (
    OVERALL,
    Partition,
    SliceMask,
    each_once,
    everything,
    resolve_partitions,
    slice_metrics,
    worst,
)
from burnish.slices.measuring import MIN_ROWS
from burnish.spec import DatasetSpec, Slice
from burnish.workflows.discovered import FoundSlice, found_masks

EVALUATED_SPLITS: tuple[str, ...] = ("validation", "test")
REPORT_METRICS: tuple[str, ...] = (
    "accuracy", "precision", "recall", "f1_macro", "auroc", "log_loss", "brier", "ece",
)  # fmt: skip
"""What is measured of all rows and of every slice but those of a class."""
CLASS_METRICS: tuple[str, ...] = ("accuracy", "log_loss", "brier")
"""Metrics of the slice of one class, where accuracy is recall; the others need two classes."""


@dataclass(frozen=True)
class WorstSlice:
    """The slice with the lowest accuracy: its name and id, the accuracy, and its rows.

    `uncertain` says that no slice has rows and mistakes enough for its accuracy to be trusted.
    """

    name: str
    slice_id: str
    value: float
    support: int
    uncertain: bool = False


def slice_report(
    predictions: pa.Table, curated: pa.Table, spec: DatasetSpec, *, found: Sequence[FoundSlice] = ()
) -> pa.Table:
    """Metrics by split and slice: split, slice, slice_id, metric, value, low, high, support.

    `predictions` has a row for each validation and test example: example_id, split, label,
    predicted, and `p:<class>` for each class. `curated` gives the columns that slices speak of.
    The report has the slice `overall`, every declared slice, those of `found` (slices that were
    discovered, without the rows that are withheld from them), and one for each class
    (`class:<label>`, whose accuracy is the recall of the class). A predicate is measured once,
    under the name that comes first. `uncertain` marks values of too few rows or mistakes. A slice
    without rows in a split is kept, with null values and support 0; a split without rows is left
    out. Raises `DataError` where a predicted example is not in `curated`, or has another label
    there.
    """
    examples = _examples_of(predictions, curated)
    classes = class_columns(predictions)
    cut = [*resolve_partitions(examples, spec.slices), *found_masks(examples, found)]
    by_class = resolve_partitions(
        examples, [Slice(name="class", column="label", values=tuple(classes))]
    )
    declared, of_class = each_once(cut, by_class)
    parts: list[pa.Table] = []
    for split in EVALUATED_SPLITS:
        rows = np.flatnonzero(np.asarray(predictions["split"].to_pylist()) == split)
        if rows.size:
            whole = [everything(rows.size), *(_taken(one, rows) for one in declared)]
            some = predictions.take(rows)
            measured = [
                _measured(some, whole, classes, REPORT_METRICS),
                _measured(some, [_taken(one, rows) for one in of_class], classes, CLASS_METRICS),
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


def with_uncertain(report: pa.Table) -> pa.Table:
    """A report with the column `uncertain`, which an older Burnish did not write.

    Of such a report it goes by the rows alone: how many mistakes there were it does not tell.

    >>> old = pa.table({"slice": ["a", "b"], "support": [12, 80]})
    >>> with_uncertain(old)["uncertain"].to_pylist()
    [True, False]
    """
    if "uncertain" in report.column_names:
        return report
    few = [rows < MIN_ROWS for rows in report["support"].to_pylist()]
    return report.append_column("uncertain", pa.array(few, pa.bool_()))


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

    Looked for among slices whose accuracy is certain (30 rows or more, ten mistakes and ten hits);
    where there is none, among the others, and the answer says that it is `uncertain`. Slices of a
    class count too. Of equals, the first in the report is taken.

    >>> report = pa.table({
    ...     "split": ["validation"] * 2, "slice": ["source:a", "source:b"],
    ...     "slice_id": ["8cc046f2", "be785933"], "metric": ["accuracy"] * 2,
    ...     "value": [0.9, 0.7], "support": [200, 40], "uncertain": [False, False],
    ... })
    >>> worst_slice(report)
    WorstSlice(name='source:b', slice_id='be785933', value=0.7, support=40, uncertain=False)
    """
    rows = with_uncertain(report).filter(
        (pc.field("split") == split) & (pc.field("metric") == "accuracy")
    )
    for table in (rows.filter(~pc.field("uncertain")), rows):
        lowest = worst(table, "accuracy", k=1, min_support=min_support) if table.num_rows else table
        if lowest.num_rows:
            row = lowest.to_pylist()[0]
            named = row["slice"], row["slice_id"], row["value"], row["support"]
            return WorstSlice(*named, uncertain=row["uncertain"])
    return None


def worst_in_words(worst: WorstSlice | None) -> str:
    """The name of the worst slice, and whether it is uncertain.

    >>> worst_in_words(WorstSlice("source:b", "be785933", 0.7, 24, uncertain=True))
    'source:b (uncertain)'
    """
    if worst is None:
        return "(none)"
    return f"{worst.name} (uncertain)" if worst.uncertain else worst.name


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


def _taken(one: SliceMask | Partition, rows: NDArray[np.intp]) -> SliceMask | Partition:
    return one.take(rows) if isinstance(one, Partition) else replace(one, mask=one.mask[rows])


def _measured(
    predictions: pa.Table,
    slices: Sequence[SliceMask | Partition],
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

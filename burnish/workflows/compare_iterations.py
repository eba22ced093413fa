"""Two iterations side by side: both models, on the labels of then and on those of now.

What belongs here: which rows and slices two iterations share, and what was measured of them. What
does not: one paired comparison (`burnish.slices.compare`), what became of rows and labels in
between (`burnish.workflows.compare_iterations_rows`), words for people
(`.compare_iterations_words`), or whether a model is promoted (`.promote`).

A figure moves when the model changes, and it moves when the labels do that it is held against.
With two models and two rulers there are four figures; along a ruler they say what the model
bought, along a model what the ruler did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import IterationError, StoreError
from burnish.records import DatasetVersion, Iteration
from burnish.slices import (
    COMPARISON_SCHEMA,
    OVERALL,
    Partition,
    SliceMask,
    by_class,
    compare,
    each_once,
    everything,
    resolve_partitions,
    slice_metrics,
)
from burnish.spec import PromotionPolicy, Slice
from burnish.versions import Versions
from burnish.workflows.compare_iterations_rows import RowChanges, row_changes
from burnish.workflows.naming import trained_on
from burnish.workflows.promote import Promotion
from burnish.workflows.promote_incumbent import held_against, rows_since
from burnish.workflows.promote_pairs import Pair, pair_rows

SPLITS = ("validation", "test")
"""Decisions are made on validation rows; what test rows say is reported."""

METRICS: tuple[str, ...] = ("accuracy", "brier", "log_loss", "ece")
CLASS_METRICS: tuple[str, ...] = ("accuracy", "brier", "log_loss")
"""Of rows of one class alone, a calibration error means little."""

OLD, NEW = "old", "new"
FOUR = (
    ("old_model_old_labels", OLD, OLD),
    ("new_model_old_labels", NEW, OLD),
    ("old_model_new_labels", OLD, NEW),
    ("new_model_new_labels", NEW, NEW),
)

NUMBERS = pa.schema(
    [(name, pa.string()) for name in ("split", "slice", "slice_id", "metric")]
    + [("support", pa.int64())]
    + [(name, pa.float64()) for name, _, _ in FOUR]
)
DIFFERENCES = pa.schema(
    [(name, pa.string()) for name in ("split", "changed", "fixed")] + list(COMPARISON_SCHEMA)
)
_Slicings: TypeAlias = Sequence[SliceMask | Partition]


@dataclass(frozen=True)
class ComparedIterations:
    """What two iterations come to on the held-out rows that both predicted.

    `numbers` has a row a split, slice and metric with the four figures (`NUMBERS`). `differences`
    has `DIFFERENCES`: changed = "model" with fixed = "old labels" or "new labels" is what the
    model bought on one ruler; changed = "labels" with fixed = "old model" or "new model" is what
    the correction of labels did to the accuracy of one model. Limits of `overall` are its own,
    those of slices hold for all slices of a metric, split and ruler at once. Old means `before`.

    `decision` is what the gate decided of `after`; it was held against iteration
    `decision.against`, which need not be `before`. Where it is, `since` counts by split the rows
    that came after `before` was trained and that its kept model predicted for that decision.
    """

    before: Iteration
    after: Iteration
    before_version: DatasetVersion
    after_version: DatasetVersion
    numbers: pa.Table
    differences: pa.Table
    rows: RowChanges
    decision: Promotion | None
    confidence: float
    min_support: int
    since: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_table(self) -> pa.Table:
        return self.differences

    def found(self, **where: str) -> Iterator[dict[str, Any]]:
        """The rows of `differences` whose columns have these values."""
        for row in self.differences.to_pylist():
            if all(row[name] == value for name, value in where.items()):
                yield row

    def overall(self, split: str, *, changed: str, fixed: str) -> dict[str, Any] | None:
        """The difference of accuracy over all rows of a split; None for a split without rows."""
        where = {"split": split, "changed": changed, "fixed": fixed}
        return next(self.found(**where, slice_id=OVERALL, metric="accuracy"), None)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "before": {"iteration": str(self.before), "version": str(self.before_version)},
            "after": {"iteration": str(self.after), "version": str(self.after_version)},
            "confidence": self.confidence,
            "min_support": self.min_support,
            "rows": self.rows.to_json(),
            "since": dict(self.since),
            "numbers": self.numbers.to_pylist(),
            "differences": self.differences.to_pylist(),
            "decision": None if self.decision is None else asdict(self.decision),
        }


def compare_iterations(
    versions: Versions, before: Iteration, after: Iteration, *, confidence: float = 0.95
) -> ComparedIterations:
    """Holds the models of two iterations of one dataset against each other, from the record alone.

    The rows are those of validation and test that both predicted; the slices those that `after`
    declared, cut by its curated rows, and its classes. Raises `IterationError` for iterations of
    two datasets, one and the same, one that trained no model, or one whose predictions or rows
    are no longer kept.
    """
    _require_two(before, after)
    old, new = _predictions(versions, before, asked_by=after), _predictions(versions, after)
    curated = _kept(versions, after, "curated_examples", "curated_version")
    spec: Mapping[str, Any] = after.summary.get("spec", {})
    policy = PromotionPolicy.model_validate(spec.get("promotion", {}))
    cuts = [Slice.model_validate(one) for one in spec.get("slices", [])]
    numbers, differences = [NUMBERS.empty_table()], [DIFFERENCES.empty_table()]
    for split in SPLITS:
        rulers = _rulers(old, new, split)
        if rulers[NEW].rows:
            slices = _slices(rulers[NEW], curated, cuts)
            numbers += [_named(one, split=split) for one in _four(rulers, slices)]
            seen = _differences(rulers, slices, confidence, policy.min_support)
            differences += [_named(one, split=split, **of) for of, one in seen]
    made = (trained_on(versions, before), trained_on(versions, after))
    told = after.summary.get("promotion")
    return ComparedIterations(
        before=before,
        after=after,
        before_version=made[0],
        after_version=made[1],
        numbers=pa.concat_tables([one.select(NUMBERS.names) for one in numbers]),
        differences=pa.concat_tables([one.select(DIFFERENCES.names) for one in differences]),
        rows=row_changes(versions, old, new, versions_of=made),
        decision=None if told is None else Promotion.from_record(told),
        confidence=confidence,
        min_support=policy.min_support,
        since=rows_since(after, before),
    )


@dataclass(frozen=True)
class AccuracyDifferences:
    """What another model makes of accuracy on the common rows of a split: rows of `DIFFERENCES`.

    The whole comes first in both: on the labels of now, and on those of then. `changed` labels
    differ between the two.
    """

    now: tuple[dict[str, Any], ...]
    then: tuple[dict[str, Any], ...]
    changed: int


def accuracy_differences(
    old: pa.Table,
    new: pa.Table,
    curated: pa.Table,
    *,
    split: str,
    slices: Sequence[Slice],
    min_support: int,
    confidence: float = 0.95,
) -> AccuracyDifferences | None:
    """What `compare_iterations` says of accuracy, of any two tables of predictions.

    None where no row of the split was predicted by both.
    """
    rulers = _rulers(old, new, split)
    if not rulers[NEW].rows:
        return None
    masks = _slices(rulers[NEW], curated, slices)
    seen = list(_differences(rulers, masks, confidence, min_support, only=("accuracy",)))
    now, then = (
        tuple(
            row
            for of, table in seen
            if of == {"changed": "model", "fixed": f"{ruler} labels"}
            for row in table.to_pylist()
        )
        for ruler in (NEW, OLD)
    )
    changed = int(np.sum(rulers[OLD].labels != rulers[NEW].labels))
    return AccuracyDifferences(now, then, changed)


def _require_two(before: Iteration, after: Iteration) -> None:
    if before.dataset != after.dataset:
        raise IterationError(
            f"{before} and {after} are of two datasets", expected="two iterations of one dataset"
        )
    if before.number == after.number:
        raise IterationError(
            f"{before} against itself",
            expected="two different iterations",
            hint=f"say `burnish compare {before.dataset}@iter1 {after}`",
        )


def _predictions(
    versions: Versions, iteration: Iteration, *, asked_by: Iteration | None = None
) -> pa.Table:
    """What its model said; with `asked_by`, all that the decision on that one was made on."""
    if "predictions_version" not in iteration.summary:
        raise IterationError(
            f"{iteration} has not trained a model yet",
            expected="an iteration past trained_model",
            hint="decide its batch and go on with the loop",
        )
    kept = _kept(versions, iteration, "trained_model", "predictions_version")
    if asked_by is None or not rows_since(asked_by, iteration):
        return kept
    return held_against(versions, asked_by, iteration)


def _kept(versions: Versions, iteration: Iteration, stage: str, noted: str) -> pa.Table:
    try:
        return versions.let_through(iteration.dataset, stage, int(iteration.summary[noted]))
    except StoreError as error:
        raise IterationError(
            f"what {iteration} left in {stage} can no longer be read: {error.found}",
            expected="an iteration whose tables are kept",
            hint="compare with another iteration; `burnish verify` says which tables are whole",
        ) from error


def _rulers(old: pa.Table, new: pa.Table, split: str) -> dict[str, Pair]:
    """The common rows of a split, on the labels as `old` was held against, and as `new` was."""
    then = dict(zip(old["example_id"].to_pylist(), old["label"].to_pylist(), strict=True))
    return {
        OLD: pair_rows(old, new, split=split, labels=then),
        NEW: pair_rows(old, new, split=split),
    }


def _slices(pair: Pair, curated: pa.Table, cuts: Sequence[Slice]) -> tuple[_Slicings, _Slicings]:
    """Declared slices, and those of classes, over the rows of the pair."""
    place = {name: row for row, name in enumerate(curated["example_id"].to_pylist())}
    rows = curated.take(pa.array([place[name] for name in pair.example_ids], pa.int64()))
    # The same rows on both rulers, so that nothing but the labels differs.
    declared, classes = each_once(resolve_partitions(rows, cuts), [by_class(pair.labels)])
    return declared, classes


def _four(rulers: Mapping[str, Pair], slices: tuple[_Slicings, _Slicings]) -> Iterator[pa.Table]:
    declared, classes = slices
    whole = everything(rulers[NEW].rows)
    for parts, metrics in (([whole, *declared], METRICS), (classes, CLASS_METRICS)):
        if parts:
            yield _side_by_side(rulers, parts, metrics)


def _side_by_side(rulers: Mapping[str, Pair], parts: _Slicings, metrics: Sequence[str]) -> pa.Table:
    columns: dict[str, Any] = {}
    for name, model, ruler in FOUR:
        pair = rulers[ruler]
        measured = slice_metrics(
            pair.labels,
            pair.before if model == OLD else pair.after,
            parts,
            pred_probs=pair.probs_before if model == OLD else pair.probs_after,
            classes=pair.classes or None,
            metrics=metrics if pair.classes else ("accuracy",),
        )
        columns |= {one: measured[one] for one in ("slice", "slice_id", "metric", "support")}
        columns[name] = measured["value"]
    return pa.table(columns)


def _differences(
    rulers: Mapping[str, Pair],
    slices: tuple[_Slicings, _Slicings],
    confidence: float,
    min_support: int,
    *,
    only: Sequence[str] = METRICS,
) -> Iterator[tuple[dict[str, str], pa.Table]]:
    declared, classes = slices
    families = (
        ([everything(rulers[NEW].rows)], METRICS),
        ([*declared, *classes], CLASS_METRICS),
        (declared, ("ece",)),
    )
    asked: dict[str, Any] = {"confidence": confidence, "min_support": min_support}
    for masks, metrics in families:
        known = metrics if rulers[NEW].classes else ("accuracy",)
        usable = tuple(one for one in metrics if one in known and one in only)
        if not masks or not usable:
            continue
        for ruler, pair in rulers.items():
            found = compare(
                pair.labels,
                pair.before,
                pair.after,
                masks,
                probs_before=pair.probs_before,
                probs_after=pair.probs_after,
                classes=pair.classes or None,
                metrics=usable,
                **asked,
            )
            yield {"changed": "model", "fixed": f"{ruler} labels"}, found.table
        for model in (OLD, NEW) if "accuracy" in usable else ():
            then, now = (_right(rulers[ruler], model) for ruler in (OLD, NEW))
            found = compare(np.ones(then.size, dtype=bool), then, now, masks, **asked)
            yield {"changed": "labels", "fixed": f"{model} model"}, found.table


def _right(pair: Pair, model: str) -> NDArray[np.bool_]:
    return (pair.before if model == OLD else pair.after) == pair.labels


def _named(table: pa.Table, **names: str) -> pa.Table:
    for name, value in names.items():
        table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
    return table

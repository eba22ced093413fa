"""What a model loses when it cannot read a column, in each slice.

What belongs here: the door `permutation_importance_by_slice`, its limits and its table. What does
not: shuffling and predicting (`burnish.modeling.permuting`), which rows are asked
(`burnish.workflows.importance`), or how it is shown (`burnish.report.explained`).

Values are exchanged among all rows, so that one permuted prediction serves every slice: the
question is the same everywhere, 'what is lost here when the column says nothing?', and the figure
of all rows is the mean of those of the slices that make them up. With `within`, values are
exchanged inside each slice alone. That asks what the column tells beyond the slice: a column that
defines the slice then has no importance in it, and rows stay nearer to those that occur. It costs
a prediction for each slicing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups
from burnish.metrics.limits import student_quantile
from burnish.modeling.permuting import LossName, Orders, losses_of, orders_of, permuted_losses
from burnish.slices import OVERALL, Partition, SliceMask, SliceName
from burnish.typing import Labels

if TYPE_CHECKING:
    import pandas as pd

Finding = Literal["matters", "misleads", "not shown", "too few"]
MIN_ROWS, MIN_CHANGED = 30, 10
"""Below either, of rows or of rows whose loss a shuffle changed, a figure is `uncertain`."""

IMPORTANCE_SCHEMA = pa.schema(
    [
        ("feature", pa.string()),
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("importance", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("low_all", pa.float64()),
        ("high_all", pa.float64()),
        ("support", pa.int64()),
        ("finding", pa.string()),
        ("uncertain", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Importance:
    """How much each feature matters in each slice: a row each, columns of `IMPORTANCE_SCHEMA`.

    importance: the mean loss that shuffling adds, in nats (`log_loss`) or as a share of rows
    (`accuracy`). `low` and `high` are the limits of that figure alone; `low_all` and `high_all`
    hold for all features and slices at once, and `finding` is read off these: matters; misleads,
    where the model does better without; not shown; too few. `rows` were asked, of `of_rows`.
    """

    table: pa.Table
    metric: LossName
    confidence: float
    repeats: int
    rows: int
    of_rows: int
    within: bool = False

    def to_table(self) -> pa.Table:
        return self.table

    def top(self, slice_id: str = OVERALL, *, most: int = 10) -> Iterator[dict[str, Any]]:
        """The rows of one slice, most important first; of equals, the first in the table."""
        rows = [row for row in self.table.to_pylist() if row["slice_id"] == slice_id]
        known = [row for row in rows if row["importance"] is not None]
        yield from sorted(known, key=lambda row: -row["importance"])[:most]


def permutation_importance_by_slice(
    model: Any,
    frame: pd.DataFrame,
    y_true: Labels,
    slices: Sequence[SliceMask | Partition],
    *,
    classes: Sequence[object] | None = None,
    metric: LossName = "log_loss",
    repeats: int = 10,
    groups: Mapping[str, Sequence[str]] | None = None,
    within: bool = False,
    confidence: float = 0.95,
    random_state: int = 0,
) -> Importance:
    """Permutation importance of every feature in every slice, with limits.

    `model` is a fitted classifier with `predict_proba`, its columns in the order of `classes`
    (None: of `model.classes_`). `frame` and `y_true` must be rows that it was not fitted on: on
    its own rows a model seems to need whatever it learned by heart. `groups` names columns that
    are shuffled together (None: each column alone; `burnish.modeling.permuting.column_groups`
    gives those of a design frame).

    Limits are Student's, from the influence of each row, both as the one that is judged and as
    the one whose value is lent to others. They speak of new rows under this very model, not of
    another model fitted to the same task, and are somewhat too wide where `repeats` is small. A
    value is `uncertain` below 30 rows, or where the shuffles changed the loss of under 10;
    `finding` allows for all features and slices by Bonferroni's correction.

    A feature that shares what it says with another seems unimportant, since the model reads the
    other; and shuffling one of the two makes rows that never occur, of which the model only
    guesses (Hooker, Mentch & Zhou 2021, 'Unrestricted permutation forces extrapolation'). Put
    such columns into one group. The measure: Breiman 2001, 'Random forests'; Fisher, Rudin &
    Dominici 2019, 'All models are wrong, but many are useful'.

    Raises `DataError` where shapes differ, a group names no column, a label is no class, or a
    number is out of range.

    >>> import pandas as pd
    >>> from burnish.slices import everything
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame(rng.normal(size=(400, 2)), columns=["told", "noise"])
    >>> labels = np.where(rows["told"] > 0, "yes", "no")
    >>> model = LogisticRegression().fit(rows[:200], labels[:200])
    >>> found = permutation_importance_by_slice(
    ...     model, rows[200:], labels[200:], [everything(200)], metric="accuracy")
    >>> [(row["feature"], row["finding"]) for row in found.top()]
    [('told', 'matters'), ('noise', 'not shown')]
    """
    frame = frame.reset_index(drop=True)
    chosen = _groups(frame, groups)
    _check(len(frame), np.asarray(y_true), slices, repeats)
    losses = losses_of(model, y_true, classes=classes, metric=metric)
    before = losses(frame)
    cuts = [_Cut.of(one) for one in slices]
    orders = _orders(cuts, len(frame), repeats, random_state, within=within)
    figures: list[_Figures] = []
    for columns in chosen.values():
        added: FloatArray | None = None
        for cut, order in zip(cuts, orders, strict=True):
            if added is None or within:
                added = permuted_losses(losses, frame, columns, order) - before
            figures.append(_figures(cut, added, order))
    table = _table(tuple(chosen), cuts, figures, confidence)
    return Importance(table, metric, confidence, repeats, len(frame), len(frame), within)


@dataclass(frozen=True)
class _Cut:
    """A slicing: names, and for each row the position of its slice, -1 in none."""

    parts: tuple[SliceName, ...]
    codes: IntArray

    @classmethod
    def of(cls, one: SliceMask | Partition) -> _Cut:
        if isinstance(one, Partition):
            return cls(one.parts, one.codes)
        name = SliceName(one.name, one.slice_id, one.predicate)
        return cls((name,), np.where(one.mask, 0, -1).astype(np.int64))


@dataclass(frozen=True)
class _Figures:
    """Of each slice of a cut: the mean, its standard error, rows, and rows whose loss changed."""

    mean: FloatArray
    error: FloatArray
    rows: IntArray
    changed: IntArray


def _orders(
    cuts: Sequence[_Cut], rows: int, repeats: int, random_state: int, *, within: bool
) -> list[Orders]:
    """The permutations for each cut: the same for all, unless values stay within slices."""
    if not within:
        return [orders_of(rows, repeats, random_state=random_state)] * len(cuts)
    return [orders_of(rows, repeats, random_state=random_state, within=cut.codes) for cut in cuts]


def _figures(cut: _Cut, added: FloatArray, orders: Orders) -> _Figures:
    """`added` (repeats, n) is the loss that the shuffle added to each row."""
    inside = np.flatnonzero(cut.codes >= 0)
    codes = cut.codes[inside]
    groups = Groups(codes, len(cut.parts))
    rows, of_row = groups.count(), added.mean(axis=0)
    mean = groups.mean(of_row[inside])
    # What a row adds to a slice's sum: its own losses, and those of the rows it lent its value.
    influence = np.zeros((added.shape[1], groups.size))
    influence[inside, codes] = of_row[inside] - mean[codes]
    for loss, order in zip(added, orders, strict=True):
        # A permutation: each lender occurs once.
        influence[order[inside], codes] += (loss[inside] - mean[codes]) / len(orders)
    spread = (influence**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(spread / (rows * (rows - 1.0)))
    changed = groups.total(np.any(added != 0, axis=0)[inside].astype(np.float64))
    return _Figures(mean, np.where(rows > 1, error, np.nan), rows, changed.astype(np.int64))


def _table(
    features: Sequence[str], cuts: Sequence[_Cut], figures: Sequence[_Figures], confidence: float
) -> pa.Table:
    parts = [part for _ in features for cut in cuts for part in cut.parts]
    mean = np.concatenate([one.mean for one in figures])
    error = np.concatenate([one.error for one in figures])
    rows = np.concatenate([one.rows for one in figures])
    changed = np.concatenate([one.changed for one in figures])
    # No row changed at all: the model does not read the column here, and that is sure.
    few = (rows < MIN_ROWS) | ((changed > 0) & (changed < MIN_CHANGED))
    asked = max(1, int(np.count_nonzero(~few)))
    own = student_quantile(rows - 1, confidence) * error
    wide = student_quantile(rows - 1, 1 - (1 - confidence) / asked) * error
    words = np.select(
        [few, mean - wide > 0, mean + wide < 0], ["too few", "matters", "misleads"], "not shown"
    )
    each = len(parts) // max(1, len(features))
    columns: dict[str, Any] = {
        "feature": [name for name in features for _ in range(each)],
        "slice": [part.name for part in parts],
        "slice_id": [part.slice_id for part in parts],
        "importance": mean,
        "low": mean - own,
        "high": mean + own,
        "low_all": mean - wide,
        "high_all": mean + wide,
        "support": rows,
        "finding": words.tolist(),
        "uncertain": few,
    }
    arrays = [pa.array(columns[f.name], f.type, from_pandas=True) for f in IMPORTANCE_SCHEMA]
    return pa.table(arrays, schema=IMPORTANCE_SCHEMA)


def _groups(
    frame: pd.DataFrame, groups: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    known = [str(name) for name in frame.columns]
    if groups is None:
        return {name: (name,) for name in known}
    found = {name: tuple(columns) for name, columns in groups.items()}
    for name, columns in found.items():
        unknown = [column for column in columns if column not in known]
        if unknown or not columns:
            raise DataError(
                f"group {name!r} names the column {unknown[0]!r}" if unknown else f"group {name!r}",
                expected="columns of the frame: " + ", ".join(known[:10]),
            )
    return found


def _check(rows: int, labels: Any, slices: Sequence[SliceMask | Partition], repeats: int) -> None:
    shapes = [one.mask.shape if isinstance(one, SliceMask) else one.codes.shape for one in slices]
    wrong = [shape for shape in (labels.shape, *shapes) if shape != (rows,)]
    if wrong or not slices:
        raise DataError(
            f"{rows} rows, labels of shape {labels.shape}, slices of shapes {shapes}",
            expected="one shape (n,) for all, and at least one slice",
            hint="resolve the slices on the very rows of the frame",
        )
    if rows < 2 or repeats < 1:
        raise DataError(f"{rows} rows and {repeats} repeats", expected="2 rows, 1 repeat or more")

"""What changed between two predictions of numbers, for all slices of one slicing at once.

What belongs here: one function a metric of regression from rows to a `Change`. What does not:
metrics of classes (`burnish.slices.comparing_classes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, ratio
from burnish.slices.comparing_changes import Change, of_folded, of_means


@dataclass(frozen=True)
class NumberPairs:
    """Rows of a slicing with a true number and two predictions, in the unit of the target."""

    groups: Groups
    true: FloatArray
    before: FloatArray
    after: FloatArray

    @property
    def errors(self) -> tuple[FloatArray, FloatArray]:
        return self.before - self.true, self.after - self.true

    @property
    def changed(self) -> IntArray:
        return self.groups.total(self.before != self.after).astype(np.int64)


def _mae(rows: NumberPairs) -> Change:
    before, after = rows.errors
    return of_means(rows.groups, np.abs(before), np.abs(after), rows.changed)


def _bias(rows: NumberPairs) -> Change:
    """The size of the mean error: a bias is better where it is nearer to 0, from either side."""
    typical = np.sqrt(np.fmax(*(rows.groups.mean(one**2) for one in rows.errors)))
    cells = [rows.groups, rows.groups]
    return of_folded(rows.groups, list(rows.errors), cells, rows.changed, typical)


def _rmse(rows: NumberPairs) -> Change:
    """The root of the mean square, its error that of the mean square over twice the root."""
    code, n = rows.groups.codes, rows.groups.count()
    roots = [np.sqrt(rows.groups.mean(one**2)) for one in rows.errors]
    parts = [
        np.nan_to_num(ratio(error**2 - root[code] ** 2, 2 * root[code] * n[code]))
        for error, root in zip(rows.errors, roots, strict=True)
    ]
    whole = of_means(rows.groups, np.abs(rows.errors[0]), np.abs(rows.errors[1]), rows.changed)
    return replace(whole, before=roots[0], after=roots[1], influence=parts[1] - parts[0])


def _r2(rows: NumberPairs) -> Change:
    """1 - squared errors / squared deviations; the deviations are the same for both."""
    code = rows.groups.codes
    deviations = (rows.true - rows.groups.mean(rows.true)[code]) ** 2
    spread = rows.groups.mean(deviations)
    before, after = (1 - ratio(rows.groups.mean(one**2), spread) for one in rows.errors)
    squares = of_means(rows.groups, rows.errors[0] ** 2, rows.errors[1] ** 2, rows.changed)
    n = rows.groups.count()[code]
    moved = (after - before)[code] * (deviations - spread[code]) / n
    part = ratio(-squares.influence - moved, spread[code])
    return replace(
        squares,
        before=before,
        after=after,
        influence=np.nan_to_num(part),
        scale=np.nan_to_num(ratio(squares.scale, spread)),
    )


CHANGES_OF_NUMBERS: Mapping[str, Callable[[NumberPairs], Change]] = {
    "mae": _mae,
    "rmse": _rmse,
    "bias": _bias,
    "r2": _r2,
}

"""What changed in a metric between two models: the record, and how means and sums of gaps fill it.

What belongs here: `Change`, and what metrics of classes and of numbers share. What does not: the
metrics (`burnish.slices.comparing_classes`, `burnish.slices.comparing_numbers`), nor limits
(`burnish.slices.comparing_limits`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.metrics.checked import FloatArray, IntArray
from burnish.metrics.grouped import Groups, ratio
from burnish.metrics.paired import fold_bias

MIN_CHANGED = 10


@dataclass(frozen=True)
class Change:
    """A metric of two models on the slices of a slicing; arrays of shape (G,) but for three.

    `influence`, a number a row, is its part in the error of after - before. `asked` counts the
    rows that the metric speaks of (the positive ones of a recall), `rests` those that limits may
    lean on, `changed` those on which the models differ. Of a proportion, `gained` and `lost` hold
    which rows after alone and before alone has right, one a row. `scale` is what one row that
    changes is worth, for the limits where few did; `below` and `above` widen them by what is known
    to be off on average.
    """

    before: FloatArray
    after: FloatArray
    influence: FloatArray
    asked: IntArray
    rests: FloatArray | IntArray
    changed: IntArray
    scale: FloatArray
    gained: NDArray[np.bool_] | None = None
    lost: NDArray[np.bool_] | None = None
    below: FloatArray | float = 0.0
    above: FloatArray | float = 0.0
    few: NDArray[np.bool_] | bool = False


def of_means(groups: Groups, before: FloatArray, after: FloatArray, changed: IntArray) -> Change:
    """The change of a mean over rows, such as a loss."""
    n = groups.count()
    gap = after - before
    influence = (gap - groups.mean(gap)[groups.codes]) / n[groups.codes]
    typical = np.sqrt(np.fmax(groups.mean(before**2), groups.mean(after**2)))
    means = groups.mean(before), groups.mean(after)
    return Change(means[0], means[1], influence, n, n, changed, where_few(changed, typical))


def where_few(changed: IntArray, scale: FloatArray) -> FloatArray:
    """`scale` where fewer than MIN_CHANGED rows changed, else 0: enough changed to tell by them."""
    return np.where(changed < MIN_CHANGED, np.nan_to_num(scale), 0.0)


def of_folded(
    groups: Groups,
    gaps: list[FloatArray],
    cells: list[Groups],
    changed: IntArray,
    scale: FloatArray,
) -> Change:
    """The change of a sum of |mean gap| over the cells of each slice, weighted by their rows.

    Such a sum is too large on average, by noise alone, most where the truth is 0. How much that
    may be is added to the limits: below by what `after` may owe to it, above what `before` may.
    """
    n = groups.count()
    values: list[FloatArray] = []
    parts: list[FloatArray] = []
    excess: list[FloatArray] = []
    for gap, cell in zip(gaps, cells, strict=True):
        total = cell.total(gap)
        spread = np.sqrt(cell.total((gap - np.nan_to_num(cell.mean(gap))[cell.codes]) ** 2))
        size = np.abs(total).reshape(n.size, -1).sum(axis=1)
        # A gap one error nearer to 0 than it looks: nearer, chance adds more.
        nearer = np.maximum(0.0, np.abs(total) - spread)
        values.append(ratio(size, n))
        signed = np.sign(total)[cell.codes] * gap - values[-1][groups.codes]
        parts.append(signed / n[groups.codes])
        excess.append(ratio(fold_bias(nearer, spread).reshape(n.size, -1).sum(axis=1), n))
    below, above = excess[1], excess[0]
    influence = parts[1] - parts[0]
    some = changed > 0
    return Change(
        values[0],
        values[1],
        influence,
        n,
        n,
        changed,
        where_few(changed, scale),
        below=below * some,
        above=above * some,
    )

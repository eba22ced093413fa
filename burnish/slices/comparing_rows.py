"""From labels and the predictions of two models to the rows that changes are counted on.

What belongs here: coding what was given once for all slices, and refusing what cannot be
compared. What does not: the metrics (`burnish.slices.comparing_classes`,
`burnish.slices.comparing_numbers`), nor the table (`burnish.slices.comparing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, paired_labels, probabilities
from burnish.metrics.grouped import Groups
from burnish.slices.coded_rows import Rows, coded, finite_numbers, true_columns
from burnish.slices.comparing_changes import Change
from burnish.slices.comparing_classes import CHANGES_OF_CLASSES, Pairs
from burnish.slices.comparing_numbers import CHANGES_OF_NUMBERS, NumberPairs

Changing: TypeAlias = Callable[[str, Groups, Rows], Change]
"""`(metric, groups, rows of the slicing or None for all) -> Change`."""


def changes_of_classes(
    true: NDArray[np.generic],
    before: NDArray[np.generic],
    after: NDArray[np.generic],
    probs: tuple[NDArray[np.floating], NDArray[np.floating]] | None,
    *,
    classes: Sequence[object] | None,
    positive: object,
) -> Changing:
    """What finds the change of a metric of classes on the slices of a slicing."""
    paired_labels(true, before)
    paired_labels(true, after)
    if probs is not None and classes is None:
        raise DataError("probabilities without classes", expected="the classes of their columns")
    order = list(classes or ())
    labels, (true_code, *both) = coded([true, before, after], order)
    known = order or list(labels)
    if positive is not None and positive not in known:
        raise DataError(
            f"positive is {positive!r}",
            expected="one of the classes: " + ", ".join(str(label) for label in known),
        )
    checked = _both(probs, true.size, len(order))
    truth = None if checked is None else true_columns(true, true_code, order)

    def change(metric: str, groups: Groups, rows: Rows) -> Change:
        some = slice(None) if rows is None else rows
        pairs = Pairs(
            groups=groups,
            true=true_code[some],
            before=both[0][some],
            after=both[1][some],
            labels=len(labels),
            positive=None if positive is None else labels[positive],
            truth=None if truth is None else truth[some],
            probs=None if checked is None else (checked[0][some], checked[1][some]),
            positive_column=order.index(positive) if positive in order else None,
        )
        return CHANGES_OF_CLASSES[metric](pairs)

    return change


def changes_of_numbers(
    true: NDArray[np.generic], before: NDArray[np.generic], after: NDArray[np.generic]
) -> Changing:
    """As `changes_of_classes`, for numbers."""
    y, old, new = (
        finite_numbers(one, name)
        for one, name in ((true, "y_true"), (before, "before"), (after, "after"))
    )

    def change(metric: str, groups: Groups, rows: Rows) -> Change:
        some = slice(None) if rows is None else rows
        return CHANGES_OF_NUMBERS[metric](NumberPairs(groups, y[some], old[some], new[some]))

    return change


def _both(
    probs: tuple[NDArray[np.floating], NDArray[np.floating]] | None, n: int, classes: int
) -> tuple[FloatArray, FloatArray] | None:
    if probs is None:
        return None
    return probabilities(probs[0], n, classes), probabilities(probs[1], n, classes)

"""Whether a slice has more errors than the rest of the rows: effect, interval, one-sided test.

What belongs here: one slice against the rest, and the correction for many. What does not: paired
comparisons of two models (`burnish.metrics`), nor choosing the slices (`burnish.slices.discovery`).

All of it takes the slice as chosen without these errors: on the rows that a slice was found on,
every p-value is too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.metrics import Interval, newcombe_difference

Control: TypeAlias = Literal["benjamini_yekutieli", "benjamini_hochberg"]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Raised:
    """The mean error of a slice minus that of the rest, and the p-value of 'it is not larger'."""

    effect: Interval
    p_value: float


def against_rest(
    errors: FloatArray, mask: Mask, *, groups: Codes | None = None, confidence: float = 0.95
) -> Raised:
    """Compare the errors (n,) of the rows in `mask` with those of all others.

    - Errors of 0 and 1: Fisher's exact test, and Newcombe's interval of two proportions.
    - Other errors: the permutation test of the mean, by its first three moments (a Pearson III
      distribution, after Mielke and Berry 1982), and Welch's interval.
    - With `groups` (n,), codes of groups whose rows depend on each other: variance by group (the
      sandwich estimator, Liang and Zeger 1986), and Student's t with one degree of freedom fewer
      than there are groups in the slice or in the rest, whichever are fewer.

    Where the slice or the rest has fewer than 2 rows (or groups), the p-value is 1 and the interval
    unknown (NaN), never zero.

    >>> errors, mask = np.array([1.0, 1, 1, 1, 0, 0, 0, 0]), np.arange(8) < 4
    >>> round(against_rest(errors, mask).p_value, 4)
    0.0143
    """
    size, rest = int(np.count_nonzero(mask)), int(np.count_nonzero(~mask))
    if min(size, rest) < 2:
        value = float(errors[mask].mean() - errors[~mask].mean()) if size and rest else nan
        return Raised(Interval(value, nan, nan), 1.0)
    if groups is not None:
        return _by_group(errors, mask, groups, confidence)
    if _binary(errors):
        return _proportions(errors, mask, confidence)
    codes = np.arange(errors.size)
    return Raised(_by_group(errors, mask, codes, confidence).effect, _permuted(errors, mask))


def adjusted(p_values: Sequence[float], control: Control) -> list[float]:
    """P-values such that those of at most q have a share of false discoveries of at most q.

    `benjamini_yekutieli` (2001) holds however the tests depend on each other, and overlapping
    slices do; `benjamini_hochberg` (1995) is sharper, and holds where they depend positively.

    >>> [round(p, 3) for p in adjusted([0.01, 0.02, 0.9], "benjamini_hochberg")]
    [0.03, 0.03, 0.9]
    """
    methods: dict[str, Literal["by", "bh"]] = {
        "benjamini_yekutieli": "by",
        "benjamini_hochberg": "bh",
    }
    if control not in methods:
        raise DataError(f"control is {control!r}", expected=" or ".join(methods))
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return false_discovery_control(p_values, method=methods[control]).tolist()


def group_codes(groups: ArrayLike | None, rows: int) -> Codes:
    """A number for each group, row by row, each row its own where there are none.

    Raises `DataError` where a row has no group.

    >>> group_codes(["x", "y", "x"], 3).tolist()
    [0, 1, 0]
    """
    if groups is None:
        return np.arange(rows)
    given = pa.array(np.asarray(groups).tolist(), from_pandas=True)
    if len(given) != rows or given.null_count:
        raise DataError(
            f"{len(given)} groups, {given.null_count} of them missing",
            expected=f"a group for each of {rows} rows",
            hint="give rows without a group one of their own",
        )
    return given.dictionary_encode().indices.to_numpy().astype(np.intp)


def _binary(errors: FloatArray) -> bool:
    return bool(((errors == 0) | (errors == 1)).all())


def _proportions(errors: FloatArray, mask: Mask, confidence: float) -> Raised:
    from scipy.stats import hypergeom

    size, wrong = int(np.count_nonzero(mask)), int(errors.sum())
    here = int(errors[mask].sum())
    effect = newcombe_difference(
        here, size, wrong - here, errors.size - size, confidence=confidence
    )
    return Raised(effect, float(hypergeom.sf(here - 1, errors.size, wrong, size)))


def _permuted(errors: FloatArray, mask: Mask) -> float:
    """P-value of the mean of the slice among the means of as many rows drawn from all."""
    from scipy.stats import pearson3

    n, m = errors.size, int(np.count_nonzero(mask))
    deviations = errors - errors.mean()
    variance = float((deviations**2).sum()) / (n - 1) / m * (1 - m / n)
    if variance <= 0:
        return 1.0
    third = float((deviations**3).mean()) * (n - m) * (n - 2 * m) / (m * m * (n - 1) * (n - 2))
    score = float(deviations[mask].mean()) / sqrt(variance)
    return float(pearson3.sf(score, third / variance**1.5))


def _by_group(errors: FloatArray, mask: Mask, groups: Codes, confidence: float) -> Raised:
    """Difference of the means, with a variance of independent groups (or rows)."""
    from scipy.stats import t

    value = float(errors[mask].mean() - errors[~mask].mean())
    number = min(np.unique(groups[side]).size for side in (mask, ~mask))
    if number < 2:
        return Raised(Interval(value, nan, nan), 1.0)
    # What each row adds to the difference: the mean's influence, weighted by the side's size.
    parts = np.where(
        mask,
        (errors - errors[mask].mean()) / np.count_nonzero(mask),
        (errors[~mask].mean() - errors) / np.count_nonzero(~mask),
    )
    variance = float((np.bincount(groups, parts) ** 2).sum()) * number / (number - 1)
    if variance <= 0:
        # All rows of a side are alike. Each group is then worth one toss of a coin (a sign test).
        return Raised(Interval(value, nan, nan), 0.5**number if value > 0 else 1.0)
    half = float(t.ppf(0.5 + confidence / 2, number - 1)) * sqrt(variance)
    p_value = float(t.sf(value / sqrt(variance), number - 1))
    return Raised(Interval(value, value - half, value + half), p_value)

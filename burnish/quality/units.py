"""Part of a column in another unit: ten, a hundred or a thousand times the rest, or Fahrenheit.

What belongs here: two groups of numbers of one column that a change of units makes one. What does
not: single numbers far off (`burnish.quality.univariate`), units that are written beside the
numbers (`burnish.quality.mixed`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import count_of, shown

FEWEST = 10
"""Rows that a group of numbers has to have at least."""
_FEWEST_BY_VALUE = 30
_TENS = {10.0: "ten times", 100.0: "a hundred times", 1000.0: "a thousand times"}
_MEASURES = {
    2.20462: "pounds for kilograms",
    2.54: "centimetres for inches",
    3.28084: "feet for metres",
    1.60934: "kilometres for miles",
}
_TEMPERATURE = re.compile(r"(?i)temp|celsius|fahrenheit|(^|[^a-z])t(min|max|avg)?([^a-z]|$)|dew")
_MOST_VALUES = 20
_CLOSE = 1.15  # how near the middles of two values of a category come to the change
_NARROW = 0.35  # spread of the numbers beside the change, so that it parts them clearly


class Change(NamedTuple):
    """A group of rows in another unit: who they are, and what the others are turned to by."""

    rows: NDArray[np.int64]
    words: str
    evidence: str


def units(checked: Checked) -> Iterator[QualityFinding]:
    """Part of a column that seems to be in another unit; a warning.

    Looked for where a gap parts the numbers in two groups of one shape, and between the values of
    each category of 20 values or fewer; there by factors of ten alone, for groups of people do
    differ by 2.2 now and then.

    >>> import pyarrow as pa
    >>> metres = [1.5 + 0.01 * row for row in range(50)]
    >>> heights = [one if row % 5 else 100 * one for row, one in enumerate(metres)]
    >>> [one.rows[:3] for one in units(Checked.of(pa.table({"height": heights})))]
    [(0, 5, 10)]
    """
    categories = [
        column
        for column in checked.categories
        if column.classes is not None and 1 < len(column.classes[1]) <= _MOST_VALUES
    ]
    for column in checked.numbers:
        if column.levels.size < 10:
            continue
        found = _by_gap(column) or _by_value(column, categories)
        if found is not None and not _is_a_class(found.rows, checked):
            yield QualityFinding(
                kind="unit",
                severity="warning",
                columns=(column.name,),
                rows=tuple(found.rows.tolist()),
                sentence=f"Column {shown(column.name)} seems to be in another unit in "
                f"{count_of(found.rows.size)}: {found.words}.",
                evidence=found.evidence,
                to_do="Ask where these rows come from, and turn them to the unit of the others.",
            )


def _is_a_class(rows: NDArray[np.int64], checked: Checked) -> bool:
    """Whether the rows are nearly those of one class: then it is the class that differs."""
    if checked.classes is None:
        return False
    codes = checked.classes[0]
    sizes = np.bincount(codes[codes >= 0], minlength=1)
    inside = np.bincount(codes[rows][codes[rows] >= 0], minlength=sizes.size)
    whole = inside >= 0.9 * sizes
    return bool(inside[whole & (sizes > 0)].sum() >= 0.9 * rows.size)


def _by_gap(column: Column) -> Change | None:
    numbers = column.numbers
    present = column.present
    if present.size < 4 * FEWEST or present[0] == present[-1]:
        return None
    cuts = [_widest(present)]
    if present[0] > 0:
        cuts.append(_widest(np.log(present)))
    for cut in cuts:
        if min(cut, present.size - cut) < FEWEST:
            continue
        edge = (present[cut - 1] + present[cut]) / 2
        said = _change(present[:cut], present[cut:], _changes(column.name))
        if said:
            few_high = 2 * cut >= present.size
            rows = np.flatnonzero(numbers > edge if few_high else numbers < edge)
            return Change(rows, f"{said} {'the others' if few_high else 'these'}",
                          _seen(present[:cut], present[cut:]))  # fmt: skip
    return None


def _widest(ordered: NDArray[np.float64]) -> int:
    """Where the widest gap is that leaves some rows at either side."""
    gaps = np.diff(ordered)
    return FEWEST + int(np.argmax(gaps[FEWEST - 1 : gaps.size - FEWEST + 1]))


def _changes(name: str) -> dict[float, str]:
    return _TENS | _MEASURES | ({0.0: "Fahrenheit for Celsius of"} if _is_warmth(name) else {})


def _is_warmth(name: str) -> bool:
    return bool(_TEMPERATURE.search(name))


def _change(low: NDArray[np.float64], high: NDArray[np.float64], known: dict[float, str]) -> str:
    """In words, the change of units that makes a group of the other; empty where none does."""
    for factor, words in known.items():
        if factor and low[0] <= 0:
            continue
        turned = 1.8 * low + 32 if factor == 0 else low * factor
        if _apart(low, high, by_ratio=factor > 0) and _fit(turned, high):
            return words
    return ""


def _apart(low: NDArray[np.float64], high: NDArray[np.float64], *, by_ratio: bool) -> bool:
    """Whether the gap between two groups is wide beside either of them."""
    if by_ratio:
        low, high = np.log(low), np.log(high)
    return bool(high[0] - low[-1] > 2 * max(_spread(low), _spread(high)))


def _spread(ordered: NDArray[np.float64]) -> float:
    low, high = np.quantile(ordered, [0.25, 0.75])
    return float(high - low) / 1.349


def _seen(low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    return (
        f"{count_of(low.size)} about {np.median(low):.4g}, {count_of(high.size)} about "
        f"{np.median(high):.4g}, none from {low[-1]:.4g} to {high[0]:.4g}"
    )


def _by_value(column: Column, categories: list[Column]) -> Change | None:
    """A value of a category whose rows are ten, a hundred or a thousand times the others'."""
    numbers = column.numbers
    known = ~np.isnan(numbers)
    if not known.any() or column.present[0] <= 0:
        return None
    changes = _TENS | ({0.0: "Fahrenheit for Celsius of"} if _is_warmth(column.name) else {})
    for category in categories:
        assert category.classes is not None
        codes, names = category.classes
        for place, name in enumerate(names):
            inside = known & (codes == place)
            rest = known & (codes >= 0) & ~inside
            if min(np.count_nonzero(inside), np.count_nonzero(rest)) < _FEWEST_BY_VALUE:
                continue
            words = _between(np.sort(numbers[inside]), np.sort(numbers[rest]), changes)
            if words:
                said = f"{shown(category.name)} is {shown(name)}"
                return Change(np.flatnonzero(inside), f"{words}, where {said}",
                              f"half are below {np.median(numbers[inside]):.4g} there, below "
                              f"{np.median(numbers[rest]):.4g} elsewhere; changed, the two are "
                              "shaped alike")  # fmt: skip
    return None


def _between(
    inside: NDArray[np.float64], rest: NDArray[np.float64], known: dict[float, str]
) -> str:
    ratio = float(np.median(inside) / np.median(rest))
    for factor, words in known.items():
        if factor == 0:
            up, down = _fit(1.8 * rest + 32, inside), _fit(1.8 * inside + 32, rest)
        else:
            rough = max(ratio, 1 / ratio) / factor
            narrow = _spread(np.log(rest)) < _NARROW * np.log(factor)
            if not (narrow and 1 / _CLOSE < rough < _CLOSE):
                continue
            up, down = _fit(rest * factor, inside), _fit(inside * factor, rest)
        if up or down:
            return f"{words} {'the others' if up else 'these'}"
    return ""


def _fit(turned: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two groups are one, quantile by quantile, as far as chance lets them."""
    if turned[0] > 0 and other[0] > 0:
        turned, other = np.log(turned), np.log(other)
    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    one, two = np.quantile(turned, levels), np.quantile(other, levels)
    spread = max(_spread(turned), _spread(other))
    error = np.array([1.7, 1.36, 1.25, 1.36, 1.7]) / np.sqrt(min(turned.size, other.size))
    allowed = 0.15 + 4 * error  # standard errors of the quantiles of a normal, in spreads
    return bool(spread > 0 and np.all(np.abs(one - two) <= allowed * spread))


UNITS = Check("unit", "part of a column in another unit", units)

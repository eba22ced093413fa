"""Slices that nobody declared: where errors gather, as conjunctions of conditions on columns.

What belongs here: the door to the search, and what it says of the slices it finds. What does not:
the search itself (`burnish.slices.lattice`), whether a slice holds beyond the rows it was found on
(`burnish.slices.scoring`), nor slices that columns do not tell (`burnish.slices.clusters`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from burnish.errors import DataError
from burnish.slices.coding import Basic, Coded, as_table, code_table
from burnish.slices.lattice import Found
from burnish.slices.resolving import resolve_slices
from burnish.slices.thinning import distinct_conjunctions
from burnish.spec import Slice

DISCOVERED_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("slice_id", pa.string()),
        ("predicate", pa.string()),
        ("score", pa.float64()),
        ("support", pa.int64()),
        ("mean_error", pa.float64()),
        ("overall_error", pa.float64()),
    ]
)


@dataclass(frozen=True)
class DiscoveredSlice:
    """A slice where errors gather: `slice` can be declared in a spec from then on.

    `slice_id` and `predicate` are those that `resolve_slices` gives it; `score` is SliceLine's,
    `support` the rows in it and `mean_error` their mean error, all on the rows it was found on.
    """

    slice: Slice
    slice_id: str
    predicate: str
    score: float
    support: int
    mean_error: float


@dataclass(frozen=True)
class Discovered:
    """The best slices, best first, and what they were found in.

    `overall_error` is the mean error of all `rows`. The effects are of the rows that the slices
    were chosen on, and so too large: `discover_and_score` tells what of them holds.
    """

    slices: tuple[DiscoveredSlice, ...]
    rows: int
    overall_error: float
    min_support: int
    max_depth: int
    alpha: float

    @property
    def specs(self) -> list[Slice]:
        """The slices as a spec declares them."""
        return [found.slice for found in self.slices]

    def to_table(self) -> pa.Table:
        """A row a slice: slice, slice_id, predicate, score, support, mean_error, overall_error."""
        rows = [
            {
                "slice": found.slice.name,
                "slice_id": found.slice_id,
                "predicate": found.predicate,
                "score": found.score,
                "support": found.support,
                "mean_error": found.mean_error,
                "overall_error": self.overall_error,
            }
            for found in self.slices
        ]
        return pa.Table.from_pylist(rows, schema=DISCOVERED_SCHEMA)


def discover_slices(
    features: Any,
    errors: ArrayLike,
    *,
    k: int = 10,
    max_depth: int = 2,
    min_support: int | None = None,
    alpha: float = 0.95,
    bins: int = 10,
    max_overlap: float = 1.0,
) -> Discovered:
    """The `k` slices of `features` with the highest score: many errors, and many rows.

    A slice is a conjunction of at most `max_depth` conditions on different columns: a value, or a
    bin of a number or a time (about `bins` of equal size, at edges easy to read; a column with at
    most `bins` numbers is not cut). Of all such slices with `min_support` rows or more (by default
    a hundredth of the rows, at least 32), those with the highest

        alpha * (mean error in it / mean error - 1) - (1 - alpha) * (rows / rows in it - 1)

    above 0 are found exactly: this is the problem of SliceLine (Sagadeeva and Boehm 2021,
    'SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging'). The larger
    `alpha`, the smaller the slices. A condition that all rows meet is none. Of slices with equal
    scores the one with fewer conditions comes first, then the one on earlier columns.

    Many of the best may say nearly the same: with a `max_overlap` below 1, a slice is left out
    where the rows in both it and a better one are more than this share of the rows in either.

    `features` is an Arrow table, a data frame, or a mapping of names to columns; codes of
    categories that are numbers should be given as text. `errors` (n,) are 0 or more: wrong or not,
    a loss, an absolute residual. Memory is about 5 bytes a row and column.

    Raises `DataError` where lengths differ, an error is negative or not finite, a column holds no
    single values, or a setting is out of range.

    >>> features = {"site": ["a", "b"] * 100, "night": ([True] * 2 + [False] * 2) * 50}
    >>> wrong = [site == "b" and night for site, night in zip(*features.values())]
    >>> found = discover_slices(features, wrong, k=1)
    >>> found.slices[0].slice.where, found.slices[0].support, found.slices[0].mean_error
    ({'site': 'b', 'night': True}, 50, 1.0)
    """
    table = as_table(features)
    values = checked_errors(errors, table.num_rows)
    _check(k, max_depth, min_support, bins)
    _check_shares(alpha, max_overlap)
    support = max(32, ceil(values.size / 100)) if min_support is None else min_support
    coded = code_table(table, min_support=support, bins=bins)
    found = distinct_conjunctions(
        coded,
        values,
        k=k,
        max_overlap=max_overlap,
        max_depth=max_depth,
        min_support=support,
        alpha=alpha,
    )
    return Discovered(
        _as_slices(table, coded, found),
        rows=values.size,
        overall_error=float(values.mean()) if values.size else float("nan"),
        min_support=support,
        max_depth=max_depth,
        alpha=alpha,
    )


def conjunction(conditions: Sequence[Basic]) -> Slice:
    """The slice of the rows that meet all conditions, named by them."""
    name = " and ".join(condition.text for condition in conditions)
    return Slice(name=name, where={c.column: c.wanted for c in conditions})


def checked_errors(errors: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Errors as float64, one for each of `rows`; raises `DataError` where they cannot be used."""
    given = np.asarray(errors)
    if given.shape != (rows,) or given.dtype.kind not in "biuf":
        raise DataError(
            f"errors have shape {given.shape} and type {given.dtype}",
            expected=f"a number for each of {rows} rows",
            hint="pass `y_true != y_pred`, or a loss a row",
        )
    values = given.astype(np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        row = int(np.flatnonzero(~(values >= 0) | ~np.isfinite(values))[0])
        raise DataError(
            f"the error of row {row} is {values[row]}",
            expected="finite numbers of 0 or more",
            hint="leave out rows without a label or a prediction",
        )
    return values


def _as_slices(
    table: pa.Table, coded: Coded, found: Sequence[Found]
) -> tuple[DiscoveredSlice, ...]:
    specs = [conjunction([coded.basics[cell - 1] for cell in one.path]) for one in found]
    # No rows are needed to learn the ids, which come from the predicates alone.
    resolved = resolve_slices(table.slice(0, 0), specs)
    return tuple(
        DiscoveredSlice(
            spec, mask.slice_id, mask.predicate, one.score, one.size, one.total / one.size
        )
        for spec, mask, one in zip(specs, resolved, found, strict=True)
    )


def _check(k: int, max_depth: int, min_support: int | None, bins: int) -> None:
    limits = {"k": (k, 1), "max_depth": (max_depth, 1), "bins": (bins, 2)}
    if min_support is not None:
        limits["min_support"] = (min_support, 1)
    for name, (value, least) in limits.items():
        if value < least:
            raise DataError(f"{name} is {value}", expected=f"a whole number of {least} or more")


def _check_shares(alpha: float, max_overlap: float) -> None:
    if not 0.0 <= max_overlap <= 1.0:
        raise DataError(f"max_overlap is {max_overlap}", expected="a number in [0, 1], say 0.5")
    if not 0.0 < alpha <= 1.0:
        raise DataError(f"alpha is {alpha}", expected="a number in (0, 1], say 0.95")

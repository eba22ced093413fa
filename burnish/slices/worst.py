"""The worst slices of a table of metrics.

What belongs here: ordering what `slice_metrics` measured. What does not: finding slices that
nobody declared, nor deciding that one is too bad (`burnish.workflows.promote`).
"""

from __future__ import annotations

import pyarrow as pa

from burnish.errors import DataError
from burnish.slices.naming import OVERALL

_HIGHER_IS_WORSE = frozenset({"log_loss", "brier", "ece", "mae", "rmse"})


def worst(
    table: pa.Table,
    metric: str,
    *,
    k: int = 5,
    min_support: int = 20,
    higher_is_worse: bool | None = None,
) -> pa.Table:
    """The `k` rows of `metric` with the worst values, worst first; overall and unknown left out.

    Losses are worst when high, bias when far from 0, all else when low; `higher_is_worse` says so
    for a metric of your own. Slices of fewer than `min_support` rows are left out. Of equals, the
    first in the table comes first. Raises `DataError` where the table lacks the metric.

    >>> from burnish.slices import by_class, slice_metrics
    >>> y_true = ["a"] * 20 + ["b"] * 20
    >>> table = slice_metrics(y_true, ["a"] * 30 + ["b"] * 10, [by_class(y_true)])
    >>> worst(table, "accuracy", k=1)["slice"].to_pylist()
    ['class:b']
    """
    names: list[str] = table["metric"].to_pylist()
    if metric not in names:
        raise DataError(f"metric {metric!r}", expected="one of: " + ", ".join(dict.fromkeys(names)))
    falling = metric in _HIGHER_IS_WORSE if higher_is_worse is None else higher_is_worse
    keys: list[tuple[float, int]] = []
    columns = (table[name].to_pylist() for name in ("value", "slice_id", "support"))
    for row, (value, slice_id, support) in enumerate(zip(*columns, strict=True)):
        if names[row] != metric or value is None or slice_id == OVERALL or support < min_support:
            continue
        size = -abs(value) if metric == "bias" else -value if falling else value
        keys.append((size, row))
    return table.take(pa.array([row for _, row in sorted(keys)[:k]], pa.int64()))

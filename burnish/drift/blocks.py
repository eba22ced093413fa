"""Rows that come in clumps: what so many rows of a few days or patients are worth.

What belongs here: effective numbers of rows. What does not: the limits that use them
(`burnish.drift.limits`), or which rows belong together (the caller says so).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

IntArray = NDArray[np.int64]


def block_codes(blocks: Sequence[object] | None, rows: int, what: str) -> IntArray | None:
    """The block of each row as a code, None where there are none. Raises `DataError` by length.

    >>> block_codes(["mon", "mon", "tue"], 3, "current").tolist()
    [0, 0, 1]
    """
    if blocks is None:
        return None
    if len(blocks) != rows:
        raise DataError(
            f"{len(blocks)} blocks of {rows} {what} rows", expected="a block for each row"
        )
    coded = pa.array([str(block) for block in blocks]).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64)


def worth(
    codes: IntArray, size: int, blocks: IntArray | None, *, alpha: float, ordered: bool
) -> float:
    """Which share of their number these rows are worth, in (0, 1]; 1 without blocks.

    `codes` (n,) are bins of a column, of `size` bins. The variance of the share of each bin (of
    all up to it, where they are `ordered`) between blocks is held against that of independent rows
    (the design effect: Kish 1965). As it is known from few blocks, Student's quantile takes the
    normal one's place. One block says nothing of others: its rows are worth one row. Where no row
    differs from another, nothing says that those of a block are more than one.

    >>> same = np.repeat(np.arange(50), 20)  # each block is one value twenty times
    >>> worth(same % 2, 2, same, alpha=0.05, ordered=False) < 0.06
    True
    """
    if blocks is None or not codes.size:
        return 1.0
    count = int(blocks.max()) + 1
    if count < 2:
        return 1.0 / codes.size
    table = np.bincount(blocks * size + codes, minlength=count * size)
    table = table.reshape(count, size).astype(np.float64)
    rows = table.sum(axis=1, keepdims=True)
    if ordered:
        table = table.cumsum(axis=1)
    share = table.sum(axis=0) / codes.size
    between = ((table - rows * share) ** 2).sum() * count / (count - 1)
    within = codes.size * (share * (1 - share)).sum()
    if within <= 0:
        return float(min(1.0, count / codes.size))
    effect = between / within
    return float(1.0 / max(1.0, effect * _few_blocks(count, alpha)))


def _few_blocks(count: int, alpha: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float((stdtrit(count - 1, 1 - alpha / 2) / ndtri(1 - alpha / 2)) ** 2)

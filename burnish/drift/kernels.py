"""The compiled walk over two sorted samples; importing this module loads numba.

What belongs here: loops over sorted values. What does not: when they are worth numba's start, and
the same walk in numpy (`burnish.drift.statistics`), with which the results agree.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True)
def gaps(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    """The greatest gap between two distribution functions, and the area between them."""
    m, n = before.size, after.size
    step, other = 1.0 / m, 1.0 / n
    i = j = 0
    greatest = area = 0.0
    last = min(before[0], after[0])
    # No branch depends on which sample is next: a wrong guess would cost more than the work.
    while i < m and j < n:
        x, y = before[i], after[j]
        at = min(x, y)
        gap = abs(i * step - j * other)
        area += gap * (at - last)
        # Only a gap behind the last of equal values counts.
        greatest = max(greatest, gap if at > last else 0.0)
        last = at
        i += x <= y
        j += y <= x
    left, size, ahead = (before, m, i) if i < m else (after, n, j)
    for place in range(ahead, size):
        at = left[place]
        gap = abs(1.0 - place / size)
        area += gap * (at - last)
        greatest = max(greatest, gap if at > last else 0.0)
        last = at
    return greatest, area

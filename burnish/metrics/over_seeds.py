"""A paired difference over several seeds: both the rows and the randomness of training count.

What belongs here: the interval, from differences by seed and row. What does not: training anything
(`burnish.workflows.returns`), or two models without repeats (`burnish.metrics.intervals`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from burnish.errors import DataError
from burnish.metrics.intervals import Interval


@dataclass(frozen=True)
class SeededDifference:
    """The mean difference over rows and seeds, and what its interval is made of.

    value: the plain mean, NaN without rows. centre: the mean with two rows added. error: the
    standard error. df: its degrees of freedom.
    """

    value: float
    centre: float
    error: float
    df: float

    def interval(self, confidence: float = 0.95) -> Interval:
        """The limits at `confidence`, inside [-1, 1]. Raises `DataError` for one not in (0, 1)."""
        from scipy.special import stdtrit

        if not 0.0 < confidence < 1.0:
            raise DataError(f"confidence is {confidence}", expected="a number inside (0, 1)")
        if self.error == 0.0 or self.value != self.value:
            known = self.value == self.value
            return Interval(self.value, self.value, self.value) if known else Interval(nan, -1, 1)
        half = float(stdtrit(self.df, 0.5 + confidence / 2)) * self.error
        return Interval(self.value, max(-1.0, self.centre - half), min(1.0, self.centre + half))


def seeded_difference(differences: ArrayLike) -> SeededDifference:
    """The mean of `differences`, shape (seeds, rows), over seeds and rows drawn at random.

    A cell is what one seed's model with a change gets right of a row, less what the same seed's
    model without it does: -1, 0 or 1. Rows and seeds are both samples, and each row is met by each
    seed, so that the variance of the mean has three parts: of rows, of seeds, and of the two
    together. They are estimated by mean squares, and the degrees of freedom by Satterthwaite's
    rule, as is usual where several readers judge the same cases (Obuchowski & Rockette 1995;
    Hillis 2007). Two rows are added, half of them a gain and half a loss, as Agresti & Min (2005)
    do for paired proportions: so a mean of few rows, or of rows that never differ, keeps a width.

    Raises `DataError` for fewer than two seeds, and for cells outside [-1, 1].

    >>> found = seeded_difference([[1, 0, 0, 0] * 10, [1, 0, 0, 0] * 9 + [0, 0, 0, 0]])
    >>> round(found.value, 4), found.interval().low > 0
    (0.2375, True)
    >>> seeded_difference([[0] * 50] * 3).interval().high > 0
    True
    """
    cells = np.asarray(differences, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[0] < 2:
        raise DataError(
            f"differences of shape {cells.shape}", expected="(seeds, rows) with two seeds or more"
        )
    if not (np.abs(cells) <= 1.0).all():
        raise DataError("a difference outside [-1, 1]", expected="-1, 0 or 1, or a mean of these")
    seeds, rows = cells.shape
    if rows == 0:
        return SeededDifference(nan, nan, nan, inf)
    value = float(cells.mean())
    by_row, by_seed = cells.mean(axis=0), cells.mean(axis=1)
    more = rows + 2
    centre = float(by_row.sum() / more)
    # A gain and a loss, each counting half, beside a row of 0; seeds agree on them as on others.
    agreed = (1.0 + np.square(by_row).sum()) / (1.0 + np.square(cells).mean(axis=0).sum())
    of_rows = float(np.square(by_row).sum() + agreed - more * centre**2) / more**2
    left = cells - by_row - by_seed[:, None] + value
    both = float(np.square(left).sum()) / max(1, (rows - 1) * (seeds - 1)) / (rows * seeds)
    of_seeds = float(by_seed.var(ddof=1)) / seeds
    variance = of_rows + max(0.0, of_seeds - both)
    doubt = of_rows**2 / (more - 1)
    if of_seeds > both:
        doubt += of_seeds**2 / (seeds - 1) + both**2 / max(1, (rows - 1) * (seeds - 1))
    return SeededDifference(value, centre, sqrt(variance), variance**2 / doubt)

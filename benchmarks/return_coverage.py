"""How often the interval of a gain over rows and seeds holds the truth, on planted answers.

Each row is right or wrong by chance, with the fixes and without: by a row's own ease, which both
models share; by what the fixes do to the row, the same in all seeds; and by a shift of each seed,
another with and without, so that all rows of a seed move together. The truth is the mean over rows
and seeds without end. Beside the interval of `burnish.metrics.seeded_difference` stand two that
people use: of the mean over rows as if these seeds were all there are, and of the mean over seeds
as if these rows were.

    python benchmarks/return_coverage.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from itertools import product

import numpy as np
from paired import table
from scipy.special import ndtr, stdtrit

from burnish.metrics import seeded_difference

REPEATS = 1_000
ROWS, SEEDS = (50, 200, 700), (3, 5, 10)
SPREADS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.2), (0.5, 0.2))
"""How much rows differ in what the fixes do to them, and seeds in their shift."""
GAIN = (0.0, 0.1)


def planted(
    rng: np.random.Generator, shape: tuple[int, int], spread: tuple[float, float], gain: float
) -> np.ndarray:
    (seeds, rows), (by_row, by_seed) = shape, spread
    ease = 1.2 + rng.normal(0, 1.0, rows)
    fixed = gain + rng.normal(0, by_row, rows)
    own = rng.normal(0, 0.5, (seeds, rows))
    noise = rng.normal(0, 0.25, (2, seeds, rows))
    moved = rng.normal(0, by_seed, (2, seeds, 1))
    without = ease + own + noise[0] + moved[0] > 0
    having = ease + own + noise[1] + moved[1] + fixed > 0
    return having.astype(float) - without


def truth(spread: tuple[float, float], gain: float) -> float:
    before = np.sqrt(1.0 + 0.25 + 0.0625 + spread[1] ** 2)
    after = np.hypot(before, spread[0])
    return float(ndtr((1.2 + gain) / after) - ndtr(1.2 / before))


def held(differences: np.ndarray, true: float) -> list[bool]:
    own = seeded_difference(differences).interval()
    found = [own.low <= true <= own.high]
    for axis in (0, 1):
        means = differences.mean(axis=axis)
        half = stdtrit(means.size - 1, 0.975) * means.std(ddof=1) / np.sqrt(means.size)
        found.append(bool(abs(means.mean() - true) <= half))
    return found


def main() -> None:
    lines, least = [], 1.0
    for spread, rows, seeds in product(SPREADS, ROWS, SEEDS):
        rng = np.random.default_rng(7)
        hits = np.array(
            [
                held(planted(rng, (seeds, rows), spread, gain), truth(spread, gain))
                for gain in GAIN
                for _ in range(REPEATS)
            ]
        ).mean(axis=0)
        least = min(least, hits[0])
        lines.append(
            [
                *(f"{one:g}" for one in spread),
                str(rows),
                str(seeds),
                *(f"{100 * one:.1f}" for one in hits),
            ]
        )
    names = [
        "spread of rows",
        "of seeds",
        "rows",
        "seeds",
        "over rows and seeds",
        "rows alone",
        "seeds alone",
    ]
    print(f"Coverage in %, nominal 95 %, {len(GAIN) * REPEATS:,} draws a line\n")
    print(table(names, lines))
    print(f"\nmean {np.mean([float(one[4]) for one in lines]):.1f} %, least {100 * least:.1f} %")


if __name__ == "__main__":
    main()

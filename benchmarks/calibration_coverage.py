"""How often the interval of a calibration error holds the truth, beside a bootstrap of rows.

`python benchmarks/calibration_coverage.py --runs 400` prints the table of
`docs/methods/calibration.md`. Truth: labels are drawn from known probabilities, and the error of
those, in the very bins of the claimed ones, is what the interval has to hold.
"""

from __future__ import annotations

import argparse

import numpy as np

from burnish.calibration import calibration_error
from burnish.metrics import equal_mass_bins

BINS = 15


def world(kind: str, n: int, K: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Claimed and true probabilities, shape (n, K)."""
    scores = np.exp(2 * rng.normal(size=(n, K)))
    true = scores / scores.sum(axis=1, keepdims=True)
    if kind == "top tenth off":
        top = true.max(axis=1)
        off = (top > np.quantile(top, 0.9))[:, None]
        return true, np.where(off, 0.75 * true + 0.25 / K, true)
    power = {"calibrated": 1.0, "temperature 1.15": 1.15, "temperature 1.5": 1.5}[kind]
    claimed = true**power
    return claimed / claimed.sum(axis=1, keepdims=True), true


def binned(confidence: np.ndarray, right: np.ndarray) -> float:
    sums = np.bincount(equal_mass_bins(confidence, BINS), weights=right - confidence)
    return float(np.abs(sums).sum() / confidence.size)


def one_run(kind: str, n: int, K: int, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    claimed, true = world(kind, n, K, rng)
    labels = (rng.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1).clip(0, K - 1)
    found = calibration_error(labels, claimed, classes=range(K), bins=BINS, draws=500)
    confidence, first = claimed.max(axis=1), claimed.argmax(axis=1)
    truth = binned(confidence, true[np.arange(n), first])
    right = (labels == first).astype(float)
    again = [binned(confidence[rows], right[rows]) for rows in rng.integers(n, size=(200, n))]
    low, high = np.quantile(again, [0.025, 0.975])
    return [
        truth,
        found.value,
        found.by_chance,
        found.debiased,
        found.low - 1e-9 <= truth <= found.high + 1e-9,
        found.high - found.low,
        low <= truth <= high,
        found.p_value < 0.05,
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=400)
    runs = parser.parse_args().runs
    names = ["truth", "ECE", "by chance", "debiased", "interval holds", "width"]
    names += ["bootstrap of rows holds", "p < 0.05"]
    print("| model | K | rows |", " | ".join(names), "|")
    print("|" + " --- |" * (3 + len(names)))
    held, n_worlds = 0.0, 0
    for kind in ("calibrated", "temperature 1.15", "temperature 1.5", "top tenth off"):
        for K in (2, 5):
            for n in (100, 300, 1000):
                mean = np.mean([one_run(kind, n, K, seed) for seed in range(runs)], axis=0)
                held, n_worlds = held + mean[4], n_worlds + 1
                print(
                    f"| {kind} | {K} | {n} |", " | ".join(f"{x:.3f}" for x in mean), "|", flush=True
                )
    print(f"\nMean coverage {held / n_worlds:.3f}")


if __name__ == "__main__":
    main()

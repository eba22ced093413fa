"""What the benchmarks share: running seeds side by side, and paired means with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95 % interval (Student's t)."""

    value: float
    low: float
    high: float

    def in_points(self) -> str:
        return f"{100 * self.value:+.2f} ({100 * self.low:+.2f} to {100 * self.high:+.2f})"


def mean_of(values: Iterable[float]) -> Mean:
    x = np.asarray(list(values), dtype=float)
    half = float(t.ppf(0.975, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
    return Mean(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


def over_seeds(function: Callable[[Any], Any], seeds: Iterable[Any], *, workers: int) -> list[Any]:
    """`function` of each seed, in the order of the seeds; each process keeps to one thread."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, seeds))


def table(headers: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
